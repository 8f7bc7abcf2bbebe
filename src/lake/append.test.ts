import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newBatchId } from '../base/ids.ts'
import {
  arrayType,
  byteType,
  decimalType,
  integerType,
  intervalType,
  mapType,
  shortType,
  stringType,
  structType,
  timestampType,
} from '../types/data-type.ts'
import type { Metadata } from '../metadata/metadata.ts'
import { filesBelow, hangingAt, testLake, withSystemColumns } from '../../test/support/lake.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { currentSnapshot, schemaOf } from './iceberg/table-metadata.ts'
import { baseOf } from './table-base.ts'
import { tableReader } from './table-reader.ts'

const signal = new AbortController().signal
const events = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'n', type: integerType },
])
const eventsSql = (count: number, from = 0) =>
  `SELECT 'e' || i, TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) HOUR, i::INTEGER FROM range(${from}, ${from + count}) t(i)`

test('rows that are appended are read back as declared, with the system columns', async () => {
  await using place = await testLake()
  const table = await place.table(
    structType([
      { name: 'b', type: byteType },
      {
        name: 'with "quote\'',
        type: structType([
          { name: 's', type: shortType },
          { name: 'x y', type: arrayType(integerType) },
        ]),
      },
      { name: 'm', type: mapType(stringType, arrayType(structType([{ name: 'id', type: byteType }]))) },
      { name: 'd', type: decimalType(10, 2) },
    ]),
  )
  const batchId = newBatchId()
  const result = await place.append(
    table,
    `SELECT 1::TINYINT, {'s': 2::SMALLINT, 'x y': [3, NULL]}, MAP {'ECID': [{'id': 4::TINYINT}]}, 1.5::DECIMAL(10,2)
     UNION ALL SELECT NULL, NULL, NULL, NULL -- the end`,
    { batchId },
  )
  expect(result).toMatchObject({ commitSequence: 1, rowCount: 2, fileCount: 1, isNew: true })
  const plan = await place.lake.plan({
    tableId: table.id,
    snapshotId: result.snapshotId,
    withSystemColumns: true,
  })
  expect(plan.rowCount).toBe(2)
  const system = [{ ingestTime: result.ingestTimeMs, sourceBatchId: batchId }, batchId]
  expect(await place.rows(plan, withSystemColumns(table))).toEqual([
    [1, { s: 2, 'x y': [3, null] }, { ECID: [{ id: 4 }] }, 1.5, ...system],
    [null, null, null, null, ...system],
  ])
  expect(table.schema.fields[0]).toEqual({ name: 'b', type: byteType })
  expect(await place.lake.table(table.id)).toEqual(table)
})

test('ten racing appends lose nothing, and ingest times rise with the commits', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp', clusterBy: ['_id'] })
  const lakes = [place.lake, place.another(), place.another()]
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      lakes[index % lakes.length]!.append({
        tableId: table.id,
        batchId: newBatchId(),
        source: { sql: eventsSql(50, index * 50), files: [], pool: 'batch' },
        signal,
      }),
    ),
  )
  const inOrder = results.toSorted((left, right) => left.commitSequence - right.commitSequence)
  expect(inOrder.map((result) => result.commitSequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  for (const [index, result] of inOrder.entries()) {
    if (index > 0) expect(result.ingestTimeMs).toBeGreaterThan(inOrder[index - 1]!.ingestTimeMs)
  }
  const snapshot = await place.lake.snapshot(table.id)
  expect(snapshot).toMatchObject({ rowCount: 500, commitSequence: 10 })
  const plan = await place.lake.plan({
    tableId: table.id,
    snapshotId: snapshot?.snapshotId,
    columns: ['n'],
    withSystemColumns: true,
  })
  const rows = await place.rows(plan, withSystemColumns(table).slice(2))
  expect(rows.map((row) => row[0]).toSorted((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 500 }, (_, index) => index),
  )
  const times = new Set(rows.map((row) => (row[1] as { ingestTime: number }).ingestTime))
  expect([...times].toSorted((a, b) => a - b)).toEqual(inOrder.map((result) => result.ingestTimeMs))
})

