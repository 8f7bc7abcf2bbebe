import { sql } from 'kysely'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { FlowId } from '#base/ids.ts'
import { type LogFields, type Logger, silentLogger } from '#base/log.ts'
import { type AlertType, putAlert } from '#metadata/alerts.ts'
import { selectDelayedRuns, selectRunsInWindows } from '#metadata/export-alerts.ts'
import { ExportBed, stopAt, throwAt } from '../../../test/support/exports.ts'
import { startMailServer } from '../../../test/support/mail-server.ts'
import { destinationSpecs } from '../destination-specs.ts'
import { rowsOfPage } from './tell-each.ts'
import { tellExpiring } from './tell-expiring.ts'
import { tellEndings } from './tell-endings.ts'
import { tellDelays, tellRetries } from './tell-export.ts'
import { tellLate } from './tell-late.ts'

const dayMs = 86_400_000

/** Long ones come in several encoded words. */
function subjectOf(source: string): string {
  const [, header = ''] = /^Subject: (.*(?:\r?\n[ \t].*)*)/m.exec(source) ?? []
  return header.replaceAll(/\s*=\?UTF-8\?Q\?(.*?)\?=/g, (_, word: string) =>
    word
      .replaceAll('_', ' ')
      .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  )
}

async function open() {
  const server = await startMailServer()
  onTestFinished(() => server[Symbol.asyncDispose]())
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  bed.mail = { url: server.url, from: 'sluice@example.com' }
  const node = await bed.node()
  const subjects = () => server.mails.map(({ source }) => subjectOf(source)).toSorted()
  const subscribe = async (flowId: FlowId, ...types: AlertType[]) => {
    for (const alert_type of types)
      await bed.metadata.transaction((tx) =>
        putAlert(
          tx,
          {
            id: crypto.randomUUID(),
            sandbox_id: bed.caller.sandbox.id,
            asset_id: flowId,
            alert_type,
            is_enabled: true,
            delay_minutes: alert_type === 'delay' ? 1 : null,
            created_at: bed.clock.now(),
            created_by: bed.caller.principal.id,
          },
          [{ email: 'ann@example.com', in_product: true, by_email: true }],
        ),
      )
  }
  const unsent = async () =>
    await bed.metadata.db
      .selectFrom('job_runs')
      .select('id')
      .where('kind', '=', 'notify')
      .where('state', 'not in', ['succeeded', 'failed', 'cancelled'])
      .execute()
  // What is told is told in a transaction of what happened: when nothing is left to be sent, nothing more comes.
  const said = async (lines: readonly string[]) => {
    await expect.poll(unsent, { timeout: 30_000 }).toEqual([])
    expect(subjects()).toEqual(lines.toSorted())
  }
  let tick = 0
  /** Runs that nobody takes up. */
  const insertRuns = async (subjectId: FlowId, datasetId: string, count = 1) => {
    const [first, now] = [tick, bed.clock.now()]
    tick += count
    await sql`insert into job_runs
      (id, kind, subject_id, tick, state, due_at, principal_id, sandbox_id, payload, created_at, updated_at)
      select gen_random_uuid(), 'export', ${subjectId}, tick, 'queued', ${new Date(now.getTime() + dayMs)},
        ${bed.caller.principal.id}, ${bed.caller.sandbox.id}, ${JSON.stringify({ datasetId })}::jsonb, ${now}, ${now}
      from generate_series(${first}::int, ${tick - 1}::int) tick`.execute(bed.metadata.db)
  }
  return { bed, node, subscribe, said, insertRuns }
}

test('who subscribed is mailed of a run once, whatever dies: start, success, empty', async () => {
  const { bed, node, subscribe, said } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await subscribe(flowId, 'start', 'success', 'empty')
  await bed.append(dataset, 0, 10)
  throwAt('export.publish.after')
  await bed.run(node, flowId)
  throwAt('export.manifest.after')
  await bed.append(dataset, 10, 5)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 2 })
  const lines = ['The export "feed" has started', 'The export "feed" has succeeded']
  await said([...lines, ...lines])
  await bed.run(node, flowId)
  await said([...lines, ...lines, ...lines, 'The export "feed" had nothing to deliver'])
})

