import { expect, test } from 'vitest'
import { stringType, structType, timestampType } from '../src/types/data-type.ts'
import { testEngine } from './support/engine.ts'
import { filesBelow, testLake } from './support/lake.ts'
import { numbersOf, numberTable, overwriting, put, range } from './support/lake-numbers.ts'
import { evolvedTable, oldTable } from './support/lake-states.ts'

const signal = new AbortController().signal

test('the engine’s own processes evolve, rewrite and delete, and leave files that are ours', async () => {
  await using own = await testEngine()
  await using place = await testLake({ engine: own.engine })
  const table = await numberTable(place)
  const first = await put(place, table, range(0, 40))
  await put(place, table, range(40, 60))
  await place.lake.overwrite(overwriting(table, [100], { sql: 'n < 5' }))
  await place.lake.compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
  const report = await place.lake.deleteRows({ tableId: table.id, condition: { sql: 'n % 2 = 1' }, signal })
  expect(report.rowsRemoved).toBe(28)
  const expected = [...range(5, 60), 100].filter((n) => n % 2 === 0)
  expect(await numbersOf(place, table)).toEqual(expected)
  expect(await numbersOf(place, table, { afterSequence: first.commitSequence })).toEqual(
    expected.filter((n) => n >= 40),
  )
  const old = await oldTable(place, 20)
  const evolved = await evolvedTable(place, old, { from: 20, to: 25 })
  const before = await place.rowsOf(evolved)
  await place.lake.compact({ tableId: evolved.id, rule: { filesMin: 2 }, signal })
  const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()
  expect(sorted(await place.rowsOf(evolved))).toEqual(sorted(before))
  expect(before).toHaveLength(25)
})

test('a large day is compacted to files of about the size wanted, each with persons of its own', async () => {
  await using own = await testEngine()
  await using place = await testLake({ engine: own.engine })
  const table = await place.table(
    structType([
      { name: 'person', type: stringType },
      { name: 'timestamp', type: timestampType },
      { name: 'text', type: stringType },
    ]),
    { dayColumn: 'timestamp', clusterBy: ['person', 'timestamp'] },
  )
  for (const part of range(0, 6)) {
    await place.append(
      table,
      `SELECT 'p' || lpad((hash(i) % 5000)::VARCHAR, 4, '0'), TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) MILLISECOND,
        md5(i::VARCHAR) FROM range(${part * 100_000}, ${(part + 1) * 100_000}) t(i)`,
    )
  }
  const rule = { filesMin: 2, targetBytes: 4 * 1024 * 1024 }
  const result = await place.lake.compact({ tableId: table.id, rule, signal })
  expect(result).toMatchObject({ groups: 1, rowCount: 600_000 })
  expect(result.filesAfter).toBeGreaterThan(2)
  const snapshot = await place.lake.snapshot(table.id)
  for (const person of ['p0100', 'p2500', 'p4900']) {
    const plan = await place.lake.plan({
      tableId: table.id,
      snapshotId: snapshot?.snapshotId,
      predicates: [{ column: 'person', operator: '=', value: person }],
    })
    expect(plan.files.length, person).toBeLessThanOrEqual(2)
    expect(plan.files.length, person).toBeGreaterThan(0)
  }
  expect((await filesBelow(place.folder)).filter((name) => name.endsWith('.parquet'))).toHaveLength(
    6 + result.filesAfter,
  )
})
