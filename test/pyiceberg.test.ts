import { expect } from 'vitest'
import {
  arrayType,
  binaryType,
  booleanType,
  dateType,
  decimalType,
  doubleType,
  integerType,
  longType,
  mapType,
  stringType,
  structType,
  timestampNtzType,
  timestampType,
  voidType,
} from '../src/types/data-type.ts'
import { testLake } from './support/lake.ts'
import { see, testWithPyIceberg } from './support/pyiceberg.ts'

const columns = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'day', type: dateType },
  { name: 'is_new', type: booleanType },
  { name: 'n', type: integerType },
  { name: 'big', type: longType },
  { name: 'price', type: decimalType(18, 4) },
  { name: 'ratio', type: doubleType },
  { name: 'local', type: timestampNtzType },
  {
    name: 'web',
    type: structType([
      { name: 'url', type: stringType },
      { name: 'deep', type: structType([{ name: 'depth', type: integerType }]) },
    ]),
  },
  { name: 'tags', type: arrayType(stringType) },
  {
    name: 'identityMap',
    type: mapType(
      stringType,
      arrayType(
        structType([
          { name: 'id', type: stringType },
          { name: 'primary', type: booleanType },
        ]),
      ),
    ),
  },
  { name: 'raw', type: binaryType },
  { name: 'nothing', type: voidType },
  { name: 'odd \'näme" 名', type: stringType },
])

const startMs = Date.UTC(2026, 0, 1)
const minuteMs = 60_000

/** Rows `from` to `to`, one every 97 minutes; each column is NULL in some of them. */
function rowsSql(from: number, to: number): string {
  return `SELECT printf('e%05d', i),
    TIMESTAMPTZ '2026-01-01 00:00:00.000001+00' + INTERVAL (i * 97) MINUTE,
    CASE WHEN i % 2 = 0 THEN DATE '1969-12-31' + i::INTEGER END,
    CASE WHEN i % 3 > 0 THEN i % 3 = 1 END,
    CASE WHEN i % 5 > 0 THEN i::INTEGER END,
    4611686018427387904 + i,
    CASE WHEN i % 7 > 0 THEN (i - 50)::DECIMAL(18, 4) / 8 END::DECIMAL(18, 4),
    CASE WHEN i % 11 > 0 THEN i / 4 END::DOUBLE,
    CASE WHEN i % 2 = 1 THEN TIMESTAMP '0099-12-31 23:59:59.5' END,
    CASE WHEN i % 13 > 0 THEN {'url': 'https://例え.jp/' || i, 'deep': CASE WHEN i % 2 = 0 THEN {'depth': i::INTEGER} END} END,
    CASE WHEN i % 4 > 0 THEN [CASE WHEN i % 8 > 4 THEN 'ß' END, '😀' || i] WHEN i % 8 = 0 THEN [] END,
    CASE WHEN i % 3 > 0 THEN MAP {'ECID': [{'id': 'p' || (i % 17), 'primary': i % 2 = 0}], 'email': NULL} END,
    CASE WHEN i % 6 > 0 THEN '\\x00\\xFF'::BLOB END,
    NULL,
    repeat('ä', 20) || i
  FROM range(${from}, ${to}) t(i)`
}

function expectedRow(i: number): unknown[] {
  const eighths = BigInt(i - 50) * 1250n
  const digits = (eighths < 0n ? -eighths : eighths).toString().padStart(5, '0')
  return [
    `e${String(i).padStart(5, '0')}`,
    (startMs + i * 97 * minuteMs) * 1000 + 1,
    i % 2 === 0 ? i - 1 : null,
    i % 3 > 0 ? i % 3 === 1 : null,
    i % 5 > 0 ? i : null,
    Number(4611686018427387904n + BigInt(i)),
    i % 7 > 0 ? `${eighths < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}` : null,
    i % 11 > 0 ? i / 4 : null,
    i % 2 === 1 ? -59_011_459_200_500_000 : null,
    i % 13 > 0 ? { url: `https://例え.jp/${i}`, deep: i % 2 === 0 ? { depth: i } : null } : null,
    i % 4 > 0 ? [i % 8 > 4 ? 'ß' : null, `😀${i}`] : i % 8 === 0 ? [] : null,
    i % 3 > 0 ? { ECID: [{ id: `p${i % 17}`, primary: i % 2 === 0 }], email: null } : null,
    i % 6 > 0 ? '00ff' : null,
    null,
    `${'ä'.repeat(20)}${i}`,
  ]
}

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
