import { readdir, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type FaultPoint, faultPoints } from '#base/faults.ts'
import type { FlowId } from '#base/ids.ts'
import { actAt, ExportBed, rowsOfPart, stopAt, throwAt } from '../../../test/support/exports.ts'
import { readManifest } from '../manifests/manifest.ts'
import { parseManifestName } from '../manifests/names.ts'

async function openBed(): Promise<ExportBed> {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  return bed
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)
const isStaging = (name: string) => /(^|\/)\./.test(name)

/** Exactly these rows lie there, every file is named by a manifest, the chain is whole, no trace is left. */
async function expectDelivered(bed: ExportBed, ids: readonly number[]): Promise<void> {
  const report = await bed.verify()
  expect(report.findings).toEqual([])
  expect(report).toMatchObject({ isRight: true, rowCount: ids.length })
  expect(await bed.deliveredIds()).toEqual(ids)
  expect(bed.files().filter(isStaging)).toEqual([])
  // Swept after the run has been told as finished.
  await expect.poll(() => bed.spools()).toEqual([])
  await expect.poll(() => bed.lake.pins.size).toBe(0)
}

test('the first delivery holds everything, the next ones only what came since, an empty one no file', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 100)
  expect(await bed.run(node, flowId)).toMatchObject({
    state: 'succeeded',
    result: { rowCount: 100, fileCount: 3, chainNumber: 1, content: 'full' },
  })
  await bed.append(dataset, 100, 30)
  await bed.append(dataset, 130, 20)
  expect(await bed.run(node, flowId)).toMatchObject({
    state: 'succeeded',
    result: { rowCount: 50, fileCount: 2, chainNumber: 2, content: 'increment' },
  })
  expect(await bed.run(node, flowId)).toMatchObject({
    state: 'succeeded',
    result: { rowCount: 0, fileCount: 0 },
  })
  await expectDelivered(bed, range(0, 150))
  expect((await bed.verify()).chains).toMatchObject([{ manifestCount: 3, fileCount: 5, exportName: 'feed' }])
  expect(bed.engine.copied).toHaveLength(2)
})

test('failure 23: zero rows of a dataset without any are a delivery that says so', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset(`odd "name" of/a ünïcödé 'data set' %`)
  const flowId = await bed.flow(node, dataset, {
    scheduleParams: { foldernameTemplate: '%DATASET_NAME%/%DESTINATION_INSTANCE_NAME%' },
    name: '../%x%/..',
  })
  expect(await bed.run(node, flowId)).toMatchObject({
    state: 'succeeded',
    result: { rowCount: 0, chainNumber: 1 },
  })
  await bed.append(dataset, 0, 10)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 10 } })
  await expectDelivered(bed, range(0, 10))
  expect(new Set(bed.files().map((name) => name.split('/').slice(0, -1).join('/'))).size).toBe(1)
})

test('a full export delivers everything each time, in one chain, and takes away nothing of it', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, { scheduleParams: { exportMode: 'DAILY_FULL_EXPORT' } })
  await bed.append(dataset, 0, 10)
  await bed.run(node, flowId)
  await bed.append(dataset, 10, 10)
  expect(await bed.run(node, flowId)).toMatchObject({
    result: { rowCount: 20, content: 'full', chainNumber: 2 },
  })
  throwAt('export.publish.after')
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
  await node.exports.sweep({ signal: new AbortController().signal })
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount: 50, findings: [] })
})

test.each([
  ['PARQUET', 'ZSTD', '.zstd.parquet'],
  ['PARQUET', 'NONE', '.parquet'],
  ['parquet', 'gzip', '.gz.parquet'],
  ['JSON', 'NONE', '.json'],
  ['JSON', 'GZIP', '.json.gz'],
  ['JSON', 'ZSTD', '.json.zst'],
])(
  'files of %s with %s end in %s, and the platform’s manifest comes when asked for',
  async (datasetFileType, compression, end) => {
    const bed = await openBed()
    const node = await bed.node()
    const dataset = await bed.dataset()
    const params = { datasetFileType, compression, includeFileManifest: true }
    const flowId = await bed.flow(node, dataset, { params, scheduleParams: { foldernameTemplate: '/' } })
    await bed.append(dataset, 0, rowsOfPart + 1)
    const run = await bed.run(node, flowId)
    expect(await bed.verify()).toMatchObject({ isRight: true, findings: [], rowCount: rowsOfPart + 1 })
    const names = bed.files()
    expect(names).toHaveLength(4)
    expect(names.filter((name) => /^part-\d{5}-[0-9a-f-]+\./.test(name) && name.endsWith(end))).toHaveLength(
      2,
    )
    const platform = JSON.parse(
      readFileSync(join(bed.destination, `manifest-${flowId}-${run.id}.json`), 'utf8'),
    )
    expect(platform).toMatchObject({ flowRunId: run.id, scheduledTime: '2026-03-01T01:00:00Z' })
    expect(platform.exportResults).toHaveLength(2)
  },
)

