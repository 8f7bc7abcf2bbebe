import { expect, test } from 'vitest'
import { newBatchId, newDatasetId, newUuidId, type TableId } from '../base/ids.ts'
import { integerType, structType } from '../types/data-type.ts'
import { filesBelow, hangingAt, testLake } from '../../test/support/lake.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { writerBeatMs, writerSilentMsMax } from './writes.ts'

const signal = new AbortController().signal
const columns = structType([{ name: 'a', type: integerType }])
const start = '2026-06-01T00:00:00Z'

function requestOf(tableId: TableId, sql: string) {
  return { tableId, batchId: newBatchId(), source: { sql, files: [], pool: 'batch' as const }, signal }
}

test.each(['lake.write.done', 'lake.commit.before'] as const)(
  'what a writer that died at %s left is removed, and nothing else',
  async (point) => {
    const clock = new ManualClock(start)
    await using place = await testLake({ clock })
    const table = await place.table(columns)
    await place.append(table, 'SELECT 1')
    const filesBefore = await filesBelow(place.folder)
    // Its clock stands still, so that it never says that it is alive.
    const dead = place.another({ clock: new ManualClock(start) })
    await hangingAt(point, () => dead.append(requestOf(table.id, 'SELECT 2')))
    const filesAfter = await filesBelow(place.folder)
    expect(filesAfter.length).toBeGreaterThan(filesBefore.length)

    clock.advance(writerSilentMsMax)
    expect(await place.lake.sweep({ signal })).toEqual({ filesRemoved: 0 })
    clock.advance(1)
    const alive = await hangingAt('lake.write.done', () => place.append(table, 'SELECT 3'))
    const swept = await place.another().sweep({ signal })
    expect(swept).toEqual({ filesRemoved: filesAfter.length - filesBefore.length })
    alive.release()
    expect(await alive.outcome).toMatchObject({ isNew: true, commitSequence: 2 })
    expect(await place.rowsOf(table)).toEqual(expect.arrayContaining([[1], [3]]))
    expect(await place.rowsOf(table)).toHaveLength(2)
    expect(await place.lake.sweep({ signal })).toEqual({ filesRemoved: 0 })
    expect(await place.metadata.db.selectFrom('lake_writes').selectAll().execute()).toEqual([])
  },
)

test('what a writer committed before it died stays', async () => {
  const clock = new ManualClock(start)
  await using place = await testLake({ clock })
  const table = await place.table(columns)
  const request = requestOf(table.id, 'SELECT 1')
  await hangingAt('lake.commit.after', () => place.another().append(request))
  clock.advance(writerSilentMsMax * 10)
  expect(await place.lake.sweep({ signal })).toEqual({ filesRemoved: 0 })
  expect(await place.rowsOf(table)).toEqual([[1]])
  expect(await place.lake.append(request)).toMatchObject({ isNew: false, commitSequence: 1 })
})

test('a long append that says it is alive is left alone', async () => {
  const clock = new ManualClock(start)
  await using place = await testLake({ clock })
  const table = await place.table(columns)
  const slow = await hangingAt('lake.write.done', () => place.append(table, 'SELECT 1'))
  const silentMs = async (): Promise<number> => {
    const rows = await place.metadata.db.selectFrom('lake_writes').select('touched_at').execute()
    return clock.now().getTime() - rows[0]!.touched_at.getTime()
  }
  for (let beats = 0; beats * writerBeatMs < 2 * writerSilentMsMax; beats += 1) {
    await expect.poll(() => clock.sleeperCount).toBeGreaterThan(0)
    clock.advance(writerBeatMs)
    await expect.poll(async () => await silentMs()).toBeLessThanOrEqual(writerBeatMs)
  }
  expect(await place.another().sweep({ signal })).toEqual({ filesRemoved: 0 })
  slow.release()
  await slow.outcome
  expect(await place.rowsOf(table)).toEqual([[1]])
})

test('a writer that was taken for dead writes its rows again, once', async () => {
  const clock = new ManualClock(start)
  await using place = await testLake({ clock })
  const table = await place.table(columns)
  const stopped = place.another({ clock: new ManualClock(start) })
  const slow = await hangingAt('lake.commit.before', () => stopped.append(requestOf(table.id, 'SELECT 1')))
  clock.advance(writerSilentMsMax + 1)
  expect((await place.lake.sweep({ signal })).filesRemoved).toBeGreaterThan(0)
  slow.release()
  expect(await slow.outcome).toMatchObject({ isNew: true, rowCount: 1 })
  expect(await place.rowsOf(table)).toEqual([[1]])
})

test('the metadata of a table whose making was undone is removed', async () => {
  const clock = new ManualClock(start)
  await using place = await testLake({ clock })
  const undone = place.metadata.transaction(async (tx) => {
    await place.lake.create(tx, {
      datasetId: newDatasetId(),
      sandboxId: newUuidId('sandbox'),
      schema: columns,
    })
    throw new Error('undone')
  })
  await expect(undone).rejects.toThrow('undone')
  const table = await place.table(columns)
  expect(await filesBelow(place.folder)).toHaveLength(2)
  clock.advance(writerSilentMsMax + 1)
  expect(await place.lake.sweep({ signal })).toEqual({ filesRemoved: 1 })
  await place.append(table, 'SELECT 1')
  expect(await place.rowsOf(table)).toEqual([[1]])
})

test('a sweep that was broken off is finished by the next', async () => {
  const clock = new ManualClock(start)
  await using place = await testLake({ clock })
  const table = await place.table(columns)
  const dead = place.another({ clock: new ManualClock(start) })
  await hangingAt('lake.write.done', () => dead.append(requestOf(table.id, 'SELECT 2')))
  clock.advance(writerSilentMsMax + 1)
  const controller = new AbortController()
  controller.abort(new Error('stop'))
  await place.metadata.db.updateTable('lake_writes').set({ state: 'sweeping' }).execute()
  await expect(place.lake.sweep({ signal: controller.signal })).rejects.toThrow('stop')
  expect((await place.lake.sweep({ signal })).filesRemoved).toBe(1)
  expect((await filesBelow(place.folder)).filter((name) => name.endsWith('.parquet'))).toEqual([])
})
