import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, inject, onTestFinished, test, vi } from 'vitest'
import { AppError } from '#base/errors.ts'
import type { PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import { silentLogger } from '#base/log.ts'
import { connectMetadata } from '#metadata/connect.ts'
import { selectNextMoment } from '#metadata/jobs.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { createJobs } from './create-jobs.ts'
import type { Jobs, NewRun, Run, RunContext, RunOutcome, ScheduleRule } from './jobs.ts'

const principalId = randomUUID() as string as PrincipalId
const sandboxId = randomUUID() as string as SandboxId
const { signal } = new AbortController()

interface Bed {
  readonly metadata: Metadata
  readonly databaseUrl: string
  readonly clock: ManualClock
  node(work: (context: RunContext) => Promise<RunOutcome>, options?: NodeOptions): Promise<Jobs>
}

interface NodeOptions {
  readonly nodeId?: string
  readonly incarnation?: string
  readonly parallelRunsMax?: number
}

async function bed(): Promise<Bed> {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const clock = new ManualClock('2026-03-01T00:00:00Z')
  return {
    metadata,
    databaseUrl: metadata.databaseUrl,
    clock,
    node: async (work, { nodeId = 'a', incarnation = randomUUID(), parallelRunsMax = 4 } = {}) => {
      const jobs = createJobs({ metadata, clock, nodeId, incarnation, logger: silentLogger })
      onTestFinished(() => jobs[Symbol.asyncDispose]())
      jobs.register({ kind: 'work', parallelRunsMax, run: work })
      await jobs.start()
      return jobs
    },
  }
}

async function enqueue({ metadata, clock }: Bed, jobs: Jobs, run: Partial<NewRun> = {}): Promise<RunId> {
  const runId = await metadata.transaction((tx) =>
    jobs.enqueue(tx, {
      kind: 'work',
      subjectId: randomUUID(),
      tick: 'by hand',
      dueAt: clock.now(),
      principalId,
      sandboxId,
      payload: {},
      ...run,
    }),
  )
  jobs.ring()
  return runId
}

const finishing = (metadata: Metadata) => async (context: RunContext) => {
  await metadata.transaction((tx) => context.lease.finish(tx, { attempt: context.run.attempt }))
  return 'finished' as const
}

/** A handler that stays where it is until told, minding its signal. */
function staying() {
  const entered = Promise.withResolvers<RunContext>()
  const left = Promise.withResolvers<unknown>()
  const run = async (context: RunContext): Promise<RunOutcome> => {
    entered.resolve(context)
    const aborted = Promise.withResolvers<never>()
    context.signal.addEventListener('abort', () => aborted.reject(context.signal.reason))
    return await aborted.promise.finally(() => left.resolve(context.signal.reason))
  }
  return { run, entered: entered.promise, left: left.promise }
}

const state = async (jobs: Jobs, runId: RunId): Promise<Run['state'] | undefined> =>
  (await jobs.run(runId))?.state

/** Lets the wait before the next attempt pass; never moves time while an attempt has its lease. */
async function passRetry(here: Bed, jobs: Jobs, runId: RunId): Promise<void> {
  const run = await jobs.run(runId)
  const waitMs = run?.state === 'waiting' ? run.retryAt.getTime() - here.clock.now().getTime() : 0
  if (waitMs > 0) here.clock.advance(waitMs)
}

test('a run is worked on when rung for, and its result is told', async () => {
  const here = await bed()
  const jobs = await here.node(finishing(here.metadata))
  const runId = await enqueue(here, jobs, { payload: { rows: 3 } })
  expect(await jobs.finished(runId, { signal })).toMatchObject({
    state: 'succeeded',
    result: { attempt: 1 },
    payload: { rows: 3 },
  })
})

test('the same tick twice is one run', async () => {
  const here = await bed()
  const jobs = await here.node(finishing(here.metadata))
  const subjectId = randomUUID()
  const ids = await Promise.all([1, 2, 3].map(() => enqueue(here, jobs, { subjectId, tick: 'noon' })))
  expect(new Set(ids).size).toBe(1)
  expect(await jobs.runs({ subjectId })).toHaveLength(1)
})

test('a run that is taken up while time moves on by more than a lease is taken up once', async () => {
  const here = await bed()
  const { metadata, clock } = here
  const released = Promise.withResolvers<void>()
  const begun: RunId[] = []
  const jobs = await here.node(async (context) => {
    begun.push(context.run.id)
    if (context.run.subjectId === 'slow') await released.promise
    return await finishing(metadata)(context)
  })
  const askedInVain = async () => {
    const { rows } = await sql`select 1 from pg_locks where not granted and relation = 'job_runs'::regclass
      and database = (select oid from pg_database where datname = current_database())`.execute(metadata.db)
    return rows.length
  }
  const runId = await metadata.transaction(async (tx) => {
    await sql`lock table job_runs in access exclusive mode`.execute(tx)
    jobs.ring()
    await expect.poll(askedInVain).toBeGreaterThan(0)
    clock.advance(86_400_000)
    return await jobs.enqueue(tx, {
      kind: 'work',
      subjectId: 'slow',
      tick: 'by hand',
      dueAt: clock.now(),
      principalId,
      sandboxId,
      payload: {},
    })
  })
  await expect.poll(() => begun).toEqual([runId])
  const other = await enqueue(here, jobs)
  await jobs.finished(other, { signal })
  released.resolve()
  expect(await jobs.finished(runId, { signal })).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(begun).toEqual([runId, other])
})

test('a run nobody was woken for is found by the pass', async () => {
  const here = await bed()
  const jobs = await here.node(finishing(here.metadata))
  const runId = await here.metadata.transaction((tx) =>
    jobs.enqueue(tx, {
      kind: 'work',
      subjectId: 'x',
      tick: 'y',
      dueAt: here.clock.now(),
      principalId,
      sandboxId,
      payload: {},
    }),
  )
  await vi.waitFor(async () => {
    // Time stands still once somebody has it: it would end the lease of a slow attempt again and again.
    if ((await state(jobs, runId)) === 'queued') here.clock.advance(60_000)
    expect(await state(jobs, runId)).toBe('succeeded')
  }, 30_000)
})

test('two nodes share the runs and no run is worked on twice', async () => {
  const here = await bed()
  const seen: string[] = []
  const work = async (context: RunContext) => {
    seen.push(context.run.id)
    return await finishing(here.metadata)(context)
  }
  const one = await here.node(work, { nodeId: 'a' })
  const other = await here.node(work, { nodeId: 'b' })
  const ids = await Promise.all(
    Array.from({ length: 30 }, (_, index) => enqueue(here, index % 2 ? one : other)),
  )
  await Promise.all(ids.map((id) => one.finished(id, { signal })))
  expect(seen.toSorted()).toEqual(ids.toSorted())
})

test('a run of one node is its alone, and nothing that another one waits for', async () => {
  const here = await bed()
  const { db } = here.metadata
  const seen: string[] = []
  const workOf = (name: string) => async (context: RunContext) => {
    seen.push(`${name} ${context.run.tick}`)
    return await finishing(here.metadata)(context)
  }
  const other = await here.node(workOf('b'), { nodeId: 'b' })
  const bound = await enqueue(here, other, { tick: 'bound', nodeId: 'a' })
  const free = await enqueue(here, other, { tick: 'free' })
  await other.finished(free, { signal })
  const after = new Date(here.clock.now().getTime() - 1)
  const moment = async (node: string) => await selectNextMoment(db, { kinds: ['work'], node, after })
  expect([await moment('a'), await moment('b')]).toEqual([here.clock.now(), undefined])
  // Its node dies at it: nobody looks for the end of the lease every second.
  const lease = { state: 'running', fence: 1, lease_node: 'a', leased_until: after } as const
  await db.updateTable('job_runs').set(lease).where('id', '=', bound).execute()
  expect(await moment('b')).toBeUndefined()
  const one = await here.node(workOf('a'), { nodeId: 'a' })
  expect(await one.finished(bound, { signal })).toMatchObject({ state: 'succeeded', result: { attempt: 2 } })
  expect(seen).toEqual(['b free', 'a bound'])
})

test('runs of one subject come one at a time and in their order', async () => {
  const here = await bed()
  const order: string[] = []
  let current = 0
  const work = async (context: RunContext) => {
    current += 1
    expect(current).toBe(1)
    order.push(context.run.tick)
    await context.lease.saveProgress({})
    current -= 1
    return await finishing(here.metadata)(context)
  }
  const one = await here.node(work, { nodeId: 'a' })
  await here.node(work, { nodeId: 'b' })
  const ticks = ['1', '2', '3', '4', '5']
  const ids: RunId[] = []
  for (const tick of ticks) ids.push(await enqueue(here, one, { subjectId: 'same', tick }))
  const runs = await Promise.all(ids.map((id) => one.finished(id, { signal })))
  expect(runs.map((run) => run.state)).toEqual(ticks.map(() => 'succeeded'))
  expect(order).toEqual(ticks)
})

test('a node that died keeps its run for a lease, then another has it, with a higher fence', async () => {
  const here = await bed()
  const dead = staying()
  const one = await here.node(dead.run, { nodeId: 'a', parallelRunsMax: 1 })
  const runId = await enqueue(here, one)
  const { lease } = await dead.entered
  // Its renewals fail to happen: what a dead node looks like from outside.
  await here.metadata.db.updateTable('job_runs').set({ lease_node: 'gone' }).execute()
  const jobs = await here.node(finishing(here.metadata), { nodeId: 'b' })
  await here.metadata.db.updateTable('job_runs').set({ leased_until: here.clock.now() }).execute()
  jobs.ring()
  expect(await jobs.finished(runId, { signal })).toMatchObject({ state: 'succeeded', result: { attempt: 2 } })
  await expect(here.metadata.transaction((tx) => lease.assertHeld(tx))).rejects.toMatchObject({
    code: 'job.fenced',
  })
})

test('an attempt that was overtaken can save, seal and finish nothing', async () => {
  const here = await bed()
  const zombie = staying()
  const one = await here.node(zombie.run, { nodeId: 'a', parallelRunsMax: 1 })
  const runId = await enqueue(here, one)
  const { lease } = await zombie.entered
  await here.metadata.db
    .updateTable('job_runs')
    .set((row) => ({ fence: row('fence', '+', 1) }))
    .execute()
  for (const act of [
    () => lease.saveProgress({ rows: 1 }),
    () => here.metadata.transaction((tx) => lease.assertHeld(tx)),
    () => here.metadata.transaction((tx) => lease.seal(tx)),
    () => here.metadata.transaction((tx) => lease.finish(tx, {})),
    () => here.metadata.transaction((tx) => lease.fail(tx, new AppError('export.counts', 'x'))),
  ])
    await expect(act()).rejects.toMatchObject({ code: 'job.fenced' })
  expect(await one.run(runId)).toMatchObject({ state: 'running', progress: {} })
})

test('the lease is renewed while the handler works, and its loss aborts the handler', async () => {
  const here = await bed()
  const worker = staying()
  const jobs = await here.node(worker.run)
  const runId = await enqueue(here, jobs)
  const { signal: handlerSignal } = await worker.entered
  const wanted = here.clock.now().getTime() + 130_000
  await vi.waitFor(
    async () => {
      const run = await jobs.run(runId)
      const leasedUntilMs = run?.state === 'running' ? run.leasedUntil.getTime() : 0
      // Time stands still before the end of the lease until the renewal has been written.
      if (leasedUntilMs - here.clock.now().getTime() > 2_000) here.clock.advance(1_000)
      expect(leasedUntilMs).toBeGreaterThanOrEqual(wanted)
    },
    { timeout: 30_000, interval: 5 },
  )
  expect(handlerSignal.aborted).toBe(false)
  await here.metadata.db.updateTable('job_runs').set({ fence: 99 }).execute()
  await vi.waitFor(() => {
    here.clock.advance(10_000)
    expect(handlerSignal.aborted).toBe(true)
  }, 30_000)
  expect(await worker.left).toMatchObject({ code: 'job.fenced' })
})

test('a node that comes back takes up its own runs at once', async () => {
  const here = await bed()
  const before = staying()
  const first = await here.node(before.run, { nodeId: 'a', incarnation: '1', parallelRunsMax: 1 })
  const runId = await enqueue(here, first)
  await before.entered
  const again = await here.node(finishing(here.metadata), { nodeId: 'a', incarnation: '2' })
  expect(await again.finished(runId, { signal })).toMatchObject({
    state: 'succeeded',
    result: { attempt: 2 },
  })
})

test('a node that could not say how its attempt ended begins anew long before the lease is over', async () => {
  const here = await bed()
  const { host, user } = inject('postgres')
  const admin = connectMetadata({
    connection: { host, user, port: 5432, database: 'postgres' },
    logger: silentLogger,
  })
  onTestFinished(() => admin[Symbol.asyncDispose]())
  const name = new URL(here.databaseUrl.replace('@/', '@localhost/')).pathname.slice(1)
  const allowConnections = (isAllowed: boolean) =>
    sql`alter database ${sql.id(name)} with allow_connections ${sql.raw(String(isAllowed))}`.execute(admin.db)
  const lost = Promise.withResolvers<void>()
  let begunAnewAt = Infinity
  const jobs = await here.node(async (context) => {
    if (context.run.attempt > 1) {
      begunAnewAt = here.clock.now().getTime()
      return await finishing(here.metadata)(context)
    }
    await allowConnections(false)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`.execute(
      admin.db,
    )
    lost.resolve()
    throw new Error('The database is gone.')
  })
  const startedAt = here.clock.now().getTime()
  const runId = await enqueue(here, jobs)
  await lost.promise
  // The attempt's end and some passes meet a database that takes nobody.
  await new Promise((resolve) => setTimeout(resolve, 300))
  await allowConnections(true)
  await vi.waitFor(
    async () => {
      // Only while the node sleeps: how long it looks for work is the machine's affair.
      if (here.clock.sleeperCount > 0) here.clock.advance(500)
      expect(await state(jobs, runId)).toBe('succeeded')
    },
    { timeout: 30_000, interval: 100 },
  )
  expect(begunAnewAt - startedAt).toBeLessThan(20_000)
})

test('a node that stops leaves its runs to others without waiting for the lease', async () => {
  const here = await bed()
  const worker = staying()
  const one = await here.node(worker.run, { nodeId: 'a' })
  const runId = await enqueue(here, one)
  await worker.entered
  await one[Symbol.asyncDispose]()
  const other = await here.node(finishing(here.metadata), { nodeId: 'b' })
  expect((await other.finished(runId, { signal })).state).toBe('succeeded')
})

test('a failure that may pass is tried again after a while, one that cannot is final', async () => {
  const here = await bed()
  let attempts = 0
  const jobs = await here.node(async (context) => {
    attempts += 1
    if (attempts < 3) throw new AppError('store.unreachable', 'The folder is not mounted.')
    if (context.run.tick === 'hopeless') throw new AppError('flow.invalid', 'Nothing to be done.')
    return await finishing(here.metadata)(context)
  })
  const runId = await enqueue(here, jobs)
  await vi.waitFor(
    async () => expect(await jobs.run(runId)).toMatchObject({ state: 'waiting', code: 'store.unreachable' }),
    30_000,
  )
  await vi.waitFor(async () => {
    await passRetry(here, jobs, runId)
    expect(await state(jobs, runId)).toBe('succeeded')
  }, 30_000)
  const hopeless = await enqueue(here, jobs, { tick: 'hopeless' })
  expect(await jobs.finished(hopeless, { signal })).toMatchObject({ state: 'failed', code: 'flow.invalid' })
})

test('an error nobody foresaw is given up after some attempts', async () => {
  const here = await bed()
  let attempts = 0
  const jobs = await here.node(async () => {
    attempts += 1
    throw new Error('what is this')
  })
  const runId = await enqueue(here, jobs)
  await vi.waitFor(
    async () => {
      await passRetry(here, jobs, runId)
      expect(await jobs.run(runId)).toMatchObject({ state: 'failed', code: 'internal' })
    },
    { timeout: 30_000, interval: 20 },
  )
  expect(attempts).toBe(8)
})

test('a sealed run is never given up', async () => {
  const here = await bed()
  let attempts = 0
  const jobs = await here.node(async (context) => {
    attempts += 1
    if (attempts === 1) await here.metadata.transaction((tx) => context.lease.seal(tx))
    if (attempts < 20) throw new AppError('object.exists', 'Not this time.')
    expect(context.run.state).toBe('sealed')
    return await finishing(here.metadata)(context)
  })
  const runId = await enqueue(here, jobs)
  // It counts before it seals, and a cancel that came between would win.
  await vi.waitFor(
    async () => expect(await jobs.run(runId)).toMatchObject({ state: 'waiting', code: 'object.exists' }),
    30_000,
  )
  await jobs.cancel(runId, principalId)
  await vi.waitFor(
    async () => {
      await passRetry(here, jobs, runId)
      expect(await state(jobs, runId)).toBe('succeeded')
    },
    { timeout: 30_000, interval: 20 },
  )
  expect(attempts).toBe(20)
})

test('a handler may end a sealed run for good', async () => {
  const here = await bed()
  const jobs = await here.node(async ({ lease }) => {
    await here.metadata.transaction((tx) => lease.seal(tx))
    await here.metadata.transaction((tx) =>
      lease.fail(tx, new AppError('chain.diverged', 'Another chain is there.')),
    )
    return 'finished'
  })
  const runId = await enqueue(here, jobs)
  expect(await jobs.finished(runId, { signal })).toMatchObject({ state: 'failed', code: 'chain.diverged' })
})

test('cancelling stops a run that waits at once and one that works by its signal', async () => {
  const here = await bed()
  const worker = staying()
  const jobs = await here.node(worker.run)
  const later = await enqueue(here, jobs, { dueAt: new Date(here.clock.now().getTime() + 1_000) })
  await jobs.cancel(later, principalId)
  expect(await jobs.run(later)).toMatchObject({ state: 'cancelled', by: principalId })
  const running = await enqueue(here, jobs)
  await worker.entered
  await jobs.cancel(running, principalId)
  expect(await jobs.finished(running, { signal })).toMatchObject({ state: 'cancelled', by: principalId })
  expect(await worker.left).toMatchObject({ code: 'job.cancelled' })
})

test('a run cancelled while its node was dead is not begun again', async () => {
  const here = await bed()
  const dead = staying()
  const one = await here.node(dead.run, { nodeId: 'a', incarnation: '1', parallelRunsMax: 1 })
  const runId = await enqueue(here, one)
  await dead.entered
  await here.metadata.db.updateTable('job_runs').set({ cancel_requested_by: principalId }).execute()
  const again = await here.node(finishing(here.metadata), { nodeId: 'a', incarnation: '2' })
  expect((await again.finished(runId, { signal })).state).toBe('cancelled')
})

test('who cancels before the seal wins, who seals first is not stopped', async () => {
  const here = await bed()
  const worker = staying()
  const jobs = await here.node(worker.run)
  const runId = await enqueue(here, jobs)
  const { lease } = await worker.entered
  await here.metadata.db.updateTable('job_runs').set({ cancel_requested_by: principalId }).execute()
  await expect(here.metadata.transaction((tx) => lease.seal(tx))).rejects.toMatchObject({
    code: 'job.cancelled',
  })
  await here.metadata.db.updateTable('job_runs').set({ cancel_requested_by: null }).execute()
  await here.metadata.transaction((tx) => lease.seal(tx))
  await jobs.cancel(runId, principalId)
  expect(await state(jobs, runId)).toBe('sealed')
})

test('a schedule ticks once for two schedulers, and makes up for missed ticks by one run', async () => {
  const here = await bed()
  const one = await here.node(finishing(here.metadata), { nodeId: 'a' })
  await here.node(finishing(here.metadata), { nodeId: 'b' })
  await here.metadata.transaction((tx) =>
    one.putSchedule(tx, {
      kind: 'work',
      subjectId: 'daily',
      rule: { kind: 'every', startAt: new Date('2026-03-01T02:00:00Z'), everyMs: 86_400_000 },
      principalId,
      sandboxId,
      isEnabled: true,
    }),
  )
  // One move of time for each: nobody passes it by, and more of them could end a lease or bring another tick.
  const ran = async () => (await one.runs({ subjectId: 'daily' })).map((run) => `${run.tick} ${run.state}`)
  here.clock.advance(2 * 3_600_000)
  await vi.waitFor(async () => expect(await ran()).toEqual(['2026-03-01T02:00:00.000Z succeeded']), 30_000)
  here.clock.advance(5 * 86_400_000)
  await vi.waitFor(
    async () =>
      expect(await ran()).toEqual([
        '2026-03-06T02:00:00.000Z succeeded',
        '2026-03-01T02:00:00.000Z succeeded',
      ]),
    30_000,
  )
})

/** Its runs go on until `end`. */
async function blockedNode() {
  const here = await bed()
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  onTestFinished(() => end())
  const finish = finishing(here.metadata)
  const jobs = await here.node(async (context) => {
    await mayEnd
    return await finish(context)
  })
  return { here, jobs, end }
}

test('a rule that is refused by now holds up no other schedule', async () => {
  const here = await bed()
  const jobs = await here.node(finishing(here.metadata))
  const put = (subjectId: string, expression: string) =>
    here.metadata.transaction((tx) =>
      jobs.putSchedule(tx, {
        kind: 'work',
        subjectId,
        rule: { kind: 'cron', startAt: here.clock.now(), expression },
        principalId,
        sandboxId,
        isEnabled: true,
      }),
    )
  await put('refused', '0 3 * * *')
  await put('good', '0 3 * * *')
  await here.metadata.db
    .updateTable('job_schedules')
    .set({ rule: sql`jsonb_set(rule::jsonb, '{expression}', '"0 23-3 * * *"')` })
    .where('subject_id', '=', 'refused')
    .execute()
  here.clock.advance(4 * 3_600_000)
  await vi.waitFor(async () => expect(await jobs.runs({ subjectId: 'good' })).toHaveLength(1), 30_000)
  const nextOf = (subjectId: string) =>
    here.metadata.db
      .selectFrom('job_schedules')
      .select('next_at')
      .where('subject_id', '=', subjectId)
      .executeTakeFirst()
  expect(await nextOf('good')).toEqual({ next_at: new Date('2026-03-02T03:00:00Z') })
  expect(await nextOf('refused')).toEqual({ next_at: null })
  expect(await jobs.runs({ subjectId: 'refused' })).toEqual([])
})

test('of ticks that come while a run is under way the newest stands for all, where the schedule says so', async () => {
  const { here, jobs, end } = await blockedNode()
  await here.metadata.transaction((tx) =>
    jobs.putSchedule(tx, {
      kind: 'work',
      subjectId: 'often',
      rule: { kind: 'every', startAt: new Date('2026-03-01T00:00:01Z'), everyMs: 1_000 },
      principalId,
      sandboxId,
      isEnabled: true,
      isCoalesced: true,
    }),
  )
  const runs = async (): Promise<readonly (readonly [string, string])[]> =>
    (await jobs.runs({ subjectId: 'often' })).map(({ tick, state: of }) => [tick.slice(17, 19), of])
  // Time moves by a tick, and no further until it was met: a slow node would meet several at once.
  const ticked = async (...expected: Awaited<ReturnType<typeof runs>>) => {
    here.clock.advance(1_000)
    await vi.waitFor(async () => expect(await runs()).toEqual(expected), 30_000)
  }
  await ticked(['01', 'running'])
  // Three more come, one by one.
  for (const tick of ['02', '03', '04']) await ticked([tick, 'queued'], ['01', 'running'])
  end()
  await vi.waitFor(
    async () => expect((await runs()).map(([, of]) => of)).toEqual(['succeeded', 'succeeded']),
    30_000,
  )
})

test('runs that wait already do not stop a schedule whose newest tick stands for all', async () => {
  const { here, jobs, end } = await blockedNode()
  const put = (isCoalesced: boolean) =>
    here.metadata.transaction((tx) =>
      jobs.putSchedule(tx, {
        kind: 'work',
        subjectId: 'backlog',
        rule: { kind: 'every', startAt: new Date('2026-03-01T00:00:01Z'), everyMs: 1_000 },
        principalId,
        sandboxId,
        isEnabled: true,
        isCoalesced,
      }),
    )
  const ticks = async () => (await jobs.runs({ subjectId: 'backlog' })).map(({ tick }) => tick)
  await put(false)
  await vi.waitFor(async () => {
    here.clock.advance(250)
    expect((await ticks()).length).toBeGreaterThan(3)
  }, 30_000)
  await put(true)
  const before = await ticks()
  await vi.waitFor(async () => {
    here.clock.advance(250)
    expect((await ticks())[0]! > before[0]!).toBe(true)
  }, 30_000)
  expect(await ticks()).toHaveLength(before.length)
  expect(new Set(await ticks()).size).toBe(before.length)
  end()
})

test('a run that came once comes no second time by a change to and fro, also when it is forgotten', async () => {
  const here = await bed()
  const jobs = await here.node(finishing(here.metadata))
  const startAt = new Date(here.clock.now().getTime() + 1_000)
  const once = { kind: 'once', startAt } as const
  const put = (rule: ScheduleRule) =>
    here.metadata.transaction((tx) =>
      jobs.putSchedule(tx, {
        kind: 'work',
        subjectId: 'once',
        rule,
        principalId,
        sandboxId,
        isEnabled: true,
      }),
    )
  const nextAt = async () => {
    const [row] = await here.metadata.db.selectFrom('job_schedules').select('next_at').execute()
    return row?.next_at
  }
  await put(once)
  await vi.waitFor(async () => {
    here.clock.advance(250)
    expect((await jobs.runs({ subjectId: 'once' })).map((run) => run.state)).toEqual(['succeeded'])
  }, 20_000)
  here.clock.advance(7 * 86_400_000)
  await here.metadata.db.deleteFrom('job_runs').execute()
  await put({ kind: 'cron', startAt: new Date('2030-01-01T00:00:00Z'), expression: '0 0 * * *' })
  expect(await nextAt()).toEqual(new Date('2030-01-01T00:00:00Z'))
  await put(once)
  expect(await nextAt()).toBeNull()
})

test('a schedule enabled again owes one run for what it missed', async () => {
  const here = await bed()
  const jobs = await here.node(finishing(here.metadata))
  const put = (isEnabled: boolean) =>
    here.metadata.transaction((tx) =>
      jobs.putSchedule(tx, {
        kind: 'work',
        subjectId: 'hourly',
        rule: { kind: 'cron', startAt: new Date('2026-02-01T00:00:00Z'), expression: '0 * * * *' },
        principalId,
        sandboxId,
        isEnabled,
      }),
    )
  await put(false)
  here.clock.advance(10.5 * 3_600_000)
  await put(true)
  await vi.waitFor(
    async () =>
      expect((await jobs.runs({ subjectId: 'hourly' })).map((run) => run.tick)).toEqual([
        '2026-03-01T10:00:00.000Z',
      ]),
    30_000,
  )
})

test('a clock that was ahead and is set right keeps no run waiting but the ticks of schedules', async () => {
  const here = await bed()
  let isDown = true
  const work = async (context: RunContext) => {
    if (isDown) throw new AppError('store.unreachable', 'down')
    return await finishing(here.metadata)(context)
  }
  const rightAt = here.clock.now()
  here.clock.advance(86_400_000)
  const wrongAt = here.clock.now()
  const jobs = await here.node(work)
  const failing = await enqueue(here, jobs, { tick: 'failing' })
  await expect.poll(() => state(jobs, failing)).toBe('waiting')
  await jobs[Symbol.asyncDispose]()
  const asked = await enqueue(here, jobs)
  const tick = await enqueue(here, jobs, { tick: wrongAt.toISOString() })
  const later = await enqueue(here, jobs, { dueAt: new Date(wrongAt.getTime() + 1_000) })

  here.clock.advance(rightAt.getTime() - wrongAt.getTime())
  isDown = false
  const again = await here.node(work)
  for (const runId of [failing, asked]) {
    expect(await again.finished(runId, { signal })).toMatchObject({ state: 'succeeded' })
  }
  expect([await state(again, tick), await state(again, later)]).toEqual(['queued', 'queued'])
  here.clock.advance(86_400_000)
  expect(await again.finished(tick, { signal })).toMatchObject({ state: 'succeeded' })
})

test('who waits for a run may stop waiting', async () => {
  const here = await bed()
  const jobs = await here.node(staying().run)
  const runId = await enqueue(here, jobs)
  const waiting = new AbortController()
  const finished = jobs.finished(runId, { signal: waiting.signal })
  waiting.abort(new Error('enough'))
  await expect(finished).rejects.toThrow('enough')
})

test('a run that is paused waits whatever happens, also when its node died, and goes on when it is resumed', async () => {
  const here = await bed()
  const { run, entered, left } = staying()
  const before = await here.node(run, { nodeId: 'a' })
  const runId = await enqueue(here, before)
  await entered
  await before.pause(runId, principalId)
  await left
  await vi.waitFor(
    async () => expect(await before.run(runId)).toMatchObject({ state: 'waiting', code: 'job.paused' }),
    30_000,
  )
  await before[Symbol.asyncDispose]()
  const next = await here.node(finishing(here.metadata), { nodeId: 'b' })
  here.clock.advance(365 * 86_400_000)
  next.ring()
  expect(await next.run(runId)).toMatchObject({ state: 'waiting', code: 'job.paused' })
  await next.resume(runId)
  expect(await next.finished(runId, { signal })).toMatchObject({ state: 'succeeded' })
})

test('a pause asked for while the node is dead is minded by its next life', async () => {
  const here = await bed()
  const { run, entered } = staying()
  const before = await here.node(run, { nodeId: 'a' })
  const runId = await enqueue(here, before)
  await entered
  await here.metadata.db
    .updateTable('job_runs')
    .set({ pause_requested_by: principalId, leased_until: here.clock.now(), fence: 7 })
    .execute()
  const next = await here.node(finishing(here.metadata), { nodeId: 'b' })
  await vi.waitFor(
    async () => expect(await next.run(runId)).toMatchObject({ state: 'waiting', code: 'job.paused' }),
    30_000,
  )
})

test('of a lane no more runs are under way than it has places, on two nodes together', async () => {
  const here = await bed()
  let [now, most] = [0, 0]
  const two = Promise.withResolvers<void>()
  const work = async (context: RunContext) => {
    most = Math.max(most, (now += 1))
    if (most === 2) two.resolve()
    await two.promise // However long it takes until there is a second one; a third is given some time.
    await new Promise((resolve) => void setTimeout(resolve, 250))
    now -= 1
    return await finishing(here.metadata)(context)
  }
  const nodes = [await here.node(work, { nodeId: 'a' }), await here.node(work, { nodeId: 'b' })] as const
  const lane = { name: 'narrow', runsMax: 2 }
  const runIds = await Promise.all(Array.from({ length: 10 }, () => enqueue(here, nodes[0], { lane })))
  for (const runId of runIds)
    expect(await nodes[0].finished(runId, { signal })).toMatchObject({ state: 'succeeded' })
  expect(most).toBe(2)
})

test('runs of a higher priority are begun first', async () => {
  const here = await bed()
  const order: unknown[] = []
  const { run, entered } = staying()
  const busy = await here.node(
    async (context) => {
      if (context.run.tick === 'first') return await run(context)
      order.push(context.run.tick)
      return await finishing(here.metadata)(context)
    },
    { parallelRunsMax: 1 },
  )
  const first = await enqueue(here, busy, { tick: 'first' })
  await entered
  const runIds = [
    await enqueue(here, busy, { tick: 'low', priority: -1 }),
    await enqueue(here, busy, { tick: 'plain' }),
    await enqueue(here, busy, { tick: 'high', priority: 5 }),
  ]
  await busy.cancel(first, principalId)
  for (const runId of runIds) await busy.finished(runId, { signal })
  expect(order).toEqual(['high', 'plain', 'low'])
})
