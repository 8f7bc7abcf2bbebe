import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { expect, onTestFinished, test } from 'vitest'
import { registerNatives } from './natives.ts'
import { runToEnd } from './run-to-end.ts'

const connect = async () => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', external_threads: '0' })
  return await instance.connect()
}

test('gives what the statement gives', async () => {
  const result = await runToEnd(
    await connect(),
    'SELECT max(hash(i)) > 0, count(*) FROM range(3000000) AS t(i)',
  )
  expect(await result.getRows()).toEqual([[true, 3_000_000n]])
})

test('failures say what happened, before it begins, at once, in the end', async () => {
  const connection = await connect()
  await expect(runToEnd(connection, 'SELECT nothing')).rejects.toThrow(
    'Binder Error: Referenced column "nothing" was not found',
  )
  await expect(runToEnd(connection, "SELECT error('no')")).rejects.toThrow(/no$/)
  await expect(
    runToEnd(connection, "SELECT CASE WHEN i > 29999990 THEN error('late') END FROM range(30000000) AS t(i)"),
  ).rejects.toThrow(/late$/)
})

test('an interrupt ends it', async () => {
  const connection = await connect()
  const running = runToEnd(
    connection,
    'SELECT sum(a.i * b.i) FROM range(1000000) AS a(i), range(1000000) AS b(i)',
  )
  // Again and again: one that comes before it runs is lost.
  const interrupting = setInterval(() => connection.interrupt(), 50)
  await expect(running).rejects.toThrow('INTERRUPT')
  clearInterval(interrupting)
})

test('what is planned with values that are computed in JavaScript does not wait for itself', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-run-to-end-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [from, to] = [join(folder, 'from.parquet'), join(folder, 'to.parquet')]
  const connection = await connect()
  registerNatives(connection)
  await connection.run(`COPY (SELECT i FROM range(9) AS t(i)) TO '${from}'`)
  const query = `SELECT i FROM read_parquet('${from}') WHERE i >= native_levenshtein('a', 'b')`
  const result = await runToEnd(connection, `COPY (${query}) TO '${to}'`)
  expect(await result.getRows()).toEqual([[8n]])
})