test('the schedule delivers by itself, into a folder of its tick', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 5)
  const flowId = await bed.flow(node, dataset, {
    scheduleParams: { startTime: bed.clock.now().getTime() / 1000 + 3600, timeUnit: 'hour', interval: '6' },
  })
  bed.clock.advance(3_600_000)
  await expect
    .poll(async () => (await node.jobs.runs({ subjectId: flowId })).map((run) => run.state))
    .toEqual(['succeeded'])
  expect(bed.files().every((name) => name.startsWith(`${dataset.id}/exportTime=202603010200/`))).toBe(true)
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount: 5 })
})

test('failure 1: rows that come while a delivery is made are for the next one', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  actAt('export.pin.after', () => bed.append(dataset, 10, 10))
  expect(await bed.run(node, flowId)).toMatchObject({ result: { rowCount: 10 } })
  expect(await bed.run(node, flowId)).toMatchObject({ result: { rowCount: 10 } })
  await expectDelivered(bed, range(0, 20))
})

const points: readonly FaultPoint[] = faultPoints.filter((point) => /^export\.(?!sweep\.)/.test(point))

test.each(points)(
  'failures 3, 5, 17, 18: a delivery that fails at %s is made by the next attempt',
  async (point) => {
    const bed = await openBed()
    const node = await bed.node()
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset, { params: { includeFileManifest: true } })
    await bed.append(dataset, 0, 100)
    throwAt(point)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
    await bed.append(dataset, 100, 50)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 50 } })
    await expectDelivered(bed, range(0, 150))
  },
)

