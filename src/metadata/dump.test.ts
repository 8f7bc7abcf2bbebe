import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { testMetadata } from '../../test/support/metadata.ts'
import { dumpTables, loadTables, selectSequences, type TableDump } from './dump.ts'
import type { BatchId } from '#base/ids.ts'
import { beginEpoch, selectHomeState } from './home-state.ts'
import { claimRun } from './jobs.ts'
import { tableNames } from './table-names.ts'
import type { Db } from './metadata.ts'

async function dumpOf(db: Db) {
  return await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => {
      const tables = new Map<string, { columns: readonly string[]; rows: string[] }>()
      for await (const { table, columns, rows } of dumpTables(tx)) {
        tables.set(table, { columns, rows: (await all(rows)).toSorted() })
      }
      return { tables, sequences: await selectSequences(tx) }
    })
}

async function all(rows: AsyncIterable<string>): Promise<string[]> {
  const lines: string[] = []
  for await (const row of rows) lines.push(row)
  return lines
}

const id = (n: number) => `00000000-0000-0000-0000-00000000000${n}`
const awkward = String.raw`a "quoted", \back, (tuple) NULL
line é 🦭`

async function fill(db: Db): Promise<void> {
  const run = (n: number, kind: string, state: string, more = '') => sql`insert into job_runs
    (id, kind, subject_id, tick, state, due_at, principal_id, sandbox_id, payload, fence, leased_until, created_at, updated_at, message)
    values (${id(n)}, ${kind}, 's', ${`t${n}`}, ${state}, now(), ${id(9)}, ${id(9)}, ${JSON.stringify({ text: awkward })},
      3, case when ${state} = 'running' then now() + interval '1 hour' end, '2026-01-02 03:04:05.678901+00', now(), ${more})`
  await run(1, 'export', 'running', awkward).execute(db)
  await run(2, 'backup', 'running').execute(db)
  await run(3, 'load', 'succeeded').execute(db)
  await sql`insert into export_runs values (${id(1)}, ${id(8)}, 'd', '{}', null, null, true, now())`.execute(
    db,
  )
  for (const [n, state] of ['intended', 'staged', 'sealed'].entries()) {
    await sql`insert into export_parts (id, run_id, fence, number, store, token, state, spool_path, created_at)
      values (${id(n)}, ${id(1)}, 3, ${n}, '{}', '{}', ${state}, '/x', now())`.execute(db)
  }
  await sql`insert into identity_namespaces (sandbox_id, code, name, description, id_type, created_at, updated_at, created_by)
    values (${id(9)}, 'X', ${awkward}, '', 'COOKIE', now(), now(), ${id(9)})`.execute(db)
}

function opened(tables: Awaited<ReturnType<typeof dumpOf>>['tables']) {
  return async (table: string): Promise<TableDump> => {
    const { columns, rows } = tables.get(table)!
    return {
      table,
      columns,
      rows: (async function* () {
        yield* rows
      })(),
    }
  }
}

