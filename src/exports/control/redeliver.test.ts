import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type FaultPoint, armFaults } from '#base/faults.ts'
import type { RunId } from '#base/ids.ts'
import { longType, stringType, structType, timestampType } from '#types/data-type.ts'
import { throwAt } from '../../../test/support/exports.ts'
import { type LakeExports, openLakeExports } from '../../../test/support/lake-exports.ts'
import { cutWindows } from '../record-windows.ts'
import { snapshotOf } from './redeliver.ts'

const columns = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'n', type: longType },
])
/** An event an hour, from midnight of the first of February on. */
const events = (from: number, count: number) =>
  `select 'e' || i as _id, timestamptz '2026-02-01 00:00:00Z' + interval (i) hour as "timestamp", i as n
   from range(${from}, ${from + count}) t(i)`
const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)
const { signal } = new AbortController()

async function open(): Promise<LakeExports> {
  const bed = await openLakeExports()
  onTestFinished(async () => {
    armFaults(undefined)
    await bed[Symbol.asyncDispose]()
  })
  return bed
}

const numbers = (bed: LakeExports, isWanted: (name: string) => boolean = () => true) =>
  bed
    .parts()
    .filter(isWanted)
    .flatMap((name) => bed.rowsOf(name))
    .map((row) => Number(row['n']))
    .toSorted((one, other) => one - other)
const bytesOf = (bed: LakeExports, runId: string) =>
  bed
    .parts()
    .filter((name) => name.includes(runId))
    .map((name) =>
      createHash('sha256')
        .update(readFileSync(join(bed.destination, name)))
        .digest('hex'),
    )

test('a past run is delivered again, and the next one follows the last', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  const flowId = await bed.flow(dataset)
  await bed.append(dataset, events(0, 100))
  const first = await bed.run(flowId)
  await bed.append(dataset, events(100, 10))
  const second = await bed.run(flowId)
  await bed.append(dataset, events(110, 5))
  const ahead = await bed.exports.repeatAhead(bed.caller, second.id, { signal })
  expect(ahead).toMatchObject({ rowCount: 10, content: 'increment', chainNumber: 3 })
  const [one, other] = await Promise.all([
    bed.exports.repeatRun(bed.caller, second.id),
    bed.exports.repeatRun(bed.caller, second.id),
  ])
  expect(one.runId).toBe(other.runId)
  expect(one.isNew).not.toBe(other.isNew)
  expect(await bed.finished(one.runId)).toMatchObject({
    state: 'succeeded',
    result: { rowCount: 10, content: 'increment', chainNumber: 3, repeats: second.id },
  })
  expect(bytesOf(bed, one.runId)).toEqual(bytesOf(bed, second.id))
  const again = await bed.exports.repeatRun(bed.caller, first.id)
  expect(await bed.finished(again.runId)).toMatchObject({ result: { rowCount: 100, content: 'full' } })
  // Also of several days, which several threads read.
  expect(bytesOf(bed, again.runId)).toEqual(bytesOf(bed, first.id))
  // One of a repetition is one of the run itself.
  const third = await bed.exports.repeatRun(bed.caller, one.runId)
  expect(await bed.finished(third.runId)).toMatchObject({ result: { rowCount: 10, repeats: second.id } })
  expect(await bed.run(flowId)).toMatchObject({ result: { rowCount: 5, content: 'increment' } })
  expect(await bed.verify()).toMatchObject({
    isRight: true,
    findings: [],
    rowCount: 100 + 10 + 10 + 100 + 10 + 5,
  })
})

test.each<FaultPoint>([
  'export.stage.done',
  'export.seal.after',
  'export.complete.middle',
  'export.manifest.before',
  'export.manifest.after',
  'export.publish.after',
])('a repetition struck at %s is delivered once, and moves no watermark', async (point) => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  const flowId = await bed.flow(dataset)
  await bed.append(dataset, events(0, 20))
  const first = await bed.run(flowId)
  await bed.append(dataset, events(20, 3))
  await bed.run(flowId)
  await bed.append(dataset, events(23, 7))
  throwAt(point)
  const { runId } = await bed.exports.repeatRun(bed.caller, first.id)
  expect(await bed.finished(runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 20 } })
  expect(numbers(bed, (name) => name.includes(runId))).toEqual(range(0, 20))
  expect(await bed.run(flowId)).toMatchObject({ result: { rowCount: 7 } })
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [], rowCount: 20 + 3 + 20 + 7 })
})

test('a run whose rows are gone is not made again, and it is said what is gone', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  const flowId = await bed.flow(dataset)
  await bed.append(dataset, events(0, 20))
  const { id } = await bed.run(flowId)
  await bed.here.lake.deleteRows({ tableId: dataset.tableId, condition: { sql: 'n = 3' }, signal })
  await expect(bed.exports.repeatRun(bed.caller, id)).rejects.toMatchObject({
    code: 'source.removed',
    message: expect.stringMatching(/has no snapshot \d+ any more/) as string,
  })
  expect(numbers(bed)).toEqual(range(0, 20))
})

