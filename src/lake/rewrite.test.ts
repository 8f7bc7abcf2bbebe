import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow, hangingAt, testLake } from '../../test/support/lake.ts'
import { newBatchId } from '../base/ids.ts'
import { decodeAvro } from './iceberg/avro.ts'
import type { LakeFiles } from './lake-files.ts'
import type { Lake, LakeTable } from './lake.ts'
import {
  numbersOf,
  numbersSql,
  numberTable,
  overwriting,
  put,
  range,
} from '../../test/support/lake-numbers.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'

const signal = new AbortController().signal
const odd = { sql: 'n % 2 = 1' }

test('an overwrite of everything replaces what is there when it commits; earlier snapshots keep theirs', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  const first = await put(place, table, range(0, 50))
  const slow = await hangingAt('lake.rewrite.done', () =>
    place.another().overwrite(overwriting(table, range(100, 110), 'all')),
  )
  const second = await put(place, table, range(50, 60))
  slow.release()
  const third = await slow.outcome
  expect(third).toMatchObject({ isNew: true, rowCount: 10, commitSequence: 3 })
  expect(third.ingestTimeMs).toBeGreaterThan(second.ingestTimeMs)
  expect(await numbersOf(place, table)).toEqual(range(100, 110))
  expect(await numbersOf(place, table, { snapshotId: first.snapshotId! })).toEqual(range(0, 50))
  expect(await numbersOf(place, table, { snapshotId: second.snapshotId! })).toEqual(range(0, 60))
  expect((await place.lake.commits(table.id)).map((commit) => commit.operation)).toEqual([
    'append',
    'append',
    'overwrite',
  ])
  expect(await place.lake.snapshot(table.id)).toMatchObject({ rowCount: 10 })
})

test('an overwrite by condition keeps other rows with their ingest times, so that increments hold only new rows', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  const first = await put(place, table, range(0, 30))
  const request = overwriting(table, [101, 103], odd)
  const second = await place.lake.overwrite(request)
  expect(await place.lake.overwrite(request)).toEqual({ ...second, isNew: false })
  const even = range(0, 30).filter((n) => n % 2 === 0)
  expect(await numbersOf(place, table)).toEqual([...even, 101, 103])
  expect(second.rowCount).toBe(2)
  expect(await numbersOf(place, table, { afterSequence: first.commitSequence })).toEqual([101, 103])
  expect(await numbersOf(place, table, { afterSequence: 0 })).toEqual([...even, 101, 103])
  await place.lake.compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
  await put(place, table, [200])
  await place.lake.compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
  expect(await numbersOf(place, table, { afterSequence: first.commitSequence })).toEqual([101, 103, 200])
  expect(await numbersOf(place, table, { afterSequence: second.commitSequence })).toEqual([200])
})

test('rows that come in during an overwrite by condition are looked at, too', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, range(0, 10))
  const slow = await hangingAt('lake.rewrite.done', () =>
    place.another().overwrite(overwriting(table, [], odd)),
  )
  await put(place, table, range(10, 20))
  slow.release()
  await slow.outcome
  expect(await numbersOf(place, table)).toEqual(range(0, 20).filter((n) => n % 2 === 0))
})

test('deleted rows are in no file any more, in no snapshot, and nobody else’s rows are lost', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  const first = await put(place, table, range(0, 60))
  await put(place, table, [61, 62])
  const untouched = await put(place, table, [1000])
  await place.lake.compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
  await place.metadata.transaction((tx) =>
    place.lake.pin(tx, {
      tableId: table.id,
      snapshotId: first.snapshotId!,
      owner: 'run:1',
      until: new Date('2999-01-01'),
    }),
  )
  const told: unknown[] = []
  const result = await place.lake.deleteRows({
    tableId: table.id,
    condition: { sql: "person = 'p2'" },
    within: async (_tx, report) => void told.push(report),
    signal,
  })
  const kept = [...range(0, 60).filter((n) => n % 3 !== 2), 61, 1000]
  expect(await numbersOf(place, table)).toEqual(kept)
  expect(result).toMatchObject({ rowsRemoved: 21, rowsKept: 41, pinsBroken: ['run:1'] })
  expect(told).toEqual([result])
  expect(result.snapshotsRemoved).toContain(first.snapshotId)
  for (const snapshotId of [first.snapshotId!, untouched.snapshotId!]) {
    await expect(place.lake.plan({ tableId: table.id, snapshotId })).rejects.toMatchObject({
      code: 'source.removed',
    })
  }
  // Bounds of files tell of rows, too.
  const names = await filesBelow(place.folder)
  expect(names.filter((name) => name.endsWith('.parquet'))).toHaveLength(4)
  const manifests = names.filter((name) => name.endsWith('.avro'))
  expect(manifests.length).toBeGreaterThan(1)
  let manifestsWithBounds = 0
  for (const name of manifests) {
    const { records } = decodeAvro(await readFile(join(place.folder, name)))
    const text = JSON.stringify(records, (_key, value: unknown) =>
      typeof value === 'bigint' ? '' : bytesAsText(value),
    )
    expect(text, name).not.toContain('p2')
    if (text.includes('p1')) manifestsWithBounds += 1
  }
  expect(manifestsWithBounds).toBeGreaterThan(0) // It would be seen.
  const again = { tableId: table.id, condition: { sql: "person = 'p2'" }, signal }
  expect(await place.lake.deleteRows(again)).toMatchObject({ rowsRemoved: 0, snapshotsRemoved: [] })
  expect(await place.metadata.db.selectFrom('lake_removals').selectAll().execute()).toEqual([])
  expect(await place.metadata.db.selectFrom('lake_writes').selectAll().execute()).toEqual([])
})