test('the list of tables is what the migrations make', async () => {
  await using metadata = await testMetadata()
  const { rows } = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = current_schema() and tablename <> 'sluice_migrations'`.execute(
    metadata.db,
  )
  expect(rows.map(({ name }) => name).toSorted()).toEqual(tableNames)
})

test('what was dumped is loaded to the last bit, references, sequences and identities too', async () => {
  await using source = await testMetadata()
  await using target = await testMetadata()
  await fill(source.db)
  const dump = await dumpOf(source.db)
  expect(dump.tables.get('job_runs')!.rows).toHaveLength(3)
  await target.transaction((tx) =>
    loadTables(tx, { tables: tableNames, open: opened(dump.tables), sequences: dump.sequences }),
  )
  expect(await dumpOf(target.db)).toEqual(dump)
  const next = await sql<{ id: number }>`insert into identity_namespaces
    (sandbox_id, code, name, description, id_type, created_at, updated_at, created_by)
    values (${id(9)}, 'Y', 'y', '', 'COOKIE', now(), now(), ${id(9)}) returning id`.execute(target.db)
  expect(next.rows[0]!.id).toBe(10_000_001)
})

test('columns of another version are refused', async () => {
  await using source = await testMetadata()
  const dump = await dumpOf(source.db)
  dump.tables.get('batches')!.columns = ['id']
  const loading = source.transaction((tx) =>
    loadTables(tx, { tables: tableNames, open: opened(dump.tables), sequences: dump.sequences }),
  )
  await expect(loading).rejects.toMatchObject({
    code: 'backup.corrupt',
    message: expect.stringContaining('batches'),
  })
})

test('a new epoch fences who worked, ends the backup in itself and lets go of what was not sealed', async () => {
  await using metadata = await testMetadata()
  await fill(metadata.db)
  const before = await selectHomeState(metadata.db)
  const at = new Date('2026-05-05T05:05:05Z')
  expect(
    await metadata.transaction((tx) => beginEpoch(tx, { backupId: 'b1', at, nodeId: 'new', staged: [] })),
  ).toBe(before.epoch + 1)
  expect(await selectHomeState(metadata.db)).toMatchObject({ home_id: before.home_id, restored_from: 'b1' })
  const runs = await sql`select kind, state, fence, leased_until as until from job_runs order by id`.execute(
    metadata.db,
  )
  expect(runs.rows).toEqual([
    { kind: 'export', state: 'running', fence: 1_000_003, until: at },
    { kind: 'backup', state: 'cancelled', fence: 1_000_003, until: null },
    { kind: 'load', state: 'succeeded', fence: 3, until: null },
  ])
  const claim = {
    kinds: ['export'],
    fullLanes: [],
    node: 'n',
    incarnation: 'i',
    now: new Date(),
    leasedUntil: new Date(),
  }
  expect(await claimRun(metadata.db, { ...claim, epoch: before.epoch })).toBeUndefined()
  expect(await claimRun(metadata.db, { ...claim, epoch: before.epoch + 1 })).toMatchObject({ id: id(1) })
  const parts = await sql<{ state: string }>`select state from export_parts order by number`.execute(
    metadata.db,
  )
  expect(parts.rows.map(({ state }) => state)).toEqual(['gone', 'gone', 'sealed'])
})

test('in a new epoch a batch is of the home that has its files, of whoever had them, or of nobody', async () => {
  await using metadata = await testMetadata()
  const { db } = metadata
  await sql`alter table batches drop constraint batches_dataset_id_fkey`.execute(db)
  const batch = (
    name: string,
    state: string,
  ) => sql`insert into batches (id, dataset_id, sandbox_id, state, format, node_id,
      created_at, updated_at, record_count, failed_record_count, bytes, errors, tags)
    values (${name}, 'd', ${id(9)}, ${state}, 'json', 'old', now(), now(), 0, 0, 0, '[]', '{}')`
  for (const name of ['came', 'stayed']) {
    await batch(name, 'queued').execute(db)
    await sql`insert into batch_files values (${name}, 1, 'a.json', 1, 'x')`.execute(db)
    await sql`insert into job_runs (id, kind, subject_id, tick, state, due_at, principal_id, sandbox_id, payload, created_at,
        updated_at, node_id)
      values (gen_random_uuid(), 'load', ${name}, 'load', 'queued', now(), ${id(9)}, ${id(9)}, '{}', now(), now(), 'old')`.execute(
      db,
    )
  }
  await batch('empty', 'loading').execute(db)
  await batch('over', 'failed').execute(db)
  const staged = ['came' as BatchId]
  await metadata.transaction((tx) => beginEpoch(tx, { backupId: 'b', at: new Date(), nodeId: 'new', staged }))
  const nodes = await sql<{ of: string[] }>`select array[id, node_id,
    (select node_id from job_runs where subject_id = batches.id)] as of from batches order by id`.execute(db)
  expect(nodes.rows.map((row) => row.of)).toEqual([
    ['came', 'new', 'new'],
    ['empty', null, null],
    ['over', 'old', null],
    ['stayed', 'old', 'old'],
  ])
})