test('a row is in the file of its day to the last microsecond, before 1970 and far away too', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  const times = [
    '1969-12-31 23:59:59.999999',
    '1970-01-01 00:00:00',
    '0001-01-01 00:00:00',
    '9999-12-31 23:59:59.999999',
    '2026-03-28 23:59:59.999999',
  ]
  const rows = times.map((time, index) => `('${index}', TIMESTAMPTZ '${time}+00', ${index})`)
  await place.append(table, `FROM (VALUES ${[...rows, "('none', NULL, 9)"].join(', ')})`)
  const row = await place.metadata.db.selectFrom('lake_tables').selectAll().executeTakeFirstOrThrow()
  const reader = tableReader()
  const { files, metadata } = await baseOf({ lakeFiles: place.files, reader }, row)
  const [manifest] = await reader.manifests(files, currentSnapshot(metadata)!)
  const entries = await reader.entries(files, manifest!)
  const idField = schemaOf(metadata).fields.find(({ name }) => name === '_id')!.id
  const found = entries.map(({ file }) => [String(file.lowerBounds.get(idField)), file.day])
  expect(found).toHaveLength(6)
  expect(Object.fromEntries(found)).toEqual({
    0: -1,
    1: 0,
    2: -719_162,
    3: 2_932_896,
    4: 20_540,
    none: null,
  })
})

test('repeating a batch changes nothing and returns what was', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  const batchId = newBatchId()
  const first = await place.append(table, eventsSql(5), { batchId })
  const filesBefore = await filesBelow(place.folder)
  expect(await place.append(table, eventsSql(7), { batchId })).toEqual({ ...first, isNew: false })
  // Its files may be gone by then.
  expect(await place.append(table, 'SELECT nothing FROM nowhere', { batchId })).toMatchObject({
    isNew: false,
  })
  expect(await place.lake.committedBatch(table.id, batchId)).toEqual({ ...first, isNew: false })
  expect(await place.lake.committedBatch(table.id, newBatchId())).toBeUndefined()
  expect(await place.rowsOf(table)).toHaveLength(5)
  expect(await filesBelow(place.folder)).toEqual(filesBefore)
})

test('of two appends of one batch at the same time one commits, and both return it', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  const batchId = newBatchId()
  const request = {
    tableId: table.id,
    batchId,
    source: { sql: eventsSql(5), files: [], pool: 'batch' as const },
    signal,
  }
  const results = await Promise.all([place.lake.append(request), place.another().append(request)])
  expect(results.filter((result) => result.isNew)).toHaveLength(1)
  expect(results[0].snapshotId).toBe(results[1].snapshotId)
  expect(await place.rowsOf(table)).toHaveLength(5)
  expect((await filesBelow(place.folder)).filter((name) => name.endsWith('.parquet'))).toHaveLength(1)
})

test('what the caller does within the commit is undone with it, and the commit with what the caller does', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  await place.append(table, eventsSql(3))
  const filesBefore = await filesBelow(place.folder)
  const batchId = newBatchId()
  const refused = place.append(table, eventsSql(5), {
    batchId,
    within: async (tx, result) => {
      expect(result).toMatchObject({ isNew: true, rowCount: 5, commitSequence: 2 })
      await place.lake.releasePins(tx, 'nobody')
      throw new Error('the caller refuses')
    },
  })
  await expect(refused).rejects.toThrow('the caller refuses')
  expect(await place.rowsOf(table)).toHaveLength(3)
  expect(await place.lake.committedBatch(table.id, batchId)).toBeUndefined()
  expect(await filesBelow(place.folder)).toEqual(filesBefore)
  expect(await place.metadata.db.selectFrom('lake_writes').selectAll().execute()).toEqual([])
  expect(await place.append(table, eventsSql(5), { batchId })).toMatchObject({
    isNew: true,
    commitSequence: 2,
  })
})

