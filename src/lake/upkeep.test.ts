import { mkdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow, hangingAt, testLake } from '../../test/support/lake.ts'
import { numbersOf, numberTable, overwriting, put, range } from '../../test/support/lake-numbers.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import type { Clock } from '../base/clock.ts'
import { orphanAgeMs } from './orphans.ts'
import { writerBeatMs } from './writes.ts'

const signal = new AbortController().signal
const always = { filesMin: 2 }
const day = 86_400_000

test('small files of a day become one, sorted by person and time, and the rows stay the same', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  for (let from = 0; from < 48; from += 6) await put(place, table, range(from, from + 6))
  const before = await place.lake.snapshot(table.id)
  const seen: number[] = []
  const result = await place.lake.compact({
    tableId: table.id,
    rule: always,
    onProgress: ({ filesBefore }) => void seen.push(filesBefore),
    signal,
  })
  expect(result).toEqual({
    groups: 2,
    conflicts: 0,
    filesBefore: 8,
    filesAfter: 2,
    rowCount: 48,
    bytesRewritten: expect.any(Number),
  })
  expect(seen).toEqual([4, 8])
  expect(await numbersOf(place, table)).toEqual(range(0, 48))
  expect(await numbersOf(place, table, { snapshotId: before!.snapshotId })).toEqual(range(0, 48))
  const snapshot = await place.lake.snapshot(table.id)
  const plan = await place.lake.plan({ tableId: table.id, snapshotId: snapshot?.snapshotId })
  expect(plan.files).toHaveLength(2)
  const rows = await place
    .rows({ ...plan, sql: plan.sql, files: plan.files.slice(0, 1) }, table.schema.fields)
    .catch(() => [])
  expect(rows).toEqual([]) // A statement reads exactly what it was given.
  expect((await place.lake.commits(table.id)).at(-1)).toMatchObject({
    operation: 'replace',
    addedRowCount: 0,
  })
  expect(await place.lake.compact({ tableId: table.id, rule: always, signal })).toMatchObject({ groups: 0 })
})

test('an increment across a rewriting holds every row once, whatever file it is in by now', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  const results = []
  for (let from = 0; from < 24; from += 4) {
    results.push(await put(place, table, range(from, from + 4)))
    if (from === 8) await place.lake.compact({ tableId: table.id, rule: always, signal })
  }
  await place.lake.compact({ tableId: table.id, rule: always, signal })
  for (const [index, result] of results.entries()) {
    const after = await numbersOf(place, table, { afterSequence: result.commitSequence })
    expect(after, `after batch ${index}`).toEqual(range(4 * (index + 1), 24))
  }
})

test('appends during a compaction are kept; rows that others take away meanwhile stay away', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, range(0, 5))
  await put(place, table, range(5, 10))
  const harmless = await hangingAt('lake.rewrite.done', () =>
    place.another().compact({ tableId: table.id, rule: always, signal }),
  )
  await put(place, table, range(10, 15))
  harmless.release()
  expect(await harmless.outcome).toMatchObject({ conflicts: 0, filesBefore: 2 })
  expect(await numbersOf(place, table)).toEqual(range(0, 15))

  const late = await hangingAt('lake.rewrite.done', () =>
    place.another().compact({ tableId: table.id, rule: always, signal }),
  )
  await place.lake.overwrite(overwriting(table, [100], 'all'))
  late.release()
  expect(await late.outcome).toMatchObject({ conflicts: 1, filesBefore: 0 })
  expect(await numbersOf(place, table)).toEqual([100])
  const folders = (await filesBelow(place.folder)).filter((name) => name.endsWith('.parquet'))
  expect(folders).toHaveLength(5)
})

