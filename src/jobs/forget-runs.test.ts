import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import type { PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import { type RunState, selectRuns } from '#metadata/jobs.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { selectUpkeepTotals } from '#metadata/overview.ts'
import { insertQueryLog } from '#metadata/query.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { forgetRuns } from './forget-runs.ts'

const now = new Date('2026-06-01T00:00:00Z')
const retentionMs = 90 * 86_400_000
const { signal } = new AbortController()
const [principal_id, sandbox_id] = [
  randomUUID() as string as PrincipalId,
  randomUUID() as string as SandboxId,
]

interface NewRun {
  readonly daysAgo?: number
  readonly kind?: string
  readonly state?: RunState
  readonly result?: object | null
}

async function open() {
  const metadata = await testMetadata()
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const insert = async ({ daysAgo = 91, kind = 'load', state = 'succeeded', result = {} }: NewRun) => {
    const id = randomUUID() as string as RunId
    const at = new Date(now.getTime() - daysAgo * 86_400_000)
    const hasEnded = ['succeeded', 'failed', 'cancelled'].includes(state)
    await metadata.db
      .insertInto('job_runs')
      .values({
        id,
        kind,
        state,
        principal_id,
        sandbox_id,
        subject_id: id,
        tick: 'once',
        due_at: at,
        payload: '{}',
        result: result && JSON.stringify(result),
        created_at: at,
        updated_at: at,
        finished_at: hasEnded ? at : null,
      })
      .execute()
    return id
  }
  const forget = async () =>
    await forgetRuns({ metadata, clock: new ManualClock(now.toISOString()), retentionMs, signal })
  const left = async () => (await selectRuns(metadata.db, { limit: 10_000 })).map(({ id }) => id).toReversed()
  return { metadata, insert, forget, left }
}

test('runs that ended long ago go; what is under way, what is young, and deliveries stay', async () => {
  const { insert, forget, left } = await open()
  for (const state of ['succeeded', 'failed', 'cancelled'] as const) await insert({ state })
  for (const kind of ['query', 'notify', 'lineage', 'lake.compact']) await insert({ kind })
  const kept = [
    await insert({ state: 'queued' }),
    await insert({ state: 'running' }),
    await insert({ state: 'sealed' }),
    await insert({ state: 'waiting' }),
    await insert({ daysAgo: 89 }),
    await insert({ kind: 'export' }),
    await insert({ kind: 'export', state: 'failed' }),
  ]
  expect(await forget()).toBe(7)
  expect(await left()).toEqual(kept)
  expect(await forget()).toBe(0)
})

test("a query's run stays as long as the log has an entry that needs its state", async () => {
  const { metadata, insert, forget, left } = await open()
  const run_id = await insert({ kind: 'query', state: 'failed' })
  const id = randomUUID()
  const entry = {
    id,
    sandbox_id,
    principal_id,
    principal_name: 'ann',
    client: 'API',
    sql: 'SELECT 1',
    run_id,
  }
  await insertQueryLog(metadata.db, [{ ...entry, state: 'SUBMITTED', created_at: now, updated_at: now }])
  expect(await forget()).toBe(0)
  expect(await left()).toEqual([run_id])
  await metadata.db.deleteFrom('query_log').execute()
  expect(await forget()).toBe(1)
})

test('what upkeep did stays counted, however often and by how many nodes its runs are forgotten', async () => {
  const { metadata, insert, forget, left } = await open()
  const kind = 'lake.compact'
  const totals = async () => await selectUpkeepTotals(metadata.db, kind)
  await insert({ kind: 'lake.sweep', result: { filesRemoved: 1_000 } })
  for (const daysAgo of [93, 92, 91, 1]) {
    await insert({
      kind,
      daysAgo,
      result: { filesRewritten: daysAgo, bytesRewritten: 10 ** 13, outcome: 'whole' },
    })
    await insert({ kind, daysAgo, state: 'failed', result: null })
  }
  const before = await totals()
  expect(before).toMatchObject({ succeeded: 4, failed: 4, filesRewritten: 277, bytesRewritten: 4 * 10 ** 13 })
  const forgotten = await Promise.all([forget(), forget(), forget()])
  expect(forgotten.reduce((sum, count) => sum + count, 0)).toBe(7)
  expect(await left()).toHaveLength(2)
  expect(await totals()).toEqual(before)

  await insert({ kind, daysAgo: 95, result: { filesRewritten: 3 } })
  const more = { ...before, succeeded: 5, filesRewritten: 280 }
  expect(await totals()).toEqual(more)
  expect(await forget()).toBe(1)
  expect(await totals()).toEqual(more)

  // When all of them are gone the last success is the newest, and not the last one that was forgotten.
  await metadata.db
    .updateTable('job_runs')
    .set({ finished_at: daysBefore(94) })
    .execute()
  expect(await forget()).toBe(2)
  expect(await left()).toEqual([])
  expect(await totals()).toEqual({ ...more, lastSuccessAt: daysBefore(91) })
})

test('more than one statement removes are removed', async () => {
  const { metadata, insert, forget, left } = await open()
  await insert({})
  await sql`insert into job_runs (id, kind, subject_id, tick, state, due_at, principal_id, sandbox_id, payload,
      created_at, updated_at, finished_at)
    select gen_random_uuid(), kind, subject_id, n::text, state, due_at, principal_id, sandbox_id, payload,
      created_at, updated_at, finished_at
    from job_runs, generate_series(1, 2500) n`.execute(metadata.db)
  expect(await forget()).toBe(2_501)
  expect(await left()).toEqual([])
})

test('staged parts of which nothing is left are forgotten with the age of their run, others never', async () => {
  const { metadata, insert, forget } = await open()
  const runs = {
    old: await insert({ kind: 'export', state: 'failed' }),
    young: await insert({ kind: 'export', state: 'failed', daysAgo: 89 }),
    underWay: await insert({ kind: 'export', state: 'waiting' }),
  }
  const kept = [
    await part(metadata, runs.old, 'sealed'),
    await part(metadata, runs.old, 'staged'),
    await part(metadata, runs.young, 'gone'),
    await part(metadata, runs.underWay, 'gone'),
  ]
  await part(metadata, runs.old, 'gone')
  expect(await forget()).toBe(1)
  const left = await metadata.db.selectFrom('export_parts').select('id').orderBy('number').execute()
  expect(left.map(({ id }) => id)).toEqual(kept)
})

let parts = 0

async function part({ db }: Metadata, runId: RunId, state: string): Promise<string> {
  const id = randomUUID()
  await sql`insert into export_runs values (${runId}, ${randomUUID()}, 'd', '{}', null, null, false, ${daysBefore(91)})
    on conflict do nothing`.execute(db)
  await sql`insert into export_parts (id, run_id, fence, number, store, token, state, spool_path, created_at)
    values (${id}, ${runId}, 1, ${(parts += 1)}, '{}', '{}', ${state}, '/x', ${daysBefore(91)})`.execute(db)
  return id
}

function daysBefore(days: number): Date {
  return new Date(now.getTime() - days * 86_400_000)
}