test('a failure is told with its cause, and a full delivery that holds much less than the one before', async () => {
  const { bed, node, subscribe, said } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, { scheduleParams: { exportMode: 'DAILY_FULL_EXPORT' } })
  await subscribe(flowId, 'failure', 'shrunken')
  await node.exports.putRule(bed.caller, 'none', { kind: 'quota', days: 1, rowsMax: 5 })
  await bed.append(dataset, 0, 10)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed' })
  await said(['The export "feed" has failed'])
  await node.exports.putRule(bed.caller, 'none', { kind: 'quota', days: 1, rowsMax: 500 })
  const { id } = await bed.run(node, flowId)
  await bed.run(node, flowId)
  await bed.metadata.db
    .updateTable('job_runs')
    .set({ result: JSON.stringify({ rowCount: 21 }) })
    .where('kind', '=', 'export')
    .where('state', '=', 'succeeded')
    .execute()
  await bed.run(node, flowId)
  await said(['The export "feed" delivered much less than before', 'The export "feed" has failed'])
  const notices = await node.notify.list(bed.caller, { isOwn: false, isUnread: false, limit: 50, offset: 0 })
  const notice = notices.find(({ topic }) => topic === 'export.shrunken')
  expect(notice).toMatchObject({
    detail: { assetId: flowId, datasetId: dataset.id, rowCount: 10, rowCountBefore: 21 },
  })
  expect(notice?.detail['runId']).not.toBe(id)
})

test('a run that takes longer than somebody wants to wait is told while it is under way, or waits', async () => {
  const { bed, node, subscribe, said } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await subscribe(flowId, 'delay')
  await bed.append(dataset, 0, 10)
  const slow = stopAt('export.stage.middle')
  const runId = await node.exports.runNow(bed.caller, flowId)
  await slow.reached
  const options = { metadata: bed.metadata, clock: bed.clock, notify: node.notify, logger: silentLogger }
  await tellDelays(options)
  await said([])
  bed.clock.advance(61_000)
  await tellDelays(options)
  await tellDelays(options)
  const line = 'The export "feed" takes longer than expected'
  await said([line])
  slow.release()
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded' })
  await node.exports.putRule(bed.caller, 'at noon', {
    kind: 'window',
    window: { days: ['sun'], from: '12:00', to: '13:00', timeZone: 'UTC' },
  })
  const waiting = await bed.tick(node, flowId)
  await expect.poll(async () => (await node.jobs.run(waiting))?.state, { timeout: 30_000 }).toBe('waiting')
  bed.clock.advance(61_000)
  await tellDelays(options)
  await said([line, line])
  const notices = await node.notify.list(bed.caller, { isOwn: false, isUnread: false, limit: 50, offset: 0 })
  expect(notices.map(({ body }) => body).join()).toContain('It waits: The window "at noon" is closed.')
})

test('a run that fails again and again is told of once, with the reason of the last time', async () => {
  const { bed, node, subscribe, said, insertRuns } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await subscribe(flowId, 'retrying')
  await insertRuns(flowId, dataset.id)
  const options = { metadata: bed.metadata, clock: bed.clock, notify: node.notify, logger: silentLogger }
  const failed = async (failure_count: number) => {
    await bed.metadata.db
      .updateTable('job_runs')
      .set({ failure_count, state: 'waiting', message: 'The store is away.' })
      .where('kind', '=', 'export')
      .execute()
    await tellRetries(options)
  }
  await failed(2)
  await said([])
  await failed(3)
  await failed(4)
  await said(['The export "feed" has failed several times and is tried again'])
  const notices = await node.notify.list(bed.caller, { isOwn: false, isUnread: false, limit: 50, offset: 0 })
  expect(notices.map(({ body }) => body).join()).toContain('The store is away.')
})

test('a delivery that brings a quota near its end is told of, with the rule', async () => {
  const { bed, node, subscribe, said } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await subscribe(flowId, 'quota')
  await node.exports.putRule(bed.caller, 'rows', { kind: 'quota', days: 30, rowsMax: 20, runsMax: 9 })
  await bed.append(dataset, 0, 15)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
  await said([])
  await bed.append(dataset, 15, 1)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
  await said(['The export "feed" has come near what a quota allows'])
  const notices = await node.notify.list(bed.caller, { isOwn: false, isUnread: false, limit: 50, offset: 0 })
  expect(notices.map(({ body }) => body).join()).toContain(
    '16 rows were exported in 30 days; the rule "rows" allows 20.',
  )
})