test('manifests are brought into several by day, so that a day’s plan opens few', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  for (let from = 0; from < 72; from += 12)
    await put(
      place,
      table,
      range(from, from + 12).map((n) => (n * 7) % 72),
    )
  await place.lake.overwrite(overwriting(table, [200], { sql: 'n = 5' }))
  const rows = await numbersOf(place, table)
  const merge = { tableId: table.id, manifestsMax: 2, manifestFilesMax: 6, signal }
  const slow = await hangingAt('lake.commit.before', () => place.another().mergeManifests(merge))
  await put(place, table, [300])
  slow.release()
  const merged = await slow.outcome
  expect(merged.manifestsAfter).toBeLessThan(merged.manifestsBefore)
  expect(merged.manifestsAfter).toBeGreaterThan(1)
  expect(await numbersOf(place, table)).toEqual([...rows, 300])
  const snapshot = await place.lake.snapshot(table.id)
  expect(snapshot?.rowCount).toBe(rows.length + 1)
  // All manifests of other days may be gone: the plan of the first day does not look at them.
  const fresh = place.another()
  const plan = await fresh.plan({
    tableId: table.id,
    snapshotId: snapshot?.snapshotId,
    predicates: [{ column: 'timestamp', operator: '<', value: '2026-01-02T00:00:00Z' }],
  })
  expect(plan.filesSkipped).toBeGreaterThan(plan.files.length)
  expect(await fresh.mergeManifests({ ...merge, manifestsMax: 50 })).toMatchObject({
    manifestsBefore: merged.manifestsAfter + 1,
  })
})

test('expiry keeps the newest, the pinned and the young, and removes what only the others had', async () => {
  const clock = new ManualClock('2026-06-01T00:00:00Z')
  await using place = await testLake({ clock })
  const table = await numberTable(place)
  const snapshots = []
  for (let index = 0; index < 4; index += 1) {
    snapshots.push(await place.lake.overwrite(overwriting(table, [index], 'all')))
    clock.advance(day)
  }
  const [first, second, third, fourth] = snapshots.map((result) => result.snapshotId!)
  const pin = { tableId: table.id, owner: 'run:1', until: new Date(clock.now().getTime() + day) }
  await place.metadata.transaction((tx) => place.lake.pin(tx, { ...pin, snapshotId: first! }))
  const expire = { tableId: table.id, retentionMs: 2.5 * day, signal }
  expect(await place.lake.expire(expire)).toMatchObject({ snapshotsRemoved: 1 })
  for (const [index, snapshotId] of [first, undefined, third, fourth].entries()) {
    if (snapshotId) expect(await numbersOf(place, table, { snapshotId })).toEqual([index])
  }
  const gone = { code: 'source.removed' }
  await expect(place.lake.snapshot(table.id, second)).rejects.toMatchObject(gone)
  await expect(
    place.metadata.transaction((tx) => place.lake.pin(tx, { ...pin, snapshotId: second! })),
  ).rejects.toMatchObject(gone)
  expect((await filesBelow(place.folder)).filter((name) => name.endsWith('.parquet'))).toHaveLength(3)
  // The pin's time is over, and its snapshot is old.
  clock.advance(10 * day)
  expect(await place.lake.expire(expire)).toMatchObject({ snapshotsRemoved: 2 })
  expect(await numbersOf(place, table)).toEqual([3])
  expect((await filesBelow(place.folder)).filter((name) => name.endsWith('.parquet'))).toHaveLength(1)
  expect(await place.lake.expire(expire)).toEqual({ snapshotsRemoved: 0, filesRemoved: 0 })
  expect(await place.lake.removeOrphans({ tableId: table.id, ageMs: -day, signal })).toEqual({
    filesRemoved: 0,
  })
})

test('expiry leaves files that the newest snapshot names in manifests of its own', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, range(0, 30))
  await place.lake.overwrite(overwriting(table, [], { sql: 'n = 25' }))
  const expired = await place.lake.expire({ tableId: table.id, retentionMs: -day, signal })
  // The list, the manifest, and the file of the second day.
  expect(expired).toEqual({ snapshotsRemoved: 1, filesRemoved: 3 })
  expect(await numbersOf(place, table)).toEqual(range(0, 30).filter((n) => n !== 25))
})

