import { expect } from 'vitest'
import { newBatchId } from '../src/base/ids.ts'
import type { LakeTable } from '../src/lake/lake.ts'
import { type TestLake, testLake } from './support/lake.ts'
import { numbersOf, numberTable, put, range } from './support/lake-numbers.ts'
import { evolvedRow, evolvedTable, newRows, oldTable } from './support/lake-states.ts'
import { change, see, testWithPyIceberg } from './support/pyiceberg.ts'

const signal = new AbortController().signal

/**
 * Row by row, system columns apart. Of a list or map of structs PyIceberg makes an empty one where it is NULL (Arrow's
 * arrays are put together without their mask): there the two are not told apart, and the table has no empty ones.
 */
async function expectSeen(place: TestLake, table: LakeTable, expected: ReadonlyMap<number, boolean>) {
  const seen = await see(place, table)
  const columnCount = table.schema.fields.length
  const names = seen.columns.map(([name]) => name)
  // Columns that came later stand after the system columns.
  const places = table.schema.fields.map((field) => names.indexOf(field.name))
  expect(names).toHaveLength(columnCount + 2)
  const rows = seen.rows
    .map((row) => places.map((index) => nullOfEmpty(row[index])))
    .toSorted((left, right) => (String(left[0]) < String(right[0]) ? -1 : 1))
  expect(rows).toEqual([...expected].map(([i, isOld]) => evolvedRow(i, isOld)))
  return seen
}

function nullOfEmpty(value: unknown): unknown {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? null : value
}

testWithPyIceberg(
  'PyIceberg reads row by row what was evolved, overwritten, compacted and deleted',
  async () => {
    await using place = await testLake()
    const old = await oldTable(place, 40)
    const table = await evolvedTable(place, old, { from: 40, to: 50 })
    const rows = new Map([
      ...range(0, 40).map((i) => [i, true] as const),
      ...range(40, 50).map((i) => [i, false] as const),
    ])
    await expectSeen(place, table, rows)

    await place.lake.overwrite({
      tableId: table.id,
      batchId: newBatchId(),
      source: { sql: newRows(3, 5), files: [], pool: 'batch' },
      replaces: { sql: 'n IN (3, 4)' },
      signal,
    })
    for (const i of [3, 4]) rows.set(i, false)
    await expectSeen(place, table, rows)

    await place.lake.compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
    const compacted = await expectSeen(place, table, rows)
    expect(compacted.files).toBe(1)
    expect(compacted.snapshots.at(-1)?.operation).toBe('replace')

    await place.append(table, newRows(50, 60))
    await place.lake.mergeManifests({ tableId: table.id, manifestsMax: 1, manifestFilesMax: 5, signal })
    for (const i of range(50, 60)) rows.set(i, false)
    await expectSeen(place, table, rows)

    await place.lake.deleteRows({
      tableId: table.id,
      condition: { sql: `web['name'] = 'page 7' OR n = 55` },
      signal,
    })
    for (const i of [7, 55]) rows.delete(i)
    const deleted = await expectSeen(place, table, rows)
    expect(deleted.counts.reduce((sum, file) => sum + file.record_count, 0)).toBe(58)

    await place.lake.expire({ tableId: table.id, retentionMs: 0, signal })
    expect((await expectSeen(place, table, rows)).snapshots).toHaveLength(1)
  },
)

const row = (n: number) => JSON.stringify([{ n, person: 'x', timestamp: '2026-01-01T05:00:00+00:00' }])

testWithPyIceberg(
  'what PyIceberg appends, deletes, overwrites and adds becomes part of the table',
  async () => {
    await using place = await testLake()
    const table = await numberTable(place)
    const first = await put(place, table, range(0, 30))
    const commit = async (...command: readonly string[]) =>
      await place.lake.commit({ tableId: table.id, ...(await change(place, table, ...command)), signal })

    await commit('append', row(100))
    expect(await numbersOf(place, table)).toEqual([...range(0, 30), 100])
    expect(await numbersOf(place, table, { afterSequence: first.commitSequence })).toEqual([100])
    expect((await place.lake.commits(table.id)).at(-1)).toMatchObject({
      operation: 'append',
      addedRowCount: 1,
    })

    await commit('delete', 'n >= 20 and n < 50')
    expect(await numbersOf(place, table)).toEqual([...range(0, 20), 100])
    await put(place, table, [200])
    expect(await numbersOf(place, table)).toEqual([...range(0, 20), 100, 200])

    const evolved = await commit('add', 'note')
    expect(evolved.schema.fields.map((field) => field.name)).toEqual(['n', 'person', 'timestamp', 'note'])
    expect(evolved.schema.fields[0]).toEqual(table.schema.fields[0])
    await place.append(evolved, `SELECT 300, 'y', TIMESTAMPTZ '2026-01-01 06:00:00+00', 'a note'`)
    await place.lake.compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
    expect(await numbersOf(place, table)).toEqual([...range(0, 20), 100, 200, 300])
    const seen = await see(place, table, '--filter', 'note is not null')
    expect(seen.rows.map(([n]) => n)).toEqual([300])

    const stale = await change(place, table, 'append', row(400))
    await place.append(evolved, `SELECT 500, 'y', NULL, NULL`)
    await expect(place.lake.commit({ tableId: table.id, ...stale, signal })).rejects.toMatchObject({
      code: 'lake.conflict',
      meaning: { http: 409 },
    })
    expect(await numbersOf(place, table)).toEqual([...range(0, 20), 100, 200, 300, 500])
  },
)