test('windows of record time hold what live runs delivered before, beside what comes, and no row twice', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  await bed.append(dataset, events(0, 60))
  const flowId = await bed.flow(dataset, { scheduleParams: { startsWith: 'new' } })
  const wanted = {
    datasetIds: [dataset.id],
    from: new Date('2026-02-01T00:00:00Z'),
    before: new Date('2026-02-03T12:00:00Z'),
    windowHours: 24,
  }
  // Late rows of the same hours are the live runs' own.
  await bed.append(dataset, events(10, 0).replace("'e' || i", "'late'"))
  await bed.append(
    dataset,
    `select 'late' as _id, timestamptz '2026-02-01 05:00:00Z' as "timestamp", 1000::bigint as n`,
  )
  const ahead = await bed.exports.backfillAhead(bed.caller, flowId, wanted, { signal })
  expect(ahead.map(({ from, rowCount, content }) => [from, rowCount, content])).toEqual([
    ['2026-02-01T00:00:00.000Z', 24, 'window'],
    ['2026-02-02T00:00:00.000Z', 24, 'window'],
    ['2026-02-03T00:00:00.000Z', 12, 'window'],
  ])
  const asked = await bed.exports.backfill(bed.caller, flowId, wanted)
  const live = await bed.run(flowId)
  expect(live).toMatchObject({ result: { rowCount: 1, content: 'increment' } })
  for (const { runId } of asked)
    expect(await bed.finished(runId)).toMatchObject({ state: 'succeeded', result: { content: 'window' } })
  // Asked again nothing is made.
  const again = await bed.exports.backfill(bed.caller, flowId, wanted)
  expect(again.map(({ runId }) => runId)).toEqual(asked.map(({ runId }) => runId))
  expect(again).toMatchObject([
    { state: 'succeeded', rowCount: 24 },
    { state: 'succeeded', rowCount: 24 },
    { state: 'succeeded', rowCount: 12 },
  ])
  expect(await bed.exports.backfillAhead(bed.caller, flowId, wanted, { signal })).toEqual([])
  const wider = { ...wanted, before: new Date('2026-02-05T00:00:00Z') }
  await expect(bed.exports.backfill(bed.caller, flowId, wider)).rejects.toMatchObject({
    code: 'request.invalid',
    message: expect.stringContaining(
      'overlaps the one from 2026-02-03T00:00:00.000Z to 2026-02-03T12:00:00.000Z',
    ) as string,
  })
  await expect(bed.exports.backfillAhead(bed.caller, flowId, wider, { signal })).rejects.toThrow('overlaps')
  await bed.append(dataset, events(200, 3))
  expect(await bed.run(flowId)).toMatchObject({ result: { rowCount: 3 } })
  expect(numbers(bed)).toEqual([...range(0, 60), 200, 201, 202, 1000])
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [], rowCount: 64 })
})

test('a window that was cancelled or has failed is made by the next who asks, and no other', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  await bed.append(dataset, events(0, 48))
  const flowId = await bed.flow(dataset, { scheduleParams: { startsWith: 'new' } })
  const wanted = {
    datasetIds: [dataset.id],
    from: new Date('2026-02-01T00:00:00Z'),
    before: new Date('2026-02-03T00:00:00Z'),
    windowHours: 24,
  }
  const [first, second] = await bed.exports.backfill(bed.caller, flowId, wanted)
  await bed.finished(first!.runId)
  await bed.finished(second!.runId)
  await bed.here.metadata.db
    .updateTable('job_runs')
    .set({ state: 'failed', result: null, code: 'store.denied', message: 'no' })
    .where('id', '=', second!.runId)
    .execute()
  expect(await bed.exports.windows(bed.caller, flowId, { limit: 10, offset: 0 })).toMatchObject([
    { state: 'succeeded', rowCount: 24 },
    { state: 'failed', message: 'no' },
  ])
  const [last] = await bed.exports.windows(bed.caller, flowId, { limit: 1, offset: 1 })
  expect(last).toMatchObject({ state: 'failed' })
  const again = await bed.exports.backfill(bed.caller, flowId, wanted)
  expect(again[0]!.runId).toBe(first!.runId)
  expect(again[1]!.runId).not.toBe(second!.runId)
  await bed.finished(again[1]!.runId)
  const retry = async ({ runId }: { readonly runId: RunId }) =>
    await bed.exports.controlRun(bed.caller, runId, 'retry')
  for (const run of [first!, second!, again[1]!])
    await expect(retry(run)).rejects.toMatchObject({
      code: 'flow.invalid',
      hint: expect.stringContaining('/repeat delivers it again and says so') as string,
    })
  expect(numbers(bed)).toEqual(
    [...range(0, 24), ...range(24, 24), ...range(24, 24)].toSorted((a, b) => a - b),
  )
})