test.each(points)('a delivery whose server is gone at %s is made by its next life', async (point) => {
  const bed = await openBed()
  const before = await bed.node({ parallelRuns: false })
  const dataset = await bed.dataset()
  const flowId = await bed.flow(before, dataset, { params: { includeFileManifest: true } })
  await bed.append(dataset, 0, 100)
  const gone = stopAt(point)
  onTestFinished(() => gone.end())
  const runId = await before.exports.runNow(bed.caller, flowId)
  await gone.reached
  const named = bed.files().filter((name) => parseManifestName(name))
  if (named.length === 0) expect((await bed.verify()).isRight).toBe(false)
  const next = await bed.node()
  expect(await bed.settled(next, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
  await bed.append(dataset, 100, 50)
  expect(await bed.run(next, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 50 } })
  await expectDelivered(bed, range(0, 150))
  gone.end()
})

test.each(['export.sweep.claimed', 'export.sweep.middle'] as const)(
  'failure 3: a sweep that is interrupted at %s is finished by the next attempt',
  async (point) => {
    const bed = await openBed()
    const before = await bed.node({ parallelRuns: false })
    const dataset = await bed.dataset()
    const flowId = await bed.flow(before, dataset)
    await bed.append(dataset, 0, 100)
    const gone = stopAt('export.seal.before')
    onTestFinished(() => gone.end())
    const runId = await before.exports.runNow(bed.caller, flowId)
    await gone.reached
    expect(bed.files().filter(isStaging)).toHaveLength(3)
    throwAt(point)
    const next = await bed.node()
    expect(await bed.settled(next, runId)).toMatchObject({ state: 'succeeded' })
    await expectDelivered(bed, range(0, 100))
    gone.end()
  },
)

test.each([
  'export.spool.done',
  'export.stage.intent',
  'export.stage.middle',
  'export.stage.done',
  'export.seal.before',
] as const)(
  'failure 4: an attempt that was overtaken and wakes at %s neither stages nor seals nor publishes',
  async (point) => {
    const bed = await openBed()
    const zombie = await bed.node({ nodeId: 'a', parallelRuns: false })
    const dataset = await bed.dataset()
    const flowId = await bed.flow(zombie, dataset)
    await bed.append(dataset, 0, 100)
    const asleep = stopAt(point)
    const runId = await zombie.exports.runNow(bed.caller, flowId)
    await asleep.reached
    const living = await bed.node({ nodeId: 'b' })
    await bed.metadata.db.updateTable('job_runs').set({ leased_until: bed.clock.now() }).execute()
    living.jobs.ring()
    expect(await bed.settled(living, runId)).toMatchObject({ state: 'succeeded', attempt: 2 })
    const files = bed.files().filter((name) => !isStaging(name))
    const rows = await bed.metadata.db.selectFrom('export_runs').select('manifest').execute()
    asleep.release()
    await Promise.all(zombie.attempts)
    expect(bed.files()).toEqual(files)
    expect(await bed.metadata.db.selectFrom('export_runs').select('manifest').execute()).toEqual(rows)
    await expectDelivered(bed, range(0, 100))
  },
)

test.each(['export.seal.after', 'export.complete.middle', 'export.manifest.before'] as const)(
  'failure 4: an attempt that was overtaken after the seal and wakes at %s changes nothing',
  async (point) => {
    const bed = await openBed()
    const zombie = await bed.node({ nodeId: 'a', parallelRuns: false })
    const dataset = await bed.dataset()
    const flowId = await bed.flow(zombie, dataset)
    await bed.append(dataset, 0, 100)
    const asleep = stopAt(point)
    const runId = await zombie.exports.runNow(bed.caller, flowId)
    await asleep.reached
    const living = await bed.node({ nodeId: 'b' })
    await bed.metadata.db.updateTable('job_runs').set({ leased_until: bed.clock.now() }).execute()
    living.jobs.ring()
    await bed.settled(living, runId)
    const files = bed.files()
    asleep.release()
    await Promise.all(zombie.attempts)
    expect(bed.files()).toEqual(files)
    await expectDelivered(bed, range(0, 100))
  },
)

test.each([
  'export.pin.after',
  'export.spool.done',
  'export.stage.intent',
  'export.stage.middle',
  'export.stage.done',
  'export.seal.before',
  'export.seal.after',
  'export.complete.middle',
  'export.complete.done',
  'export.manifest.before',
  'export.manifest.after',
] as const)('failure 4: an attempt that lost its run at %s gets no further', async (point) => {
  const bed = await openBed()
  const node = await bed.node({ parallelRuns: false })
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 100)
  const asleep = stopAt(point)
  await node.exports.runNow(bed.caller, flowId)
  await asleep.reached
  // Fenced off by an attempt that has done nothing yet: nothing but the fence stands in the way.
  await bed.metadata.db
    .updateTable('job_runs')
    .set((row) => ({ fence: row('fence', '+', 1) }))
    .execute()
  const account = async () => ({
    visible: bed.files().filter((name) => !isStaging(name)),
    runs: await bed.metadata.db.selectFrom('export_runs').select(['manifest', 'published_at']).execute(),
    chains: await bed.metadata.db.selectFrom('export_chains').selectAll().execute(),
    job: await bed.metadata.db.selectFrom('job_runs').select(['state', 'progress', 'result']).execute(),
    // None is intended any more, and none is counted.
    parts: await bed.metadata.db.selectFrom('export_parts').select(['id', 'sha256']).orderBy('id').execute(),
    staged: await bed.metadata.db
      .selectFrom('export_parts')
      .select('token')
      .where('state', '=', 'staged')
      .orderBy('id')
      .execute(),
  })
  const before = await account()
  asleep.release()
  expect(await Promise.all(node.attempts)).toMatchObject([{ code: 'job.fenced' }])
  const after = await account()
  expect({ ...after, staged: [] }).toEqual({ ...before, staged: [] })
  expect(before.staged).toEqual(expect.arrayContaining(after.staged))
})

