import { readdir, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { generateKey } from 'openpgp'
import { expect, onTestFinished, test } from 'vitest'
import { armFaults } from '#base/faults.ts'
import type { FlowId, RunId } from '#base/ids.ts'
import { actAt, ExportBed, type Node, stopAt, stopAtEach } from '../../test/support/exports.ts'

/** An open window, of which ten seconds are left, and a delivery of three parts. */
async function open(onClose: string) {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const node = await bed.node()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 100)
  await node.exports.putRule(bed.caller, 'at one', {
    kind: 'window',
    window: { days: ['sun', 'mon'], from: '01:00', to: '01:01', timeZone: 'UTC', onClose },
  })
  bed.clock.advance(50_000) // It is Sunday, one o'clock.
  const flowId = await bed.flow(node, dataset)
  return { bed, node, dataset, flowId }
}

const isVisible = (name: string) => !/(^|\/)\./.test(name)

async function changeSpool(bed: ExportBed, which: RegExp, change: (path: string) => Promise<void>) {
  const entries = await readdir(bed.spoolFolder, { recursive: true, withFileTypes: true })
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).filter((path) => which.test(path))
  for (const path of paths) await change(path)
}

/** Lays a delivery aside of which all is staged and nothing sealed. */
async function pause(bed: ExportBed, node: Node, flowId: FlowId): Promise<RunId> {
  let partCount = 0
  armFaults((point) => {
    if (point !== 'export.stage.done') return
    partCount += 1
    if (partCount === 3) bed.clock.advance(11_000)
  })
  const runId = await node.exports.runNow(bed.caller, flowId)
  await expect.poll(async () => (await node.jobs.run(runId))?.state, { timeout: 30_000 }).toBe('waiting')
  return runId
}

function reopen(bed: ExportBed): void {
  bed.clock.advance(Date.parse('2026-03-02T01:00:01Z') - bed.clock.now().getTime())
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => index)

test('what a closing window pauses is made when it opens again, and no tick is taken for it', async () => {
  const { bed, node, dataset, flowId } = await open('pause')
  const stop = stopAt('export.stage.done')
  const runId = await node.exports.runNow(bed.caller, flowId)
  await stop.reached
  bed.clock.advance(11_000)
  stop.release()
  const waits = {
    state: 'waiting',
    code: 'job.paused',
    retryAt: new Date('2026-03-02T01:00:00Z'),
    message: expect.stringContaining('"at one" closed') as string,
  }
  await expect.poll(() => node.jobs.run(runId), { timeout: 30_000 }).toMatchObject(waits)
  expect(bed.files().filter(isVisible)).toEqual([])
  // Who takes it up too early makes it wait again.
  await node.exports.controlRun(bed.caller, runId, 'resume')
  await expect.poll(() => node.jobs.run(runId), { timeout: 30_000 }).toMatchObject({ ...waits, attempt: 2 })
  await bed.append(dataset, 100, 1)
  // Its snapshot stays as long as it waits, and longer.
  expect(bed.lake.pins.get(`run:${runId}`)?.until).toEqual(new Date('2026-03-09T01:00:00Z'))
  bed.clock.advance(Date.parse('2026-03-02T01:00:01Z') - bed.clock.now().getTime())
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
  // What the first attempt has read is not read again, and what it has staged is delivered.
  expect(bed.engine.copied).toHaveLength(1)
  expect(bed.files().filter((name) => name.includes(`${runId}-1-`))).not.toEqual([])
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 1 } })
  expect(await bed.deliveredIds()).toEqual(ids(101))
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [] })
})

test.each([
  [
    'the spool',
    async (bed: ExportBed) => await rm(join(bed.spoolFolder, bed.spools()[0]!), { recursive: true }),
  ],
  ['a file of it', async (bed: ExportBed) => await changeSpool(bed, /parquet$/, (path) => rm(path))],
  [
    'the end of the note',
    async (bed: ExportBed) => await changeSpool(bed, /json$/, (path) => truncate(path, 99)),
  ],
])('a paused delivery that has lost %s is made anew', async (_what, lose) => {
  const { bed, node, flowId } = await open('pause')
  let isOver = false
  armFaults((point) => {
    if (point !== 'export.stage.done' || isOver) return
    isOver = true
    bed.clock.advance(11_000)
  })
  const runId = await node.exports.runNow(bed.caller, flowId)
  await expect.poll(async () => (await node.jobs.run(runId))?.state, { timeout: 30_000 }).toBe('waiting')
  await lose(bed)
  bed.clock.advance(Date.parse('2026-03-02T01:00:01Z') - bed.clock.now().getTime())
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
  expect(bed.engine.copied).toHaveLength(2)
  expect(bed.files().filter((name) => !isVisible(name))).toEqual([])
  expect(await bed.deliveredIds()).toEqual(ids(100))
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [] })
})

