import { expect, test } from 'vitest'
import { longType, stringType, structType, timestampType } from '../types/data-type.ts'
import { icebergStruct } from '../types/iceberg.ts'
import { dataFileOf, measuredColumns } from './data-file.ts'
import { systemColumns } from './system-columns.ts'

/** Far more columns than are measured, and those that people filter by at the end of them. */
const wide = structType([
  ...Array.from({ length: 500 }, (_, index) => ({ name: `c${index}`, type: longType })),
  { name: 'web', type: structType([{ name: 'page', type: stringType }]) },
  { name: 'timestamp', type: timestampType },
  { name: 'person', type: stringType },
  ...systemColumns.fields,
])

test('of a wide table some columns are measured: those of the day, of clustering and of the system before all others', () => {
  const { struct } = icebergStruct(wide, 0)
  const measured = measuredColumns(struct, ['timestamp', 'person'])
  expect(measured.size).toBe(200)
  const names = [...measured.keys()]
  for (const name of ['"timestamp"', '"person"', '"_ACP_BATCHID"', '"_acp_system_metadata"."ingestTime"']) {
    expect(names.slice(0, 6)).toContain(name)
  }
  expect(names).not.toContain('"web"."page"')

  const statistics = Object.fromEntries(
    Array.from({ length: 500 }, (_, index) => [
      `"c${index}"`,
      { columnBytes: 8, valueCount: 1, nullCount: 0 },
    ]),
  )
  const file = dataFileOf(
    { path: '/x', rowCount: 1, bytes: 100, partition: {}, statistics },
    { uri: 'file:///x', dayName: undefined, measured, sortOrderId: 0 },
  )
  const ofOthers = names.filter((name) => /^"c\d+"$/.test(name)).length
  expect(ofOthers).toBeGreaterThan(100)
  for (const counts of [file.columnBytes, file.valueCounts, file.nullCounts])
    expect(counts.size).toBe(ofOthers)
})
