import { expect } from 'vitest'
import {
  everyKind as columns,
  everyKindRow as expectedRow,
  everyKindSql as rowsSql,
} from './support/every-kind.ts'
import { testLake } from './support/lake.ts'
import { see, testWithPyIceberg } from './support/pyiceberg.ts'

testWithPyIceberg('PyIceberg reads row by row what we write, at every snapshot', async () => {
  await using place = await testLake()
  const table = await place.table(columns, {
    dayColumn: 'timestamp',
    clusterBy: ["identityMap['ECID'][0].id"],
  })
  const first = await place.append(table, rowsSql(0, 60))
  const second = await place.append(table, rowsSql(60, 100))
  await place.append(table, rowsSql(0, 0))

  const seen = await see(place, table)
  const ordered = seen.rows.toSorted((left, right) => (String(left[0]) < String(right[0]) ? -1 : 1))
  expect(ordered).toHaveLength(100)
  for (const [i, row] of ordered.entries()) {
    expect(row.slice(0, 15), `row ${i}`).toEqual(expectedRow(i))
    const by = i < 60 ? first : second
    expect(row[15]).toEqual({ ingestTime: by.ingestTimeMs, sourceBatchId: row[16] })
  }
  expect(new Set(ordered.slice(0, 60).map((row) => row[16])).size).toBe(1)
  expect(seen.snapshots).toEqual([
    { id: first.snapshotId, operation: 'append' },
    { id: second.snapshotId, operation: 'append' },
  ])
  expect(seen.partition).toContain('day')
  expect(seen.counts.reduce((sum, file) => sum + file.record_count, 0)).toBe(100)

  const old = await see(place, table, '--snapshot', first.snapshotId!)
  expect(old.rows.map((row) => String(row[0])).sort()).toEqual(
    Array.from({ length: 60 }, (_, i) => `e${String(i).padStart(5, '0')}`),
  )
})

testWithPyIceberg('PyIceberg skips the days and files it need not read, as we do', async () => {
  await using place = await testLake()
  const table = await place.table(columns, { dayColumn: 'timestamp', clusterBy: ['_id'] })
  await place.append(table, rowsSql(0, 100))
  const { snapshotId } = await place.append(table, rowsSql(100, 200))
  const all = (await see(place, table)).files
  expect(all).toBeGreaterThan(12)
  expect((await see(place, table)).sort).toContain('1 ASC NULLS LAST')
  const filters = [
    {
      text: "timestamp >= '2026-01-03T00:00:00+00:00' and timestamp < '2026-01-05T00:00:00+00:00'",
      predicates: [
        { column: 'timestamp', operator: '>=', value: '2026-01-03T00:00:00Z' },
        { column: 'timestamp', operator: '<', value: '2026-01-05T00:00:00Z' },
      ],
    },
    { text: "_id = 'e00042'", predicates: [{ column: '_id', operator: '=', value: 'e00042' }] },
    { text: 'n >= 190', predicates: [{ column: 'n', operator: '>=', value: 190 }] },
    { text: 'price < -6', predicates: [{ column: 'price', operator: '<', value: '-6' }] },
    { text: 'ratio > 49.0', predicates: [{ column: 'ratio', operator: '>', value: 49 }] },
    { text: "day <= '1970-01-10'", predicates: [{ column: 'day', operator: '<=', value: '1970-01-10' }] },
  ] as const
  for (const { text, predicates } of filters) {
    const seen = await see(place, table, '--filter', text)
    const plan = await place.lake.plan({ tableId: table.id, snapshotId, predicates })
    expect(seen.files, text).toBeLessThan(all)
    expect(seen.rows.length, text).toBeGreaterThan(0)
    expect(plan.files.length, text).toBe(seen.files)
    expect(plan.files.length + plan.filesSkipped).toBe(all)
  }
})

testWithPyIceberg('PyIceberg reads a table that has no rows yet', async () => {
  await using place = await testLake()
  const table = await place.table(columns)
  const seen = await see(place, table)
  expect(seen.rows).toEqual([])
  expect(seen.columns.map(([name]) => name)).toEqual([
    ...columns.fields.map((field) => field.name),
    '_acp_system_metadata',
    '_ACP_BATCHID',
  ])
})