test('a paused delivery that is encrypted goes on with what it has read', async () => {
  const { bed, node, flowId } = await open('pause')
  const { publicKey } = await generateKey({ userIDs: [{ name: 'Receiver' }] })
  const { items } = await node.exports.entities(bed.caller, 'connections', {})
  const { id, etag } = items[0] as { id: string; etag: string }
  const params = { encryptionAlgo: 'PGPGPG', publicKey }
  await node.exports.patchEntity(bed.caller, 'connections', id, etag, [
    { op: 'add', path: '/encryptionSpecs', value: { specName: 'Encryption spec', params } },
  ])
  const stop = stopAt('export.stage.intent')
  const runId = await node.exports.runNow(bed.caller, flowId)
  await stop.reached
  bed.clock.advance(11_000)
  stop.release()
  await expect.poll(async () => (await node.jobs.run(runId))?.state, { timeout: 30_000 }).toBe('waiting')
  // Cut while it was written, which nobody may take for whole.
  await changeSpool(bed, /gpg$/, (path) => truncate(path, 99))
  reopen(bed)
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
  expect(bed.engine.copied).toHaveLength(1)
  expect(
    bed
      .files()
      .filter(isVisible)
      .filter((name) => name.endsWith('.gpg')),
  ).toHaveLength(3)
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount: 100, findings: [] })
})

test('what a paused delivery leaves that is cancelled is swept, also where nothing was ever spooled', async () => {
  const { bed, node, flowId } = await open('pause')
  const runId = await pause(bed, node, flowId)
  const signal = AbortSignal.timeout(60_000)
  expect(await node.exports.sweep({ signal })).toBe(0)
  await node.jobs.cancel(runId, bed.caller.principal.id)
  expect(bed.files()).toHaveLength(3)
  expect(bed.spools()).toEqual([runId])
  const other = await bed.node({ nodeId: 'b', spoolFolder: join(bed.folder, 'of-b') })
  expect(await other.exports.sweep({ signal })).toBe(3)
  expect(bed.files()).toEqual([])
  await node.exports.sweep({ signal })
  expect(bed.spools()).toEqual([])
  expect(bed.lake.pins.size).toBe(0)
})

test('the sweep of another export does not take what a paused delivery has staged', async () => {
  const { bed, node, flowId } = await open('pause')
  const other = await bed.dataset('other')
  await bed.append(other, 0, 10)
  const otherFlow = await bed.flow(node, other, { params: { path: join(bed.folder, 'beside') } })
  const runId = await pause(bed, node, flowId)
  const [begun, sweeping] = stopAtEach('export.pin.after', 'export.sweep.middle')
  reopen(bed)
  await begun.reached
  // It has not looked yet at what it has staged when another one ends and sweeps.
  expect(await bed.run(node, otherFlow)).toMatchObject({ state: 'succeeded' })
  const swept = node.attempts[2]
  await Promise.race([sweeping.reached, swept])
  const visible = stopAt('export.complete.done')
  begun.release()
  await visible.reached
  sweeping.release()
  await swept
  visible.release()
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
  expect(bed.engine.copied).toHaveLength(2)
  expect(bed.files().filter((name) => name.includes(`${runId}-1-`))).toHaveLength(3)
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [] })
  expect(await bed.deliveredIds()).toEqual(ids(100))
})

test.each(['export.sweep.claimed', 'export.sweep.middle'] as const)(
  'a node without the spool that is overtaken at %s removes nothing that was taken over',
  async (point) => {
    const { bed, node, flowId } = await open('pause')
    const runId = await pause(bed, node, flowId)
    await node.jobs[Symbol.asyncDispose]()
    // Without what was laid aside.
    const spoolFolder = join(bed.folder, 'of-b')
    const other = await bed.node({ nodeId: 'b', parallelRuns: false, spoolFolder })
    const asleep = stopAt(point)
    onTestFinished(() => asleep.end())
    reopen(bed)
    await asleep.reached
    const visible = stopAt('export.complete.done')
    onTestFinished(() => visible.end())
    const back = await bed.node()
    await bed.metadata.db.updateTable('job_runs').set({ leased_until: bed.clock.now() }).execute()
    back.jobs.ring()
    const settled = bed.settled(back, runId)
    await Promise.race([visible.reached, settled])
    asleep.release()
    await Promise.all(other.attempts)
    visible.release()
    expect(await settled).toMatchObject({ state: 'succeeded', attempt: 3 })
    expect(bed.files().filter((name) => name.includes(`${runId}-1-`))).toHaveLength(2)
    expect(bed.files().filter((name) => !isVisible(name))).toEqual([])
    expect(await bed.verify()).toMatchObject({ isRight: true, findings: [] })
    expect(await bed.deliveredIds()).toEqual(ids(100))
  },
)