test('the end of a schedule is told a week and a day before, once each', async () => {
  const { bed, node, subscribe, said } = await open()
  const dataset = await bed.dataset()
  const startTime = bed.clock.now().getTime() / 1000 + 30 * 86_400
  const endTime = startTime + 86_400
  const flowId = await bed.flow(node, dataset, { scheduleParams: { startTime, endTime } })
  await subscribe(flowId, 'ending')
  const options = { metadata: bed.metadata, clock: bed.clock, notify: node.notify, logger: silentLogger }
  const line = 'The schedule of the export "feed" ends soon'
  await tellEndings(options)
  bed.clock.advance(25 * dayMs)
  await tellEndings(options)
  await said([line]) // Before the clock ends the lease of whoever sends it.
  bed.clock.advance(dayMs)
  await tellEndings(options)
  await said([line])
  bed.clock.advance(4.5 * dayMs)
  await tellEndings(options)
  await tellEndings(options)
  await said([line, line])
})

test('a run that is not over by the latest finish of its window is told once, waiting or at work', async () => {
  const { bed, node, subscribe, said } = await open()
  const options = {
    metadata: bed.metadata,
    clock: bed.clock,
    notify: node.notify,
    logger: silentLogger,
    secrets: await bed.secrets(),
    home: `${bed.folder}/home`,
    landing: bed.landing,
  }
  const window = { days: ['sun'], from: '01:00', to: '12:00', timeZone: 'UTC', latestFinish: '01:01' }
  const rule = { kind: 'window', window, destinations: [`file://${bed.destination}`] }
  await node.exports.putRule(bed.caller, 'early', rule)
  const [dataset, other] = [await bed.dataset(), await bed.dataset('other')]
  const elsewhere = { params: { path: `${bed.folder}/elsewhere` } }
  const flowId = await bed.flow(node, dataset)
  const unmindedId = await bed.flow(node, other, { ...elsewhere, name: 'other' })
  await subscribe(flowId, 'late')
  await subscribe(unmindedId, 'late')
  await bed.append(dataset, 0, 10)
  bed.clock.advance(45_000) // It is Sunday, one o'clock.
  const slow = stopAt('export.stage.middle')
  const runId = await node.exports.runNow(bed.caller, flowId)
  await slow.reached
  // It waits, is not planned, and goes to a place that has another window.
  const { id: tuesdays } = await node.exports.putRule(bed.caller, 'tuesdays', {
    kind: 'window',
    window: { ...window, days: ['tue'] },
    destinations: [elsewhere.params.path],
  })
  const unminded = await bed.tick(node, unmindedId)
  await expect.poll(async () => (await node.jobs.run(unminded))?.state, { timeout: 30_000 }).toBe('waiting')
  await tellLate(options)
  await said([])
  bed.clock.advance(14_999)
  await tellLate(options)
  await said([])
  bed.clock.advance(1)
  await tellLate(options)
  await tellLate(options)
  const line = 'The export "feed" was not delivered in time'
  await said([line])
  slow.release()
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded' })
  await node.exports.deleteRule(bed.caller, tuesdays)
  expect(await bed.settled(node, unminded)).toMatchObject({ state: 'succeeded' })
  // What is due after the latest finish is due for the next one, a week later; until it opens it waits.
  await node.exports.putRule(bed.caller, 'early', { ...rule, window: { ...window, to: '01:02' } })
  bed.clock.advance(60_000)
  const waiting = await bed.tick(node, flowId)
  await expect.poll(async () => (await node.jobs.run(waiting))?.state, { timeout: 30_000 }).toBe('waiting')
  await node.exports.controlRun(bed.caller, waiting, 'pause')
  bed.clock.advance(7 * dayMs - 61_001)
  await tellLate(options)
  await said([line])
  bed.clock.advance(1_001)
  await tellLate(options)
  await said([line, line])
  const notices = await node.notify.list(bed.caller, { isOwn: false, isUnread: false, limit: 50, offset: 0 })
  expect(notices.filter(({ topic }) => topic === 'export.late').map(({ detail }) => detail)).toMatchObject([
    { runId: waiting, window: 'early', latestFinish: '2026-03-08T01:01:00.000Z' },
    { runId, window: 'early', latestFinish: '2026-03-01T01:01:00.000Z' },
  ])
})