test('the intent of a part is on record before its first byte', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  const seen: unknown[] = []
  actAt('export.stage.middle', async () => {
    const parts = await bed.metadata.db.selectFrom('export_parts').select(['state', 'token']).execute()
    seen.push(
      parts.map((part) => part.state),
      bed.files().filter(isStaging).length,
    )
  })
  await bed.run(node, flowId)
  expect(seen).toEqual([['intended'], 1])
})

test('failures 7, 14, 22: an engine that loses rows delivers nothing', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 100)
  for (const spoil of [{ limit: 99 }, { limit: 99, reported: 100 }, { reported: 99 }]) {
    bed.engine.spoil = spoil
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', code: 'export.counts' })
    expect(bed.files()).toEqual([])
  }
  bed.engine.spoil = undefined
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { chainNumber: 1 } })
  expect(await bed.deliveredIds()).toEqual(range(0, 100))
})

test('failures 13, 19: a spool file without its end is found before it is delivered', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  actAt('export.spool.done', async () => {
    for (const path of await spoolFiles(bed)) await writeFile(path, readFileSync(path).subarray(0, -20))
  })
  const runId = await node.exports.runNow(bed.caller, flowId)
  await expect
    .poll(async () => await node.jobs.run(runId))
    .toMatchObject({ state: 'waiting', code: 'file.torn' })
  expect(bed.files()).toEqual([])
  await bed.settled(node, runId)
  await expectDelivered(bed, range(0, 10))
})

test('failures 2, 8, 10: two runs at once follow each other and share no row', async () => {
  const bed = await openBed()
  const [one, other] = [await bed.node({ nodeId: 'a' }), await bed.node({ nodeId: 'b' })]
  const dataset = await bed.dataset()
  // All in one folder.
  const flowId = await bed.flow(one, dataset, { scheduleParams: { foldernameTemplate: '%DATASET_ID%' } })
  await bed.append(dataset, 0, 100)
  const runIds = await Promise.all(
    [one, other, one, other].map((node) => node.exports.runNow(bed.caller, flowId)),
  )
  const runs = await Promise.all(runIds.map((runId) => bed.settled(one, runId)))
  expect(runs.map((run) => run.state === 'succeeded' && run.result['rowCount'])).toEqual(
    expect.arrayContaining([0, 100]),
  )
  await bed.append(dataset, 100, 50)
  expect(await bed.run(other, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 50 } })
  await expectDelivered(bed, range(0, 150))
})

test('failure 6: an answer lost after a part was made visible does no harm', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 100)
  throwAt('export.complete.middle')
  const before: string[][] = []
  const run = await bed.run(node, flowId)
  before.push(bed.files())
  expect(run.attempt).toBe(2)
  expect(bed.files().filter((name) => name.endsWith('.parquet'))).toHaveLength(3)
  await expectDelivered(bed, range(0, 100))
})

test('a sealed delivery that has lost the row of a part is built again, and names no file that is not there', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 100)
  actAt('export.seal.after', async () => {
    await bed.append(dataset, 100, 20)
    const parts = bed.metadata.db.updateTable('export_parts').set({ state: 'gone' })
    await parts.where('number', '=', 1).execute()
    for (const name of bed.files().filter((name) => name.includes('part-00001-')))
      await rm(join(bed.destination, name))
  })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
  await expectDelivered(bed, range(0, 100))
})

async function spoolFiles(bed: ExportBed): Promise<string[]> {
  const entries = await readdir(bed.spoolFolder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

test.each([
  ['one staged part', { staged: 1, spool: false }, 1],
  ['all staged parts', { staged: 3, spool: false }, 1],
  ['one staged part and the spool', { staged: 1, spool: true }, 2],
  ['all staged parts and the spool', { staged: 3, spool: true }, 2],
])(
  '%s deleted between seal and publishing: rebuilt from the pinned snapshot',
  async (_what, lost, copies) => {
    const bed = await openBed()
    const node = await bed.node()
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset, { params: { includeFileManifest: true } })
    await bed.append(dataset, 0, 100)
    actAt('export.seal.after', async () => {
      await bed.append(dataset, 100, 20)
      for (const name of bed.files().filter(isStaging).slice(0, lost.staged))
        await rm(join(bed.destination, name))
      if (lost.spool) for (const path of await spoolFiles(bed)) await rm(path)
    })
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
    expect(bed.engine.copied).toHaveLength(copies)
    await expectDelivered(bed, range(0, 100))
  },
)

test('a spool deleted after staging is not needed', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 100)
  actAt('export.seal.before', async () => await rm(join(bed.spoolFolder), { recursive: true }))
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount: 100, findings: [] })
})

