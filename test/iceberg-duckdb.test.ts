import { expect } from 'vitest'
import type { LakeTable } from '../src/lake/lake.ts'
import { change, testWithPyIceberg } from './support/pyiceberg.ts'
import { everyKind, everyKindRow, everyKindSql } from './support/every-kind.ts'
import { type TestLake, testLake } from './support/lake.ts'
import { numbersOf, numberTable, put, range } from './support/lake-numbers.ts'
import { testWithPython } from './support/python.ts'
import { pythonService } from './support/python-service.ts'
import { type LifeStage, tableLife, userRows } from './support/table-life.ts'

const signal = new AbortController().signal

/** DuckDB's own Iceberg extension: it reads metadata, manifests and deletes by itself, not through our plans. */
const testWithDuckdb = testWithPython('duckdb')
const readTable = pythonService('duckdb', 'read_table_duckdb.py')

interface Seen {
  readonly columns: readonly (readonly [string, string])[]
  readonly rows: readonly (readonly unknown[])[]
  readonly snapshots: readonly string[]
}

async function see(place: TestLake, table: LakeTable, ...options: readonly string[]): Promise<Seen> {
  const { location } = await place.lake.metadata(table.id)
  return JSON.parse(await readTable([location, ...options])) as Seen
}

testWithDuckdb('DuckDB’s Iceberg reads row by row what we write, at every snapshot', async () => {
  await using place = await testLake()
  const table = await place.table(everyKind, { dayColumn: 'timestamp', clusterBy: ['_id'] })
  const first = await place.append(table, everyKindSql(0, 60))
  const second = await place.append(table, everyKindSql(60, 100))
  const inOrder = (seen: Seen) =>
    seen.rows.toSorted((left, right) => (String(left[0]) < String(right[0]) ? -1 : 1))

  const seen = await see(place, table)
  expect(seen.snapshots).toEqual([first.snapshotId, second.snapshotId])
  const rows = inOrder(seen)
  expect(rows).toHaveLength(100)
  for (const [i, row] of rows.entries()) {
    expect(row.slice(0, 15), `row ${i}`).toEqual(everyKindRow(i))
    const by = i < 60 ? first : second
    expect(row[15]).toEqual({ ingestTime: by.ingestTimeMs, sourceBatchId: row[16] })
  }

  const old = inOrder(await see(place, table, '--snapshot', first.snapshotId!))
  expect(old.map((row) => row.slice(0, 15))).toEqual(range(0, 60).map(everyKindRow))
  // It skips files by our bounds: what it finds then is what there is.
  for (const where of [
    `timestamp >= TIMESTAMPTZ '2026-01-03 00:00:00+00' AND timestamp < TIMESTAMPTZ '2026-01-05 00:00:00+00'`,
    `_id = 'e00042'`,
    'n >= 90',
    'price < -6',
    `web.url = 'https://例え.jp/41'`,
  ]) {
    const plan = await place.lake.plan({ tableId: table.id, snapshotId: second.snapshotId })
    const ours = await place.rows(
      { ...plan, sql: `(SELECT * FROM ${plan.sql} WHERE ${where})` },
      everyKind.fields,
    )
    const theirs = inOrder(await see(place, table, '--where', where))
    expect(theirs.length, where).toBeGreaterThan(0)
    expect(
      theirs.map(([id]) => id),
      where,
    ).toEqual(ours.map(([id]) => String(id)).toSorted())
  }
})

testWithDuckdb(
  'DuckDB’s Iceberg reads row by row what was evolved, overwritten, compacted, merged and deleted, now and then',
  async () => {
    await using place = await testLake()
    let past: LifeStage[] = []
    for await (const stage of tableLife(place)) {
      const { name, table, rows } = stage
      const seen = await see(place, table)
      expect(userRows(seen, table), name).toEqual(rows)
      const still = new Set((await place.lake.commits(table.id)).map(({ snapshotId }) => snapshotId))
      expect(new Set(seen.snapshots), name).toEqual(still)
      past = past.filter(({ snapshotId }) => still.has(snapshotId))
      for (const before of past) {
        const then = await see(place, table, '--snapshot', before.snapshotId)
        expect(userRows(then, table), `${before.name}, when ${name}`).toEqual(before.rows)
      }
      past.push(stage)
    }
    expect(past.map(({ name }) => name)).toEqual(['deleted', 'expired'])
  },
)

testWithDuckdb('DuckDB’s Iceberg reads a table that has no rows yet, and one without any left', async () => {
  await using place = await testLake()
  const table = await place.table(everyKind)
  expect((await see(place, table)).rows).toEqual([])
  await place.append(table, everyKindSql(0, 5))
  await place.lake.deleteRows({ tableId: table.id, condition: { sql: 'true' }, signal })
  expect((await see(place, table)).rows).toEqual([])
})

testWithPyIceberg('what PyIceberg wrote into our table DuckDB’s Iceberg reads as we do', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, range(0, 30))
  const row = (n: number) => JSON.stringify([{ n, person: 'x', timestamp: '2026-01-01T05:00:00+00:00' }])
  for (const command of [
    ['append', row(100)],
    ['delete', 'n >= 20 and n < 50'],
    ['overwrite', 'n < 3', row(200)],
  ]) {
    await place.lake.commit({ tableId: table.id, ...(await change(place, table, ...command)), signal })
    const { rows } = await see(place, table)
    expect(
      rows.map(([n]) => Number(n)).toSorted((left, right) => left - right),
      command[0],
    ).toEqual(await numbersOf(place, table))
  }
})