test('a window that failed is made again by hand, unless another one has come to overlap it', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  await bed.append(dataset, events(0, 48))
  const flowId = await bed.flow(dataset, { scheduleParams: { startsWith: 'new' } })
  const [from, before] = [new Date('2026-02-01T00:00:00Z'), new Date('2026-02-02T00:00:00Z')]
  const wanted = { datasetIds: [dataset.id], from, before, windowHours: 24 }
  const [asked] = await bed.exports.backfill(bed.caller, flowId, wanted)
  await bed.finished(asked!.runId)
  const fail = async (runId: RunId) =>
    await bed.here.metadata.db
      .updateTable('job_runs')
      .set({ state: 'failed', result: null, code: 'store.denied', message: 'no' })
      .where('id', '=', runId)
      .execute()
  await fail(asked!.runId)
  const { id } = await bed.exports.controlRun(bed.caller, asked!.runId, 'retry')
  expect(await bed.finished(id as RunId)).toMatchObject({ result: { rowCount: 24, content: 'window' } })
  await fail(id as RunId)
  const wider = { ...wanted, before: new Date('2026-02-03T00:00:00Z'), windowHours: 48 }
  expect(await bed.exports.backfill(bed.caller, flowId, wider)).toHaveLength(1)
  await expect(bed.exports.controlRun(bed.caller, id as RunId, 'retry')).rejects.toMatchObject({
    code: 'request.invalid',
  })
})

test('where an export of what is new begins is settled when it is made, whatever the clocks say', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  const commitAt = async (sequence: number, hours: number) =>
    await bed.here.metadata.db
      .updateTable('lake_commits')
      .set({ committed_at: new Date(Date.now() + hours * 3_600_000) })
      .where('table_id', '=', dataset.tableId)
      .where('sequence', '=', sequence)
      .execute()
  await bed.append(dataset, events(0, 5))
  await commitAt(1, 1)
  const flowId = await bed.flow(dataset, { scheduleParams: { startsWith: 'new' } })
  // Begun before the flow was made, and visible after.
  await bed.append(dataset, events(5, 3))
  await commitAt(2, -1)
  expect(await bed.run(flowId)).toMatchObject({ result: { rowCount: 3, content: 'increment' } })
  expect(numbers(bed)).toEqual(range(5, 3))
  const flow = await bed.exports.entity(bed.caller, 'flows', flowId)
  await bed.exports.patchEntity(bed.caller, 'flows', flowId, String(flow['etag']), [
    { op: 'replace', path: '/name', value: 'other' },
  ])
  const wanted = {
    datasetIds: [dataset.id],
    from: new Date('2026-02-01T00:00:00Z'),
    before: new Date('2026-02-02T00:00:00Z'),
    windowHours: 24,
  }
  const [asked] = await bed.exports.backfill(bed.caller, flowId, wanted)
  expect(await bed.finished(asked!.runId)).toMatchObject({ result: { rowCount: 5 } })
  expect(numbers(bed)).toEqual(range(0, 8))
  expect(flow).not.toHaveProperty('startSequences')
})

test('what is asked for must be there: a delivery, a range, a snapshot', async () => {
  const bed = await open()
  const dataset = await bed.dataset(columns)
  await bed.append(dataset, events(0, 5))
  const flowId = await bed.flow(dataset)
  const wanted = {
    datasetIds: [dataset.id],
    from: new Date('2026-02-01T00:00:00Z'),
    before: new Date('2026-02-03T00:00:00Z'),
    windowHours: 24,
  }
  await expect(bed.exports.backfill(bed.caller, flowId, wanted)).rejects.toMatchObject({
    code: 'flow.invalid',
    message: 'The first delivery of the export, which holds everything, is still to come.',
  })
  await expect(
    bed.exports.backfill(bed.caller, flowId, { ...wanted, before: wanted.from }),
  ).rejects.toMatchObject({ code: 'request.invalid' })
  expect(() => cutWindows({ ...wanted, from: new Date(0), windowHours: 1 })).toThrow(
    'can be asked for at once',
  )
  // Of all datasets together; fewer when who asks waits for the answer.
  const month = { ...wanted, before: new Date('2026-03-01T00:00:00Z') }
  expect(cutWindows(month, { datasetCount: 35 })).toHaveLength(28)
  expect(() => cutWindows(month, { datasetCount: 36 })).toThrow('1008 windows of 36 datasets; 1000 can')
  const hourly = { ...wanted, windowHours: 1, before: new Date('2026-02-03T03:00:00Z') }
  await expect(bed.exports.backfillAhead(bed.caller, flowId, hourly, { signal })).rejects.toThrow(
    '51 windows; 50 can',
  )
})

test('the table of a commit is read by its snapshot, or by one of the same rows', () => {
  const commit = (commitSequence: number, operation: 'append' | 'replace') =>
    ({ commitSequence, operation, snapshotId: `s${commitSequence}` }) as never
  const commits = [commit(3, 'append'), commit(5, 'replace'), commit(6, 'append')]
  expect(snapshotOf(commits, 3)).toBe('s3')
  expect(snapshotOf(commits, 4)).toBe('s5')
  expect(snapshotOf(commits, 5)).toBe('s5')
  expect(snapshotOf([commit(6, 'append')], 5)).toBeUndefined()
  expect(snapshotOf([commit(3, 'append')], 4)).toBeUndefined()
})