test('what a closing window fails leaves nothing to be seen, and its rows come with the next run', async () => {
  const { bed, node, flowId } = await open('fail')
  let partCount = 0
  armFaults((point) => {
    if (point !== 'export.stage.done') return
    partCount += 1
    // All is staged, and nothing sealed.
    if (partCount === 3) bed.clock.advance(11_000)
  })
  const runId = await node.exports.runNow(bed.caller, flowId)
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'failed', code: 'export.closed' })
  expect(partCount).toBe(3)
  expect(bed.files()).toEqual([])
  bed.clock.advance(Date.parse('2026-03-02T01:00:01Z') - bed.clock.now().getTime())
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
  expect(await bed.deliveredIds()).toEqual(ids(100))
})

test.each(['pause', 'fail'])(
  'what fails by itself while its window closes is tried again: %s',
  async (onClose) => {
    const { bed, node, flowId } = await open(onClose)
    actAt('export.seal.before', async () => {
      bed.clock.advance(11_000)
      await setImmediate()
      throw new Error('struck')
    })
    const runId = await node.exports.runNow(bed.caller, flowId)
    const state = async () => (await node.jobs.run(runId))?.state
    await expect.poll(state, { timeout: 30_000 }).toMatch(/waiting|failed/)
    expect(await node.jobs.run(runId)).toMatchObject({ state: 'waiting', code: 'internal' })
  },
)

test.each(['pause', 'fail'])(
  'what is sealed is published, whatever its window would do: %s',
  async (onClose) => {
    const { bed, node, flowId } = await open(onClose)
    const stop = stopAt('export.seal.after')
    const runId = await node.exports.runNow(bed.caller, flowId)
    await stop.reached
    bed.clock.advance(11_000)
    stop.end() // As a process that dies there; the next attempt begins after the close.
    expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
    expect(bed.clock.now().getTime()).toBeLessThan(Date.parse('2026-03-02T01:00:00Z'))
  },
)

test('a window lets a delivery finish that has begun in it, and who may override it is not stopped', async () => {
  for (const [onClose, overridesWindows] of [
    ['finish', false],
    ['fail', true],
  ] as const) {
    const { bed, node, flowId } = await open(onClose)
    const stop = stopAt('export.stage.done')
    const runId = await node.exports.runNow(bed.caller, flowId, { overridesWindows })
    await stop.reached
    bed.clock.advance(11_000)
    stop.release()
    expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded' })
    expect(bed.clock.now().getTime()).toBeLessThan(Date.parse('2026-03-01T02:00:00Z'))
  }
})

test('a delivery that waits to be tried again does not begin after the close', async () => {
  const { bed, node, flowId } = await open('fail')
  const stop = stopAt('export.stage.done')
  const runId = await node.exports.runNow(bed.caller, flowId)
  await stop.reached
  stop.end()
  await expect.poll(async () => (await node.jobs.run(runId))?.state, { timeout: 30_000 }).toBe('waiting')
  bed.clock.advance(11_000)
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'failed', code: 'export.closed' })
  expect(bed.files()).toEqual([])
})

test('the tick after one that a window paused is a run of its own', async () => {
  const { bed, node, dataset } = await open('pause')
  const flowId = await bed.flow(node, dataset, {
    scheduleParams: { timeUnit: 'hour', interval: 1, startTime: bed.clock.now().getTime() / 1000 + 1 },
  })
  const stop = stopAt('export.stage.done')
  bed.clock.advance(1_001)
  await stop.reached
  bed.clock.advance(10_000)
  stop.release()
  const runs = async () =>
    (await node.jobs.runs({ subjectId: flowId }))
      .map(({ tick, state }) => `${tick.slice(11, 19)} ${state}`)
      .toSorted()
  await expect.poll(runs, { timeout: 30_000 }).toEqual(['01:00:51 waiting'])
  bed.clock.advance(3_600_000)
  await expect.poll(async () => (await runs()).length, { timeout: 30_000 }).toBe(2)
  expect((await runs())[0]).toBe('01:00:51 waiting')
})