test('a source that fails leaves nothing', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  const filesBefore = await filesBelow(place.folder)
  const failing = `SELECT 'a', TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) HOUR, (CASE WHEN i = 90000 THEN error('no') ELSE i END)::INTEGER FROM range(100000) t(i)`
  await expect(place.append(table, failing)).rejects.toThrow()
  expect(await filesBelow(place.folder)).toEqual(filesBefore)
  expect(await place.metadata.db.selectFrom('lake_writes').selectAll().execute()).toEqual([])
})

test('a batch without rows is committed without a snapshot', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  const empty = await place.append(table, eventsSql(0))
  expect(empty).toMatchObject({
    snapshotId: undefined,
    commitSequence: 1,
    rowCount: 0,
    fileCount: 0,
    isNew: true,
  })
  expect(await place.lake.snapshot(table.id)).toBeUndefined()
  const filled = await place.append(table, eventsSql(2))
  const emptyAgain = await place.append(table, eventsSql(0))
  expect(emptyAgain).toMatchObject({ snapshotId: filled.snapshotId, commitSequence: 3, rowCount: 0 })
  expect(emptyAgain.ingestTimeMs).toBeGreaterThan(filled.ingestTimeMs)
  expect((await place.lake.commits(table.id)).map((commit) => commit.commitSequence)).toEqual([2])
})

test('ingest times rise also when the clock goes back', async () => {
  const clock = new ManualClock('2026-06-01T00:00:00Z')
  await using place = await testLake({ clock })
  const table = await place.table(events)
  const first = await place.append(table, eventsSql(1))
  clock.advance(-3_600_000)
  const second = await place.append(table, eventsSql(1))
  expect(first.ingestTimeMs).toBe(Date.parse('2026-06-01T00:00:00Z'))
  expect(second.ingestTimeMs).toBe(first.ingestTimeMs + 1)
})

test('an append that was overtaken writes its rows again with a newer ingest time', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  const batchId = newBatchId()
  const slow = await hangingAt('lake.write.done', () => place.append(table, eventsSql(30), { batchId }))
  const fast = await place.another().append({
    tableId: table.id,
    batchId: newBatchId(),
    source: { sql: eventsSql(10, 100), files: [], pool: 'batch' },
    signal,
  })
  slow.release()
  const late = await slow.outcome
  expect(late.commitSequence).toBe(fast.commitSequence + 1)
  expect(late.ingestTimeMs).toBeGreaterThan(fast.ingestTimeMs)
  const plan = await place.lake.plan({
    tableId: table.id,
    snapshotId: late.snapshotId,
    columns: [],
    withSystemColumns: true,
  })
  const rows = await place.rows(plan, withSystemColumns(table).slice(3))
  const ofLate = rows.filter((row) => row[1] === batchId)
  expect(ofLate).toHaveLength(30)
  expect(new Set(ofLate.map((row) => (row[0] as { ingestTime: number }).ingestTime))).toEqual(
    new Set([late.ingestTimeMs]),
  )
  const folders = (await filesBelow(place.folder)).filter((name) => name.endsWith('.parquet'))
  expect(new Set(folders.map((name) => name.split('/')[2])).size).toBe(2)
})

test('an answer to COMMIT that is lost is found out, and nothing is lost or deleted', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  const losing = losingAnswers(place.metadata, 1)
  const result = await place.another({ metadata: losing }).append({
    tableId: table.id,
    batchId: newBatchId(),
    source: { sql: eventsSql(5), files: [], pool: 'batch' },
    signal,
  })
  expect(result).toMatchObject({ isNew: true, commitSequence: 1 })
  expect(await place.rowsOf(table)).toHaveLength(5)
})

