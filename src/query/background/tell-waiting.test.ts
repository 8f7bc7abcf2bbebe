import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { newUuidId } from '#base/ids.ts'
import { silentLogger } from '#base/log.ts'
import { putAlert } from '#metadata/alerts.ts'
import { insertRun } from '#metadata/jobs.ts'
import { insertScheduledQuery } from '#metadata/scheduled-queries.ts'
import { ExportBed } from '../../../test/support/exports.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { startTellingOfWaiting, tellWaiting } from './tell-waiting.ts'

const minuteMs = 60_000

/** A scheduled query with a run that waits since now. */
async function open() {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const { notify } = await bed.node()
  const { metadata, caller } = bed
  // Nobody else sleeps by it.
  const clock = new ManualClock('2026-03-01T01:00:00Z')
  const subjectId = randomUUID()
  const [sandboxId, principalId, at] = [caller.sandbox.id, caller.principal.id, clock.now()]
  const runId = newUuidId('run')
  const times = { created_at: at, updated_at: at }
  await metadata.transaction(async (tx) => {
    await insertScheduledQuery(tx, {
      ...times,
      id: subjectId,
      sandbox_id: sandboxId,
      principal_id: principalId,
      name: 'nightly',
      sql: 'SELECT 1',
      parameters: '{}',
      schedule: '{}',
      is_enabled: true,
      request: '{}',
      template_id: null,
      template_name: null,
      updated_by: principalId,
    })
    await insertRun(tx, {
      ...times,
      id: runId,
      kind: 'query',
      subject_id: subjectId,
      tick: at.toISOString(),
      due_at: at,
      sandbox_id: sandboxId,
      principal_id: principalId,
      payload: '{}',
    })
  })
  const services = { metadata, clock, notify, logger: silentLogger }
  return {
    clock,
    services,
    look: () => tellWaiting(services),
    begin: () =>
      metadata.db.updateTable('job_runs').set({ state: 'running' }).where('id', '=', runId).execute(),
    told: async () =>
      (await metadata.db.selectFrom('notifications').select(['topic', 'title']).execute()).map(
        ({ topic, title }) => `${topic}: ${title}`,
      ),
    subscribe: (delay_minutes: number | null, mailOnly = false) =>
      metadata.transaction((tx) =>
        putAlert(
          tx,
          {
            id: randomUUID(),
            sandbox_id: sandboxId,
            asset_id: subjectId,
            alert_type: 'delay',
            is_enabled: true,
            delay_minutes,
            created_at: at,
            created_by: principalId,
          },
          [{ email: 'ann@example.com', in_product: !mailOnly, by_email: mailOnly }],
        ),
      ),
    listen: () => notify.createWebhook(caller, { url: 'http://127.0.0.1:9/', topics: ['query.delay'] }),
  }
}

const line = 'query.delay: The scheduled query "nightly" takes longer than expected'

test('who wants to know is told once that a run waits for long', async () => {
  const { clock, look, told, subscribe } = await open()
  await subscribe(2)
  clock.advance(2 * minuteMs - 1)
  await look()
  expect(await told()).toEqual([])
  clock.advance(1)
  await Promise.all([look(), look()])
  expect(await told()).toEqual([line])
  clock.advance(60 * minuteMs)
  await look()
  expect(await told()).toEqual([line])
})

test('webhooks hear of it without a subscription, after a quarter of an hour', async () => {
  const { clock, look, told, listen } = await open()
  await listen()
  clock.advance(15 * minuteMs - 1)
  await look()
  expect(await told()).toEqual([])
  clock.advance(1)
  await look()
  expect(await told()).toEqual([line])
})

test('nothing is told here of a run that has begun, nor where nobody can hear it', async () => {
  const begun = await open()
  await begun.subscribe(2)
  await begun.begin()
  begun.clock.advance(20 * minuteMs)
  await begun.look()
  expect(await begun.told()).toEqual([])
  const unheard = await open()
  await unheard.subscribe(2, true)
  unheard.clock.advance(20 * minuteMs)
  await unheard.look()
  expect(await unheard.told()).toEqual([])
})

test('a server looks by itself until it stops', async () => {
  const { clock, services, told, subscribe } = await open()
  await subscribe(2)
  const looking = startTellingOfWaiting(services)
  await expect.poll(() => clock.sleeperCount).toBe(1)
  clock.advance(2 * minuteMs)
  await expect.poll(told).toEqual([line])
  await looking[Symbol.asyncDispose]()
  expect(clock.sleeperCount).toBe(0)
})
