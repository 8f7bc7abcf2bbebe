import { expect, onTestFinished, test } from 'vitest'
import type { FlowId } from '#base/ids.ts'
import { type AlertType, putAlert } from '#metadata/alerts.ts'
import { ExportBed, stopAt, throwAt } from '../../test/support/exports.ts'
import { startMailServer } from '../../test/support/mail-server.ts'
import { tellDelays, tellEndings } from './tell-export.ts'

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
  return { bed, node, subscribe, said }
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
  const options = { metadata: bed.metadata, clock: bed.clock, notify: node.notify }
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
  const waiting = await node.exports.runNow(bed.caller, flowId)
  await expect.poll(async () => (await node.jobs.run(waiting))?.state, { timeout: 30_000 }).toBe('waiting')
  bed.clock.advance(61_000)
  await tellDelays(options)
  await said([line, line])
  const notices = await node.notify.list(bed.caller, { isOwn: false, isUnread: false, limit: 50, offset: 0 })
  expect(notices.map(({ body }) => body).join()).toContain('It waits: The window "at noon" is closed.')
})

test('the end of a schedule is told a week and a day before, once each', async () => {
  const { bed, node, subscribe, said } = await open()
  const dataset = await bed.dataset()
  const startTime = bed.clock.now().getTime() / 1000 + 30 * 86_400
  const endTime = startTime + 86_400
  const flowId = await bed.flow(node, dataset, { scheduleParams: { startTime, endTime } })
  await subscribe(flowId, 'ending')
  const options = { metadata: bed.metadata, clock: bed.clock, notify: node.notify }
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