/** Bytes as `JSON.stringify` hands them over. */
function bytesAsText(value: unknown): unknown {
  const isBytes = typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer'
  return isBytes ? Buffer.from(value as never).toString() : value
}

test('rows that only older snapshots hold are deleted there, and the newest stays as it is', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  const first = await put(place, table, range(0, 6))
  await place.lake.overwrite(overwriting(table, [100], 'all'))
  const newest = await place.lake.snapshot(table.id)
  const result = await place.lake.deleteRows({ tableId: table.id, condition: odd, signal })
  expect(result).toMatchObject({ rowsRemoved: 0, snapshotsRemoved: [first.snapshotId] })
  expect(await place.lake.snapshot(table.id)).toEqual(newest)
  expect(await numbersOf(place, table)).toEqual([100])
  expect((await filesBelow(place.folder)).filter((name) => name.endsWith('.parquet'))).toHaveLength(1)
})

test.each(['come in', 'are in other files'])('rows to delete that %s meanwhile are deleted', async (what) => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, range(0, 10))
  await put(place, table, range(10, 20))
  const slow = await hangingAt('lake.rewrite.done', () =>
    place.another().deleteRows({ tableId: table.id, condition: odd, signal }),
  )
  if (what === 'come in') await put(place, table, range(20, 30))
  else await place.lake.compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
  slow.release()
  const upTo = what === 'come in' ? 30 : 20
  expect((await slow.outcome).rowsRemoved).toBe(upTo / 2)
  expect(await numbersOf(place, table)).toEqual(range(0, upTo).filter((n) => n % 2 === 0))
})

test.each(['lake.remove.before', 'lake.remove.middle'] as const)(
  'a deletion whose process dies at %s is finished by the sweep',
  async (point) => {
    const clock = new ManualClock('2026-06-01T00:00:00Z')
    await using place = await testLake({ clock })
    const table = await numberTable(place)
    await put(place, table, range(0, 10))
    await hangingAt(point, () => place.another().deleteRows({ tableId: table.id, condition: odd, signal }))
    expect(await numbersOf(place, table)).toEqual([0, 2, 4, 6, 8])
    clock.advance(3_600_000)
    expect((await place.lake.sweep({ signal })).filesRemoved).toBeGreaterThan(0)
    expect((await filesBelow(place.folder)).filter((name) => name.endsWith('.parquet'))).toHaveLength(1)
    expect(await numbersOf(place, table)).toEqual([0, 2, 4, 6, 8])
    expect(await place.lake.sweep({ signal })).toEqual({ filesRemoved: 0 })
  },
)

test.each<[string, (lake: Lake, table: LakeTable) => Promise<unknown>, readonly number[]]>([
  [
    'an append',
    async (lake, table) =>
      await lake.append({
        tableId: table.id,
        batchId: newBatchId(),
        source: { sql: numbersSql([100]), files: [], pool: 'batch' },
        signal,
      }),
    [...range(5, 20), 100],
  ],
  [
    'an overwrite by condition',
    async (lake, table) => await lake.overwrite(overwriting(table, [100], odd)),
    [6, 8, 10, 12, 14, 16, 18, 100],
  ],
  [
    'another deletion',
    async (lake, table) => await lake.deleteRows({ tableId: table.id, condition: odd, signal }),
    [6, 8, 10, 12, 14, 16, 18],
  ],
])('%s begins again when rows are deleted for good whose files it is reading', async (_, write, expected) => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, range(0, 10))
  await put(place, table, range(10, 20))
  let isDeleted = false
  const files: LakeFiles = Object.create(place.files, {
    read: {
      value: async (...[name, options]: Parameters<LakeFiles['read']>) => {
        if (!isDeleted && name.endsWith('.avro')) {
          isDeleted = true
          await place.lake.deleteRows({ tableId: table.id, condition: { sql: 'n < 5' }, signal })
        }
        return await place.files.read(name, options)
      },
    },
  })
  await write(place.another({ files }), table)
  expect(isDeleted).toBe(true)
  expect(await numbersOf(place, table)).toEqual(expected)
})
