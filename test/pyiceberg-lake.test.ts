import { expect } from 'vitest'
import { testLake } from './support/lake.ts'
import { numbersOf, numberTable, put, range } from './support/lake-numbers.ts'
import { change, see, testWithPyIceberg } from './support/pyiceberg.ts'
import { tableLife, userRows } from './support/table-life.ts'

const signal = new AbortController().signal

/**
 * Of a list or map of structs PyIceberg makes an empty one where it is NULL (Arrow's arrays are put together without
 * their mask): there the two are not told apart, and the table has no empty ones.
 */
function nullOfEmpty(value: unknown): unknown {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? null : value
}

testWithPyIceberg(
  'PyIceberg reads row by row what was evolved, overwritten, compacted and deleted',
  async () => {
    await using place = await testLake()
    for await (const { name, table, rows } of tableLife(place)) {
      const seen = await see(place, table)
      expect(seen.columns, name).toHaveLength(table.schema.fields.length + 2)
      expect(
        userRows(seen, table).map((row) => row.map(nullOfEmpty)),
        name,
      ).toEqual(rows)
      const operation = seen.snapshots.at(-1)?.operation
      if (name === 'compacted') expect([seen.files, operation]).toEqual([1, 'replace'])
      const counted = seen.counts.reduce((sum, file) => sum + file.record_count, 0)
      if (name === 'deleted') expect(counted).toBe(58)
      if (name === 'expired') expect(seen.snapshots).toHaveLength(1)
    }
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