async function withOldDatabase(bed: ExportBed, flowId: FlowId, newer: () => Promise<unknown>): Promise<void> {
  const chain = await bed.metadata.db.selectFrom('export_chains').selectAll().executeTakeFirstOrThrow()
  await newer()
  await bed.metadata.db
    .updateTable('export_chains')
    .set({
      ...chain,
      watermark_sequence: Number(chain.watermark_sequence),
      reset_to_sequence: null,
    })
    .where('flow_id', '=', flowId)
    .execute()
}

test('a database restored from a backup stops before it delivers rows again', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  await bed.run(node, flowId)
  await withOldDatabase(bed, flowId, async () => {
    await bed.append(dataset, 10, 10)
    await bed.run(node, flowId)
  })
  const files = bed.files()
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', code: 'chain.diverged' })
  expect(bed.files()).toEqual(files)
  await expectDelivered(bed, range(0, 20))
})

test('a newer delivery that appears after the seal stops even a sealed run, and its parts go', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  await bed.run(node, flowId)
  const [first] = bed.files().filter((name) => parseManifestName(name))
  await bed.append(dataset, 10, 10)
  await withOldDatabase(bed, flowId, async () => await bed.run(node, flowId))
  const second = bed.files().find((name) => parseManifestName(name)?.chainNumber === 2)!
  const text = readFileSync(join(bed.destination, second))
  await rm(join(bed.destination, second))
  expect(first).toBeDefined()
  actAt('export.seal.after', () => writeFile(join(bed.destination, second), text))
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', code: 'chain.diverged' })
  await expectDelivered(bed, range(0, 20))
})

test('failure 9: what lies under the manifest’s name is never written over', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  let name = ''
  actAt('export.manifest.before', async () => {
    const row = await bed.metadata.db.selectFrom('export_runs').selectAll().executeTakeFirstOrThrow()
    const [part] = bed.files()
    name = join(part!, '..', `manifest-000001-${flowId.slice(0, 8)}-${row.run_id}.json`)
    await writeFile(join(bed.destination, name), 'somebody else’s')
  })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', code: 'chain.diverged' })
  expect(readFileSync(join(bed.destination, name), 'utf8')).toBe('somebody else’s')
})

test('failures 11, 20: only what we intended is ever swept', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 100)
  const strangers: string[] = []
  actAt('export.stage.done', async () => {
    const folder = join(bed.destination, bed.files()[0]!, '..')
    strangers.push('.part-00000-somebody.abc', 'part-00009-stranger.gz.parquet')
    for (const name of strangers) await writeFile(join(folder, name), 'x')
    throw new Error('struck')
  })
  await bed.run(node, flowId)
  const left = bed.files().map((name) => name.slice(name.lastIndexOf('/') + 1))
  expect(left).toEqual(expect.arrayContaining(strangers))
  expect(left.filter(isStaging)).toEqual(['.part-00000-somebody.abc'])
})

test('a run cancelled before its seal leaves nothing', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 100)
  const stop = stopAt('export.stage.done')
  const runId = await node.exports.runNow(bed.caller, flowId)
  await stop.reached
  await node.jobs.cancel(runId, bed.caller.principal.id)
  stop.release()
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'cancelled' })
  expect(bed.files()).toEqual([])
  expect(bed.spools()).toEqual([])
  await bed.run(node, flowId)
  await expectDelivered(bed, range(0, 100))
})

test('an export to another folder goes on where it was, and says where it came from', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  await bed.run(node, flowId)
  const flow = await node.exports.entity(bed.caller, 'flows', flowId)
  const targetId = (flow['targetConnectionIds'] as string[])[0]!
  const target = await node.exports.entity(bed.caller, 'targetConnections', targetId)
  await node.exports.patchEntity(bed.caller, 'targetConnections', targetId, target['etag'] as string, [
    { op: 'replace', path: '/params', value: { path: join(bed.destination, 'inner') } },
  ])
  await bed.append(dataset, 10, 10)
  expect(await bed.run(node, flowId)).toMatchObject({ result: { rowCount: 10, chainNumber: 2 } })
  const [second] = bed.files().filter((name) => parseManifestName(name)?.chainNumber === 2)
  const { manifest } = readManifest(readFileSync(join(bed.destination, second!)))
  expect(manifest.chain).toMatchObject({ number: 2, previous: { isElsewhere: true } })
})