test('a late run is told of behind more runs than a page has, and behind one that cannot be read', async () => {
  const { bed, node, subscribe, said, insertRuns } = await open()
  const logged: LogFields[] = []
  const logger: Logger = { log: (_level, _event, fields = {}) => logged.push(fields), child: () => logger }
  const options = {
    metadata: bed.metadata,
    clock: bed.clock,
    notify: node.notify,
    logger,
    secrets: await bed.secrets(),
    home: `${bed.folder}/home`,
    landing: bed.landing,
  }
  const [minded, other] = [await bed.dataset('minded'), await bed.dataset('other')]
  await node.exports.putRule(bed.caller, 'early', {
    kind: 'window',
    datasetIds: [minded.id],
    window: { days: ['sun'], from: '01:00', to: '12:00', timeZone: 'UTC', latestFinish: '01:01' },
  })
  const [flowId, crowdedId, unheardId] = [
    await bed.flow(node, minded, { name: 'minded' }),
    await bed.flow(node, other, { name: 'crowded' }),
    await bed.flow(node, minded, { name: 'unheard' }),
  ]
  await subscribe(flowId, 'late')
  await subscribe(crowdedId, 'late')
  bed.clock.advance(45_000)
  await insertRuns(crowdedId, other.id, rowsOfPage + 1)
  await insertRuns(unheardId, minded.id)
  await insertRuns(flowId, minded.id)
  await sql`insert into export_runs (run_id, flow_id, dataset_id, plan, is_pinned, created_at)
    select id, subject_id::uuid, ${minded.id}, '{}', false, created_at from job_runs
    where subject_id = ${flowId}`.execute(bed.metadata.db)
  bed.clock.advance(1)
  await insertRuns(flowId, minded.id)
  bed.clock.advance(14_999)
  await tellLate(options)
  const line = 'The export "minded" was not delivered in time'
  await said([line])
  expect(logged).toMatchObject([{ alertType: 'late', count: 1 }])
  const all = { limit: 2 * rowsOfPage, isDescending: false }
  const { rows } = await selectRunsInWindows(bed.metadata.db, { isMailing: true }, all)
  expect(rows.map((row) => row.subject_id)).not.toContain(unheardId)
  // Also a webhook is somebody.
  await node.notify.createWebhook(bed.caller, { url: 'http://127.0.0.1:9/', topics: ['export.*'] })
  await tellLate(options)
  const notices = await node.notify.list(bed.caller, { isOwn: false, isUnread: false, limit: 50, offset: 0 })
  expect(new Set(notices.map(({ detail }) => detail['assetName']))).toEqual(new Set(['minded', 'unheard']))
})

test('a webhook hears of a run that takes long without anybody having subscribed', async () => {
  const { bed, node, insertRuns } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await node.notify.createWebhook(bed.caller, { url: 'http://127.0.0.1:9/', topics: ['export.delay'] })
  await insertRuns(flowId, dataset.id)
  const options = { metadata: bed.metadata, clock: bed.clock, notify: node.notify, logger: silentLogger }
  const told = async () => {
    await tellDelays(options)
    const page = { isOwn: false, isUnread: false, limit: 50, offset: 0 }
    return (await node.notify.list(bed.caller, page)).map(({ topic }) => topic)
  }
  bed.clock.advance(149 * 60_000)
  expect(await told()).toEqual([])
  bed.clock.advance(61_000)
  expect([await told(), await told()]).toEqual([['export.delay'], ['export.delay']])
})

test('a sandbox has twenty webhooks, however many are made at once', async () => {
  const { bed, node } = await open()
  const make = () =>
    node.notify.createWebhook(bed.caller, { url: 'http://127.0.0.1:9/', topics: ['export.*'] })
  await Promise.allSettled(Array.from({ length: 26 }, make))
  expect(await node.notify.webhooks(bed.caller)).toHaveLength(20)
})

test('a run of which nobody can hear is not looked at', async () => {
  const { bed, node, subscribe, insertRuns } = await open()
  const dataset = await bed.dataset()
  await node.exports.putRule(bed.caller, 'early', {
    kind: 'window',
    window: { days: ['sun'], from: '01:00', to: '12:00', timeZone: 'UTC' },
  })
  const flowId = await bed.flow(node, dataset)
  await subscribe(flowId, 'late', 'delay')
  await insertRuns(flowId, dataset.id)
  const { db } = bed.metadata
  const page = { limit: 10, isDescending: false }
  const now = new Date(bed.clock.now().getTime() + dayMs)
  const counts = async (isMailing: boolean) => {
    const late = await selectRunsInWindows(db, { isMailing }, page)
    const delayed = await selectDelayedRuns(db, { isMailing, now, delayMinutesDefault: 1 }, page)
    return [late.rows.length, delayed.rows.length]
  }
  expect([await counts(true), await counts(false), node.notify.isMailing]).toEqual([[1, 1], [1, 1], true])
  await db.updateTable('alert_subscribers').set({ in_product: false }).execute()
  expect([await counts(true), await counts(false)]).toEqual([
    [1, 1],
    [0, 0],
  ])
  await db.deleteFrom('alert_subscribers').execute()
  expect(await counts(true)).toEqual([0, 0])
  await node.notify.createWebhook(bed.caller, { url: 'http://127.0.0.1:9/', topics: ['export.*'] })
  expect(await counts(false)).toEqual([1, 1])
})

