import { sql } from 'kysely'
import { expect, test, vi } from 'vitest'
import { silentLogger } from '#base/log.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { connectMetadata } from './connect.ts'
import type { Metadata, Transaction } from './metadata.ts'
import { migrations } from './migrate.ts'

const run = (db: Metadata['db'] | Transaction, statement: string) => sql.raw(statement).execute(db)

test('each test database is migrated and separate', async () => {
  await using one = await testMetadata()
  await using other = await testMetadata()
  await run(one.db, 'create table mine (x integer)')
  await expect(run(other.db, 'select * from mine')).rejects.toThrow('does not exist')
  const { rows } = await run(other.db, 'select count(*)::integer as n from sluice_migrations')
  expect(rows).toEqual([{ n: migrations.length }])
})

test('two transactions in a deadlock both succeed in the end', async () => {
  await using metadata = await testMetadata()
  await run(metadata.db, 'create table t (id integer primary key, n integer)')
  await run(metadata.db, 'insert into t values (1, 0), (2, 0)')
  let tries = 0
  let waiting: (() => void)[] = []
  // On the first try each waits until the other holds its first row.
  const both = async () => {
    if ((tries += 1) > 2) return
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
      if (waiting.length === 2) for (const go of waiting) go()
    })
  }
  const add = (first: number, second: number) =>
    metadata.transaction(async (tx) => {
      await run(tx, `update t set n = n + 1 where id = ${first}`)
      await both()
      await run(tx, `update t set n = n + 1 where id = ${second}`)
    })
  await Promise.all([add(1, 2), add(2, 1)])
  const { rows } = await run(metadata.db, 'select n from t')
  expect(rows).toEqual([{ n: 2 }, { n: 2 }])
  expect(tries).toBe(3)
  waiting = []
})

test('transactions that ask besides what they are about are not kept waiting by one another', async () => {
  await using metadata = await testMetadata()
  let begun = 0
  const all = Promise.withResolvers<void>()
  const asking = Array.from({ length: 8 }, () =>
    metadata.transaction(async () => {
      if ((begun += 1) === 8) all.resolve()
      await all.promise
      await run(metadata.db, 'select 1')
    }),
  )
  await Promise.all(asking)
}, 10_000)

test('an error other than a conflict is not tried again and rolls back', async () => {
  await using metadata = await testMetadata()
  await run(metadata.db, 'create table t (n integer)')
  let tries = 0
  const failing = metadata.transaction(async (tx) => {
    tries += 1
    await run(tx, 'insert into t values (1)')
    throw new Error('mine')
  })
  await expect(failing).rejects.toThrow('mine')
  expect(tries).toBe(1)
  expect((await run(metadata.db, 'select * from t')).rows).toEqual([])
})

test('a notification is heard, by each who listens and by nobody who stopped', async () => {
  await using metadata = await testMetadata()
  const heard: string[] = []
  await using _one = await metadata.listen('bell', (payload) => heard.push(`one ${payload}`))
  const other = await metadata.listen('bell', (payload) => heard.push(`other ${payload}`))
  await run(metadata.db, `notify bell, 'a'`)
  await vi.waitFor(() => expect(heard.sort()).toEqual(['one a', 'other a']), 30_000)
  await other[Symbol.asyncDispose]()
  await run(metadata.db, `notify bell, 'b'`)
  await vi.waitFor(() => expect(heard).toContain('one b'), 30_000)
  expect(heard).not.toContain('other b')
})

test('after a lost connection who listens is called once and hears again', async () => {
  await using metadata = await testMetadata()
  const heard: string[] = []
  await using _one = await metadata.listen('bell', (payload) => heard.push(payload))
  await run(
    metadata.db,
    `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'listen%'`,
  )
  await vi.waitFor(() => expect(heard).toEqual(['']), { timeout: 10_000 })
  await run(metadata.db, `notify bell, 'again'`)
  await vi.waitFor(() => expect(heard).toEqual(['', 'again']), 30_000)
})

test('a connection cut off while lent out fails its statement only', async () => {
  await using metadata = await testMetadata()
  await expect(
    metadata.transaction(async (tx) => {
      const { rows } = await run(tx, 'select pg_backend_pid() as pid')
      await run(metadata.db, `select pg_terminate_backend(${(rows[0] as { pid: number }).pid}, 5000)`)
      await run(tx, 'select 1')
    }),
  ).rejects.toMatchObject({ code: 'metadata.unavailable', message: expect.stringContaining('was lost') })
  expect((await run(metadata.db, 'select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('a database that does not exist is named as unreachable, without the password', async () => {
  await using metadata = connectMetadata({
    connection: { connectionString: 'postgres://u:hunter2@127.0.0.1:1/none' },
    logger: silentLogger,
    acquireMsMax: 100,
  })
  const error: unknown = await run(metadata.db, 'select 1').catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'metadata.unavailable' })
  expect(JSON.stringify(error) + String(error)).not.toContain('hunter2')
})

test('what PostgreSQL lacks room for may be tried again, and says so', async () => {
  await using metadata = await testMetadata()
  const failing = (code: string) =>
    metadata.transaction((tx) =>
      run(tx, `do $$ begin raise exception 'no' using errcode = '${code}'; end $$`),
    )
  await expect(failing('53100')).rejects.toMatchObject({ code: 'store.full', meaning: { retry: true } })
  await expect(failing('53200')).rejects.toMatchObject({
    code: 'metadata.unavailable',
    meaning: { retry: true },
  })
})