test('who may no longer see the data delivers nothing', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  actAt('export.pin.after', () => undefined)
  const runId = await bed.metadata.transaction(async (tx) => {
    await tx
      .deleteFrom('role_permissions')
      .where('permission', 'in', ['view-datasets', 'manage-datasets'])
      .execute()
    return await node.jobs.enqueue(tx, {
      kind: 'export',
      subjectId: flowId,
      tick: 'later',
      dueAt: bed.clock.now(),
      principalId: bed.caller.principal.id,
      sandboxId: bed.caller.sandbox.id,
      payload: {},
    })
  })
  node.jobs.ring()
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'failed', code: 'access.denied' })
  expect(bed.files()).toEqual([])
})

test.each(['deleted', 'closed to its owner'])(
  'a dataset that is %s while it is staged is not delivered',
  async (how) => {
    const bed = await openBed()
    const node = await bed.node()
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset)
    await bed.append(dataset, 0, 10)
    const stop = stopAt('export.stage.done')
    const runId = await node.exports.runNow(bed.caller, flowId)
    await stop.reached
    if (how === 'deleted') await bed.datasets.delete(bed.caller, dataset.id)
    else
      await bed.metadata.db
        .deleteFrom('role_permissions')
        .where('permission', 'in', ['view-datasets', 'manage-datasets'])
        .execute()
    stop.release()
    expect(await bed.settled(node, runId)).toMatchObject({
      state: 'failed',
      code: how === 'deleted' ? 'dataset.unknown' : 'access.denied',
    })
    expect(bed.files()).toEqual([])
  },
)

test('a run’s document tells progress, then counts', async () => {
  const bed = await openBed()
  const node = await bed.node()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 100)
  const stop = stopAt('export.stage.done')
  const runId = await node.exports.runNow(bed.caller, flowId)
  await stop.reached
  const during = await node.exports.runDocument(bed.caller, runId)
  expect(during).toMatchObject({
    flowId,
    metrics: { statusSummary: { status: 'processing' } },
    sluice: { state: 'running', progress: { phase: 'staging', rowCountTotal: 100 } },
  })
  expect(during['metrics']).not.toHaveProperty('durationSummary.completedAtUTC')
  stop.release()
  await bed.settled(node, runId)
  expect(await node.exports.runDocument(bed.caller, runId)).toMatchObject({
    metrics: {
      durationSummary: { completedAtUTC: expect.any(Number) },
      sizeSummary: { outputBytes: expect.any(Number) },
      recordSummary: {
        outputRecordCount: 100,
        targetSummaries: [{ entitySummaries: [{ id: `dataset:${dataset.id}` }] }],
      },
      fileSummary: { outputFileCount: 3 },
      statusSummary: {
        status: 'success',
        activityRefs: [`${runId}-processor`, `${runId}-publisher`],
        errors: [],
      },
    },
    activities: [
      {
        name: 'Activation Batch XdmProcessor Activity',
        durationSummary: { completedAtUTC: expect.any(Number) },
        recordSummary: { inputRecordCount: 100 },
        statusSummary: { status: 'success', extensions: { 'snapshot.datasetId': dataset.id } },
      },
      {
        name: 'Activation Batch Publisher Activity',
        recordSummary: { outputRecordCount: 100 },
        fileSummary: { outputFileCount: 3 },
      },
    ],
  })
  const page = await node.exports.runDocuments(bed.caller, {
    property: [`flowId==${flowId}`, 'metrics.statusSummary.status==Success'],
  })
  expect(page.items.map((item) => item['id'])).toEqual([runId])
  const flow = await node.exports.entity(bed.caller, 'flows', flowId)
  expect(flow['lastRunDetails']).toMatchObject({ id: runId, state: 'success' })
})
