import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { newUuidId } from '#base/ids.ts'
import { silentLogger } from '#base/log.ts'
import type { Run } from '#jobs/jobs.ts'
import { putAlert } from '#metadata/alerts.ts'
import { ExportBed } from '../../../test/support/exports.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import type { RunTask } from './run-task.ts'
import type { QueryLimits } from '../services.ts'
import { timeOfRun } from './time-of-run.ts'

const batchTimeoutMs = 3_600_000
const minuteMs = 60_000

/** A run of a scheduled query that began now, and somebody who wants to hear when it takes long. */
async function open({ delayMinutes = null as number | null, isSubscribed = true } = {}) {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const { notify } = await bed.node()
  const { metadata, caller } = bed
  // Nobody else sleeps by it.
  const clock = new ManualClock('2026-03-01T01:00:00Z')
  const subjectId = randomUUID()
  const run = {
    id: newUuidId('run'),
    subjectId,
    sandboxId: caller.sandbox.id,
    principalId: caller.principal.id,
    tick: '2026-03-01T01:00:00.000Z',
    createdAt: clock.now(),
    startedAt: clock.now(),
  } as Run
  if (isSubscribed)
    await metadata.transaction((tx) =>
      putAlert(
        tx,
        {
          id: randomUUID(),
          sandbox_id: caller.sandbox.id,
          asset_id: subjectId,
          alert_type: 'delay',
          is_enabled: true,
          delay_minutes: delayMinutes,
          created_at: clock.now(),
          created_by: caller.principal.id,
        },
        [{ email: 'ann@example.com', in_product: true, by_email: false }],
      ),
    )
  const limits = { batchTimeoutMs } as QueryLimits
  const services = { metadata, clock, notify, limits, logger: silentLogger }
  const task = { name: 'nightly', isScheduled: true } as RunTask
  const begin = async () => {
    const before = clock.sleeperCount
    const time = timeOfRun(services, { run, signal: new AbortController().signal }, task)
    // Both the end of its time and the moment of the alert are waited for.
    await expect.poll(() => clock.sleeperCount - before).toBe(2)
    return time
  }
  const told = async () =>
    (await metadata.db.selectFrom('notifications').select(['topic', 'title']).execute()).map(
      ({ topic, title }) => `${topic}: ${title}`,
    )
  return {
    clock,
    begin,
    told,
    listen: (topic: string) => notify.createWebhook(caller, { url: 'http://127.0.0.1:9/', topics: [topic] }),
  }
}

const line = 'query.delay: The scheduled query "nightly" takes longer than expected'

test('who wants to know is told that a query takes long, counted from its first attempt', async () => {
  const { clock, begin, told } = await open({ delayMinutes: 2 })
  const first = await begin()
  clock.advance(2 * minuteMs - 1)
  first[Symbol.dispose]()
  await expect.poll(() => clock.sleeperCount).toBe(0)
  using _second = await begin()
  expect(await told()).toEqual([])
  clock.advance(1)
  await expect.poll(told).toEqual([line])
})

test('a quarter of an hour is long where nobody has said more', async () => {
  const { clock, begin, told } = await open()
  using _time = await begin()
  clock.advance(15 * minuteMs - 1)
  expect(await told()).toEqual([])
  clock.advance(1)
  await expect.poll(told).toEqual([line])
})

test('webhooks hear of it without a subscription', async () => {
  const { clock, begin, told, listen } = await open({ isSubscribed: false })
  await listen('query.*')
  using _time = await begin()
  clock.advance(15 * minuteMs - 1)
  expect(await told()).toEqual([])
  clock.advance(1)
  await expect.poll(told).toEqual([line])
})

test('of a query that ended before, or that nobody listens to, nothing is told', async () => {
  const ended = await open({ delayMinutes: 2 })
  const time = await ended.begin()
  time[Symbol.dispose]()
  await expect.poll(() => ended.clock.sleeperCount).toBe(0)
  ended.clock.advance(3 * minuteMs)
  expect(await ended.told()).toEqual([])
  const unheard = await open({ isSubscribed: false })
  using _time = await unheard.begin()
  unheard.clock.advance(20 * minuteMs)
  expect(await unheard.told()).toEqual([])
})

test('a query whose time is over is stopped', async () => {
  const { clock, begin } = await open()
  using time = await begin()
  clock.advance(batchTimeoutMs)
  await expect.poll(() => time.signal.reason as unknown).toMatchObject({ code: 'query.timeout' })
})