test('many runs and many windows are little work: clocks are asked once for what holds for all', async () => {
  const { bed, node, subscribe, insertRuns } = await open()
  const [dataset, other] = [await bed.dataset(), await bed.dataset('other')]
  const window = { days: ['sun'], from: '03:00', to: '12:00', timeZone: 'Europe/Berlin' }
  await node.exports.putRule(bed.caller, 'ours', { kind: 'window', datasetIds: [dataset.id], window })
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f'])
    await node.exports.putRule(bed.caller, name, { kind: 'window', datasetIds: [other.id], window })
  const flowId = await bed.flow(node, dataset)
  await subscribe(flowId, 'late')
  for (let minute = 0; minute < 10; minute += 1) {
    await insertRuns(flowId, dataset.id, 10)
    bed.clock.advance(60_000)
  }
  const asked = vi.spyOn(Intl.DateTimeFormat.prototype, 'formatToParts')
  onTestFinished(() => asked.mockRestore())
  const secrets = await bed.secrets()
  const { metadata, clock, landing, folder: home } = bed
  await tellLate({ metadata, clock, secrets, notify: node.notify, logger: silentLogger, home, landing })
  // One answer takes some hundred questions at most.
  expect(asked.mock.calls.length).toBeGreaterThan(0)
  expect(asked.mock.calls.length).toBeLessThan(300)
})

test('credentials that end are told of a week and a day before and when they have ended, once each', async () => {
  const { bed, node, subscribe, said } = await open()
  const options = { metadata: bed.metadata, clock: bed.clock, notify: node.notify, logger: silentLogger }
  const dataset = await bed.dataset()
  const { connectionSpecId, flowSpecId } = destinationSpecs.azure
  const destination = {
    specs: { connectionSpecId, flowSpecId },
    auth: {
      specName: 'SAS',
      params: { account: 'journeys', sasToken: '?sv=2024-11-04&se=2026-03-11T01%3A00Z&sp=racwdl&sig=abc' },
    },
    params: { container: 'out', path: 'feed' },
  }
  const flowId = await bed.flow(node, dataset, { destination })
  await subscribe(flowId, 'expiring')
  // What nobody can read as a moment keeps no other from being told of.
  for (const moment of ['+010000-01-01T00:59:59.000Z', '0000-06-01T00:00:00.000Z', 'soon']) {
    await bed.flow(node, dataset, { name: moment })
    await sql`update flow_entities set document = document || ${JSON.stringify({ auth: { expiresAt: moment } })}::jsonb
      where kind = 'connections' and document -> 'auth' is null`.execute(bed.metadata.db)
  }
  await tellExpiring(options)
  await said([])
  const [soon, ended] = [
    'The credentials of the export "feed" expire soon',
    'The credentials of the export "feed" have expired',
  ]
  bed.clock.advance(3 * dayMs)
  await tellExpiring(options)
  await tellExpiring(options)
  await said([soon])
  bed.clock.advance(5.5 * dayMs)
  await tellExpiring(options)
  await said([soon])
  bed.clock.advance(1 * dayMs)
  await tellExpiring(options)
  await said([soon, soon])
  bed.clock.advance(dayMs)
  await tellExpiring(options)
  await tellExpiring(options)
  await said([soon, soon, ended])
  // New ones are as good as they say.
  const target = await node.exports.entities(bed.caller, 'connections', {})
  const account = target.items.find(
    ({ connectionSpec }) => (connectionSpec as { id: string }).id === connectionSpecId,
  )
  expect(account).toMatchObject({ auth: { params: { expiresAt: '2026-03-11T01:00:00.000Z' } } })
  await node.exports.patchEntity(
    bed.caller,
    'connections',
    String(account?.['id']),
    String(account?.['etag']),
    [{ op: 'replace', path: '/auth/params', value: { sasToken: 'sv=2024-11-04&se=2026-03-13&sig=abc' } }],
  )
  await tellExpiring(options)
  await said([soon, soon, soon, ended])
})