test('a snapshot that is pinned while it is about to expire stays', async () => {
  const clock = new ManualClock('2026-06-01T00:00:00Z')
  await using place = await testLake({ clock })
  const table = await numberTable(place)
  const { snapshotId } = await put(place, table, [1])
  await place.lake.overwrite(overwriting(table, [2], 'all'))
  clock.advance(10 * day)
  const patient: Clock = {
    now: () => clock.now(),
    // Tries follow one another at once; signs of life wait.
    sleep: async (spanMs, given) => {
      if (spanMs >= writerBeatMs) await clock.sleep(spanMs, given)
    },
  }
  const slow = await hangingAt('lake.commit.before', () =>
    place.another({ clock: patient }).expire({ tableId: table.id, retentionMs: day, signal }),
  )
  const until = new Date(clock.now().getTime() + day)
  await place.metadata.transaction((tx) =>
    place.lake.pin(tx, { tableId: table.id, snapshotId: snapshotId!, owner: 'run:1', until }),
  )
  slow.release()
  expect(await slow.outcome).toMatchObject({ snapshotsRemoved: 0 })
  expect(await numbersOf(place, table, { snapshotId: snapshotId! })).toEqual([1])
})

test('what a table was at a time is found, or said to be gone', async () => {
  const clock = new ManualClock('2026-06-01T00:00:00Z')
  await using place = await testLake({ clock })
  const table = await numberTable(place)
  const start = clock.now()
  clock.advance(day)
  const first = await put(place, table, [1])
  clock.advance(day)
  const second = await put(place, table, [2])
  clock.advance(day)
  const at = async (days: number) =>
    (await place.lake.snapshotAt(table.id, new Date(start.getTime() + days * day)))?.snapshotId
  expect(await at(0.5)).toBeUndefined()
  expect(await at(1.5)).toBe(first.snapshotId)
  expect(await at(99)).toBe(second.snapshotId)
  await place.lake.expire({ tableId: table.id, retentionMs: 0, signal })
  expect(await at(99)).toBe(second.snapshotId)
  expect(await at(0.5)).toBeUndefined()
  await expect(at(1.5)).rejects.toMatchObject({ code: 'source.removed' })
})

test('files that nothing knows are removed once they are old, and no others', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, range(0, 10))
  await place.lake.overwrite(overwriting(table, range(10, 20), 'all'))
  const known = await filesBelow(place.folder)
  const strays = ['data/stray.parquet', 'data/other/stray.parquet', 'metadata/stray.avro']
  const old = new Date(Date.now() - orphanAgeMs - 1_000)
  await mkdir(join(place.folder, table.datasetId, 'data/other'))
  for (const name of strays) await writeFile(join(place.folder, table.datasetId, name), 'x')
  const under = await hangingAt('lake.write.done', () =>
    place.another().append({
      tableId: table.id,
      batchId: '01J00000000000000000000000' as never,
      source: { sql: 'SELECT 99, NULL, NULL', files: [], pool: 'batch' },
      signal,
    }),
  )
  for (const name of await filesBelow(place.folder)) {
    if (!name.endsWith('other/stray.parquet')) await utimes(join(place.folder, name), old, old)
  }
  expect(await place.lake.removeOrphans({ tableId: table.id, signal })).toEqual({ filesRemoved: 2 })
  under.release()
  await under.outcome
  expect(await numbersOf(place, table)).toEqual([...range(10, 20), 99])
  const left = await filesBelow(place.folder)
  expect(left).toEqual(expect.arrayContaining(known))
  expect(left.some((name) => name.endsWith('other/stray.parquet'))).toBe(true)
})

test('a rewriting of a file that is not there fails by its name and changes nothing', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, range(0, 5))
  await put(place, table, range(5, 10))
  const victim = (await filesBelow(place.folder)).find((name) => name.endsWith('.parquet'))!
  await rm(join(place.folder, victim))
  const missing = { code: 'lake.corrupt', detail: { file: victim.slice(victim.indexOf('/') + 1) } }
  const { id: tableId } = table
  await expect(place.lake.compact({ tableId, rule: always, signal })).rejects.toMatchObject(missing)
  await expect(place.lake.deleteRows({ tableId, condition: { sql: 'n = 7' }, signal })).rejects.toMatchObject(
    missing,
  )
  await expect(place.lake.overwrite(overwriting(table, [1], { sql: 'n = 7' }))).rejects.toMatchObject(missing)
  expect((await place.lake.commits(tableId)).map((commit) => commit.operation)).toEqual(['append', 'append'])
})