test('when the outcome of a commit cannot be asked, its files stay', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  const batchId = newBatchId()
  const request = {
    tableId: table.id,
    batchId,
    source: { sql: eventsSql(5), files: [], pool: 'batch' as const },
    signal,
  }
  const losing = losingAnswers(place.metadata, 2)
  await expect(place.another({ metadata: losing }).append(request)).rejects.toThrow('the answer was lost')
  expect(await place.lake.append(request)).toMatchObject({ isNew: false, commitSequence: 1 })
  expect(await place.rowsOf(table)).toHaveLength(5)
})

test('a commit that was rolled back at its end is told as failed, and its files are removed', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  const filesBefore = await filesBelow(place.folder)
  const failing: Metadata = {
    ...place.metadata,
    transaction: async (work) =>
      await place.metadata.transaction(async (tx) => {
        const value = await work(tx)
        if ((value as { kind?: string } | undefined)?.kind === 'committed') throw new Error('rolled back')
        return value
      }),
  }
  const request = {
    tableId: table.id,
    source: { sql: eventsSql(5), files: [], pool: 'batch' as const },
    signal,
  }
  await expect(
    place.another({ metadata: failing }).append({ ...request, batchId: newBatchId() }),
  ).rejects.toThrow('rolled back')
  expect(await place.rowsOf(table)).toEqual([])
  expect(await filesBelow(place.folder)).toEqual(filesBefore)
})

test('the files of a table belong to the server and can be read by everybody', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  await place.append(table, eventsSql(50))
  for (const name of await readdir(place.folder, { recursive: true })) {
    const stats = await lstat(join(place.folder, name))
    expect(stats.uid, name).toBe(process.getuid?.())
    expect(stats.mode & 0o777, name).toBe(stats.isDirectory() ? 0o755 : 0o644)
  }
})

test('an append that is cancelled stops with the reason and leaves nothing', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  const filesBefore = await filesBelow(place.folder)
  const controller = new AbortController()
  const slow = await hangingAt('lake.write.done', () =>
    place.append(table, eventsSql(3), { signal: controller.signal }),
  )
  const reason = new Error('not wanted any more')
  controller.abort(reason)
  slow.release()
  await expect(slow.outcome).rejects.toBe(reason)
  expect(await filesBelow(place.folder)).toEqual(filesBefore)
})

test.each([
  ['no columns', structType([]), {}],
  [
    'names that differ only by case',
    structType([
      { name: 'a', type: stringType },
      { name: 'A', type: stringType },
    ]),
    {},
  ],
  ['a name of a system column', structType([{ name: '_acp_batchid', type: stringType }]), {}],
  ['an interval', structType([{ name: 'a', type: intervalType }]), {}],
  ['the day of no time', events, { dayColumn: 'n' }],
  ['clustering by what is not there', events, { clusterBy: ['nowhere'] }],
  [
    'clustering by what has no order',
    structType([{ name: 'a', type: arrayType(stringType) }]),
    { clusterBy: ['a'] },
  ],
])('a table with %s is refused', async (_what, schema, options) => {
  await using place = await testLake()
  await expect(place.table(schema, options)).rejects.toMatchObject({ code: 'schema.invalid' })
  expect(await filesBelow(place.folder)).toEqual([])
})

test('only the last hundred metadata files stay', async () => {
  await using place = await testLake()
  const table = await place.table(structType([{ name: 'a', type: integerType }]))
  for (let count = 0; count < 103; count += 1) await place.append(table, `SELECT ${count}`)
  const names = (await filesBelow(place.folder)).filter((name) => name.endsWith('.metadata.json'))
  expect(names).toHaveLength(101)
  expect(await place.rowsOf(table)).toHaveLength(103)
})

/** Commits for real, and then fails as if the connection broke before the answer; so many times. */
function losingAnswers(metadata: Metadata, count: number): Metadata {
  let lost = 0
  return {
    ...metadata,
    transaction: async (work) => {
      const value = await metadata.transaction(work)
      if (lost >= count) return value
      lost += 1
      throw new Error('the answer was lost')
    },
  }
}
