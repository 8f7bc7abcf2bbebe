import { type ColumnType, type Generated, type Insertable, type Selectable, sql } from 'kysely'
import { must } from '#base/assert.ts'
import type { PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface JobTables {
  job_runs: {
    id: RunId
    sequence: Generated<string>
    kind: string
    subject_id: string
    tick: string
    state: RunState
    is_sealed: Generated<boolean>
    due_at: Date
    principal_id: PrincipalId
    sandbox_id: SandboxId
    payload: Json
    progress: ColumnType<Record<string, unknown>, string | undefined, string>
    fence: Generated<number>
    failure_count: Generated<number>
    /** The only one that works on it; null: any. */
    node_id: string | null
    lease_node: string | null
    lease_incarnation: string | null
    leased_until: Date | null
    cancel_requested_by: PrincipalId | null
    pause_requested_by: PrincipalId | null
    /** Runs of a higher one are begun first. */
    priority: Generated<number>
    /** Runs of one lane share its places. */
    lane: string | null
    lane_max: number | null
    lane_slot: number | null
    code: string | null
    message: string | null
    result: ColumnType<Record<string, unknown> | null, string | null, string | null>
    created_at: Date
    updated_at: Date
    started_at: Date | null
    finished_at: Date | null
  }
  job_schedules: {
    kind: string
    subject_id: string
    rule: Json
    principal_id: PrincipalId
    sandbox_id: SandboxId
    is_enabled: boolean
    next_at: Date | null
    options: ColumnType<Record<string, unknown>, string | undefined, string>
  }
}

/** Parsed when read; text when written. */
type Json = ColumnType<Record<string, unknown>, string, string>

export type RunState = 'queued' | 'running' | 'sealed' | 'waiting' | EndState
export type EndState = 'succeeded' | 'failed' | 'cancelled'

const endStates: readonly RunState[] = ['succeeded', 'failed', 'cancelled']

/** Whether nothing more comes of the run. */
export function hasEnded<R extends { readonly state: RunState }>(
  run: R,
): run is R & { readonly state: EndState } {
  return endStates.includes(run.state)
}
export type RunRow = Selectable<JobTables['job_runs']>
export type ScheduleRow = Selectable<JobTables['job_schedules']>
export type NewRunRow = Pick<
  Insertable<JobTables['job_runs']>,
  | 'id'
  | 'kind'
  | 'subject_id'
  | 'tick'
  | 'due_at'
  | 'principal_id'
  | 'sandbox_id'
  | 'payload'
  | 'created_at'
  | 'updated_at'
  | 'priority'
  | 'lane'
  | 'lane_max'
  | 'node_id'
>

/** The channel of the doorbell. */
export const jobsChannel = 'sluice_jobs'

/** Who holds a run, or wants to. */
export interface Holder {
  readonly runId: RunId
  readonly fence: number
}

/** The run of that kind, subject and tick: this new one, or the one that was there. */
export async function insertRun(db: Db, row: NewRunRow): Promise<RunId> {
  const inserted = await db
    .insertInto('job_runs')
    .values({ ...row, state: 'queued' })
    .onConflict((conflict) => conflict.columns(['kind', 'subject_id', 'tick']).doNothing())
    .returning('id')
    .executeTakeFirst()
  if (inserted) return inserted.id
  return must(
    await selectRunId(db, { kind: row.kind, subjectId: row.subject_id, tick: row.tick }),
    'a run that is not new is there',
  )
}

export async function selectRunId(
  db: Db,
  { kind, subjectId, tick }: { readonly kind: string; readonly subjectId: string; readonly tick: string },
): Promise<RunId | undefined> {
  const row = await db
    .selectFrom('job_runs')
    .select('id')
    .where('kind', '=', kind)
    .where('subject_id', '=', subjectId)
    .where('tick', '=', tick)
    .executeTakeFirst()
  return row?.id
}

export async function selectRun(db: Db, runId: RunId): Promise<RunRow | undefined> {
  return await db.selectFrom('job_runs').selectAll().where('id', '=', runId).executeTakeFirst()
}

/** Until the end of the transaction nobody else changes it. */
export async function lockRun(tx: Transaction, runId: RunId): Promise<RunRow | undefined> {
  return await tx.selectFrom('job_runs').selectAll().where('id', '=', runId).forUpdate().executeTakeFirst()
}

/** Newest first. */
export async function selectRuns(
  db: Db,
  filter: { readonly kind?: string; readonly subjectId?: string; readonly limit: number },
): Promise<RunRow[]> {
  let query = db.selectFrom('job_runs').selectAll()
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
  if (filter.subjectId !== undefined) query = query.where('subject_id', '=', filter.subjectId)
  return await query.orderBy('sequence', 'desc').limit(filter.limit).execute()
}

/**
 * Takes the run of the highest priority that has waited longest, is due and whose lease, if it has one, is over. Runs of
 * one subject come in their order, one at a time, but one that was put off before it began keeps nobody waiting; those
 * of a lane wait for a place in it. One of a node is that node's, but when it was cancelled whoever comes may end it.
 */
export async function claimRun(
  db: Db,
  claim: {
    readonly kinds: readonly string[]
    /** None of these kinds' and lanes'. */
    readonly fullLanes: readonly { readonly kind: string; readonly lane: string }[]
    readonly node: string
    readonly incarnation: string
    readonly now: Date
    readonly leasedUntil: Date
    /** Of the data this node knows: after a restore it gets nothing. */
    readonly epoch: number
  },
): Promise<RunRow | undefined> {
  const { now } = claim
  const answer = await sql<RunRow>`
    update job_runs set
      state = case when is_sealed then 'sealed' else 'running' end,
      fence = fence + 1,
      lease_node = ${claim.node},
      lease_incarnation = ${claim.incarnation},
      lane_slot = (
        select min(slot) from generate_series(1, job_runs.lane_max) slot
        where not exists (
          select from job_runs other
          where other.lane = job_runs.lane and other.lane_slot = slot and other.id <> job_runs.id
            and other.state in ('running', 'sealed')
        )
      ),
      leased_until = ${claim.leasedUntil},
      started_at = coalesce(started_at, ${now}),
      updated_at = ${now}
    where id = (
      select run.id from job_runs run
      where run.kind = any(${claim.kinds})
        and exists (select from home_state where epoch = ${claim.epoch})
        and ${isFor(claim.node)}
        and (
          (run.state in ('queued', 'waiting') and ${isDue('run', now)})
          or (run.state in ('running', 'sealed') and run.leased_until <= ${now})
        )
        and not exists (
          select from job_runs other
          where other.kind = run.kind and other.subject_id = run.subject_id and other.id <> run.id
            and (
              other.state in ('running', 'sealed')
              or (other.sequence < run.sequence
                and ((other.state = 'waiting' and other.code is distinct from 'job.postponed') or (other.state = 'queued' and ${isDue('other', now)})))
            )
        )
        and (
          run.lane_max is null
          or run.lane_max > (
            select count(*) from job_runs other
            where other.lane = run.lane and other.id <> run.id and other.state in ('running', 'sealed')
          )
        )
        and not exists (
          select from unnest(${claim.fullLanes.map(({ kind }) => kind)}::text[],
            ${claim.fullLanes.map(({ lane }) => lane)}::text[]) as filled (kind, lane)
          where filled.kind = run.kind and filled.lane = run.lane
        )
      order by run.priority desc, run.due_at, run.sequence
      limit 1
      for update skip locked
    )
    returning *`.execute(db)
  return answer.rows[0]
}

/**
 * Whether the time of a run has come. Where the clock was ahead and was set right, what was due when it was made does not
 * wait until the clock is there again, nor does what is tried again; a tick of a schedule waits for its moment.
 */
function isDue(run: 'run' | 'other', now: Date) {
  const column = (name: string) => sql.raw(`${run}.${name}`)
  return sql<boolean>`(
    ${column('due_at')} <= ${now}
    or (${column('due_at')} <= ${column('created_at')}
      and ${column('tick')} <> to_char(${column('due_at')} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    or (${column('state')} = 'waiting' and ${column('updated_at')} > ${now}
      and ${column('code')} not in ('job.paused', 'job.postponed'))
  )`
}

/** Moves the end of the lease. Undefined when the attempt does not hold the run any more. */
export async function renewLease(
  db: Db,
  holder: Holder,
  leasedUntil: Date,
): Promise<Pick<RunRow, 'cancel_requested_by' | 'pause_requested_by' | 'is_sealed'> | undefined> {
  return await held(db, holder, { leased_until: leasedUntil })
    .returning(['cancel_requested_by', 'pause_requested_by', 'is_sealed'])
    .executeTakeFirst()
}

/** False when the attempt does not hold the run any more. */
export async function updateHeldRun(db: Db, holder: Holder, change: RunChange): Promise<boolean> {
  const answer = await held(db, holder, change).executeTakeFirst()
  return answer.numUpdatedRows === 1n
}

export type RunChange = Partial<
  Pick<
    Insertable<JobTables['job_runs']>,
    | 'state'
    | 'is_sealed'
    | 'due_at'
    | 'progress'
    | 'failure_count'
    | 'leased_until'
    | 'code'
    | 'message'
    | 'result'
    | 'updated_at'
    | 'finished_at'
  >
>

function held(db: Db, holder: Holder, change: RunChange) {
  return db
    .updateTable('job_runs')
    .set(change)
    .where('id', '=', holder.runId)
    .where('fence', '=', holder.fence)
    .where('state', 'in', ['running', 'sealed'])
}

/** Ends a run nobody works on, or asks the one who does to stop. */
export async function updateCancelledRun(
  tx: Transaction,
  runId: RunId,
  change: { readonly by: PrincipalId; readonly now: Date; readonly isOver: boolean },
): Promise<void> {
  await tx
    .updateTable('job_runs')
    .set({ cancel_requested_by: change.by, updated_at: change.now })
    .$if(change.isOver, (query) => query.set({ state: 'cancelled', finished_at: change.now }))
    .where('id', '=', runId)
    .execute()
}

/** Beyond every real moment: a run that is due then waits for somebody. */
export const never = new Date('9999-01-01T00:00:00Z')

/** Lays a run aside that nobody works on, or asks the one who does to lay it aside. */
export async function updatePausedRun(
  tx: Transaction,
  runId: RunId,
  change: { readonly by: PrincipalId; readonly now: Date; readonly isAside: boolean },
): Promise<void> {
  const aside = {
    state: 'waiting',
    due_at: never,
    leased_until: null,
    pause_requested_by: null,
    code: 'job.paused',
    message: 'The run was paused.',
  } as const
  await tx
    .updateTable('job_runs')
    .set({ updated_at: change.now, pause_requested_by: change.by, ...(change.isAside ? aside : {}) })
    .where('id', '=', runId)
    .execute()
}

/** What was laid aside, or put off, is due now; a request to lay it aside is taken back. */
export async function updateResumedRun(tx: Transaction, runId: RunId, now: Date): Promise<void> {
  const change = { updated_at: now, pause_requested_by: null }
  await tx.updateTable('job_runs').set(change).where('id', '=', runId).execute()
  await tx
    .updateTable('job_runs')
    .set({ due_at: now, code: null, message: null })
    .where('id', '=', runId)
    .where('state', '=', 'waiting')
    .execute()
}

/** Runs of a sandbox that were put off, but not by a person, are due now: what put them off may be otherwise. */
export async function updatePutOff(
  tx: Transaction,
  { kind, sandboxId, now }: { readonly kind: string; readonly sandboxId: SandboxId; readonly now: Date },
): Promise<void> {
  await tx
    .updateTable('job_runs')
    .set({ due_at: now, updated_at: now })
    .where('kind', '=', kind)
    .where('sandbox_id', '=', sandboxId)
    .where('state', '=', 'waiting')
    .where('code', 'in', ['job.postponed', 'job.paused'])
    .where('due_at', '<', never)
    .execute()
}

/** Runs of a subject that have failed and wait to be tried again are due now. */
export async function updateRetries(
  tx: Transaction,
  { kind, subjectId, now }: { readonly kind: string; readonly subjectId: string; readonly now: Date },
): Promise<void> {
  await tx
    .updateTable('job_runs')
    .set({ due_at: now, updated_at: now })
    .where('kind', '=', kind)
    .where('subject_id', '=', subjectId)
    .where('state', '=', 'waiting')
    .where('code', 'not in', ['job.postponed', 'job.paused'])
    .execute()
}

/**
 * Names the newest run that has not begun, or was put off before it began, by a newer tick; false: there is none, or the
 * tick has a run of its own.
 */
export async function updateTick(
  tx: Transaction,
  run: { readonly kind: string; readonly subjectId: string; readonly tick: string; readonly now: Date },
): Promise<boolean> {
  const ofSubject = tx
    .selectFrom('job_runs')
    .where('kind', '=', run.kind)
    .where('subject_id', '=', run.subjectId)
  const newest = ofSubject
    .select('id')
    .where('tick', '~', '^[0-9]{4}-')
    .where((where) =>
      where.or([
        where.and([where('state', '=', 'queued'), where('fence', '=', 0)]),
        where.and([where('state', '=', 'waiting'), where('code', '=', 'job.postponed')]),
      ]),
    )
    .orderBy('sequence', 'desc')
    .limit(1)
  const answer = await tx
    .updateTable('job_runs')
    .set({ tick: run.tick, updated_at: run.now })
    .where('id', '=', newest)
    .where((where) => where.not(where.exists(ofSubject.select('id').where('tick', '=', run.tick))))
    .executeTakeFirst()
  return answer.numUpdatedRows > 0n
}

/**
 * Ends the leases of this node for runs that nobody in it works on: those of its earlier lives, and those whose claim or
 * end was not told to it because a connection broke. They are claimed again from `until` on.
 */
export async function endOrphanedLeases(
  db: Db,
  node: { readonly id: string; readonly workedOn: readonly RunId[]; readonly until: Date },
): Promise<number> {
  const answer = await db
    .updateTable('job_runs')
    .set({ leased_until: node.until })
    .where('state', 'in', ['running', 'sealed'])
    .where('lease_node', '=', node.id)
    .where('leased_until', '>', node.until)
    .$if(node.workedOn.length > 0, (query) => query.where('id', 'not in', node.workedOn))
    .executeTakeFirst()
  return Number(answer.numUpdatedRows)
}

/** Of `run`: whether the node may work on it. */
function isFor(node: string) {
  return sql<boolean>`(run.node_id is null or run.node_id = ${node} or run.cancel_requested_by is not null)`
}

/** How soon to look again for a run whose lease is over and which somebody had locked when we looked. */
const lockedRunMs = 1_000

/** When something may have to be done next: a run becomes due, a lease ends, a schedule ticks. */
export async function selectNextMoment(
  db: Db,
  { kinds, node, after }: { readonly kinds: readonly string[]; readonly node: string; readonly after: Date },
): Promise<Date | undefined> {
  const answer = await sql<{ at: Date | null }>`
    select least(
      (select min(due_at) from job_runs run
        where state in ('queued', 'waiting') and ${isFor(node)} and kind = any(${kinds}) and due_at > ${after}),
      (select min(greatest(leased_until, ${new Date(after.getTime() + lockedRunMs)}::timestamptz)) from job_runs run
        where state in ('running', 'sealed') and ${isFor(node)} and kind = any(${kinds})),
      (select min(next_at) from job_schedules where is_enabled and kind = any(${kinds}))
    ) as at`.execute(db)
  return answer.rows[0]?.at ?? undefined
}

export async function lockSchedule(
  tx: Transaction,
  kind: string,
  subjectId: string,
): Promise<ScheduleRow | undefined> {
  return await tx
    .selectFrom('job_schedules')
    .selectAll()
    .where('kind', '=', kind)
    .where('subject_id', '=', subjectId)
    .forUpdate()
    .executeTakeFirst()
}

export async function upsertSchedule(db: Db, row: Insertable<JobTables['job_schedules']>): Promise<void> {
  const { kind: _kind, subject_id: _subject, ...change } = row
  await db
    .insertInto('job_schedules')
    .values(row)
    .onConflict((conflict) => conflict.columns(['kind', 'subject_id']).doUpdateSet(change))
    .execute()
}

export async function selectNextTicks(
  db: Db,
  kind: string,
  subjectIds: readonly string[],
): Promise<Pick<ScheduleRow, 'subject_id' | 'next_at'>[]> {
  if (subjectIds.length === 0) return []
  return await db
    .selectFrom('job_schedules')
    .select(['subject_id', 'next_at'])
    .where('kind', '=', kind)
    .where('subject_id', 'in', subjectIds)
    .execute()
}

export async function deleteSchedule(db: Db, kind: string, subjectId: string): Promise<void> {
  await db.deleteFrom('job_schedules').where('kind', '=', kind).where('subject_id', '=', subjectId).execute()
}

/** Schedules whose tick has come, locked; those another node has in hand are left to it. */
export async function lockDueSchedules(
  tx: Transaction,
  due: { readonly kinds: readonly string[]; readonly now: Date; readonly limit: number },
): Promise<ScheduleRow[]> {
  return await tx
    .selectFrom('job_schedules')
    .selectAll()
    .where('is_enabled', '=', true)
    .where('kind', 'in', due.kinds)
    .where('next_at', '<=', due.now)
    .orderBy('next_at')
    .limit(due.limit)
    .forUpdate()
    .skipLocked()
    .execute()
}

/** Heard when the transaction commits. */
export async function notifyJobs(db: Db, payload: string): Promise<void> {
  await sql`select pg_notify(${jobsChannel}, ${payload})`.execute(db)
}
