import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { parseCron } from '#jobs/cron.ts'
import type { Jobs, Run, ScheduleRule } from '#jobs/jobs.ts'
import { runOfRow } from '#jobs/run-of-row.ts'
import { deleteAlerts } from '#metadata/alerts.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import { selectQueryOfRun } from '#metadata/query.ts'
import { hasEnded, selectNextTicks } from '#metadata/jobs.ts'
import {
  deleteScheduledQuery,
  hasUnfinishedRuns,
  insertScheduledQuery,
  type ScheduledQueryRow,
  selectRunByTick,
  selectScheduledQueries,
  selectScheduledQuery,
  selectScheduleRuns,
  updateScheduledQuery,
} from '#metadata/scheduled-queries.ts'
import type { QuerySchedule, QueryTiming, ScheduleRun, Schedules } from '../background.ts'
import { focusOf } from '../names/focus.ts'
import { resolveText } from './resolve-text.ts'
import { manualTick, scheduleRunOf, tickOf } from '../schedule-run.ts'
import type { QueryServiceOptions } from '../services.ts'
import { readRequest } from './stored-request.ts'
import { queryKind } from './submitted-queries.ts'

const quarantineMax = 1_000

const storedTiming = z.object({
  cron: z.string(),
  // Also of years beyond four digits: what cannot be read would hide all others.
  startAt: z.coerce.date(),
  endAt: z.coerce.date().optional(),
  timeZone: z.string().optional(),
  quarantineAfter: z.int().optional(),
})

export function createSchedules(services: QueryServiceOptions): Schedules {
  const { access, clock, jobs, metadata } = services
  const require = async ({ principal, sandbox }: Caller, permission: 'batch-queries' | 'manage-queries') => {
    await access.require({ principal, permission, sandboxId: sandbox.id })
  }

  async function found(db: Db, caller: Caller, id: string, isLocked = false): Promise<ScheduledQueryRow> {
    const row = isUuid(id) ? await selectScheduledQuery(db, caller.sandbox.id, id, { isLocked }) : undefined
    if (row) return row
    throw new AppError('query.unknown', `There is no scheduled query ${JSON.stringify(id.slice(0, 80))}.`)
  }

  async function documents(rows: readonly ScheduledQueryRow[]): Promise<QuerySchedule[]> {
    const ids = rows.map(({ id }) => id)
    const next = new Map(
      (await selectNextTicks(metadata.db, queryKind, ids)).map((row) => [row.subject_id, row.next_at]),
    )
    return rows.map((row) => scheduleOf(row, (row.is_enabled && next.get(row.id)) || undefined))
  }

  async function record(tx: Transaction, { principal, sandbox }: Caller, action: string, id: string) {
    const who = { principalId: principal.id, sandboxId: sandbox.id }
    await access.audit({ ...who, action, assetType: 'Query Schedule', assetId: id, status: 'Allow' }, tx)
  }

  async function runDocument(run: Run): Promise<ScheduleRun> {
    return scheduleRunOf(run, (await selectQueryOfRun(metadata.db, run.id))?.id)
  }

  async function foundRun(caller: Caller, id: string, runId: string): Promise<Run> {
    const { id: subjectId } = await found(metadata.db, caller, id)
    const tick = tickOf(runId)
    const row =
      tick === undefined
        ? undefined
        : await selectRunByTick(metadata.db, { kind: queryKind, subjectId, tick })
    if (row) return runOfRow(row)
    throw new AppError(
      'query.unknown',
      `The scheduled query ${id} has no run ${JSON.stringify(runId.slice(0, 80))}.`,
    )
  }

  return {
    create: async (caller, { request, timing }) => {
      await require(caller, 'batch-queries')
      checkTiming(timing)
      await focusOf(services, { caller, database: request.database })
      const { text, template } = await resolveText(services, caller, request)
      const now = clock.now()
      const { principal, sandbox } = caller
      const stored = {
        id: randomUUID(),
        sandbox_id: sandbox.id,
        principal_id: principal.id,
        name: request.name ?? template?.name ?? 'Scheduled query',
        sql: text,
        is_enabled: true,
        created_at: now,
        template_id: template?.id ?? null,
        template_name: template?.name ?? null,
        updated_at: now,
        updated_by: principal.id,
      }
      const row: ScheduledQueryRow = {
        ...stored,
        parameters: {},
        schedule: JSON.parse(JSON.stringify(timing)),
        request,
        failure_count: 0,
        is_quarantined: false,
      }
      await metadata.transaction(async (tx) => {
        await insertScheduledQuery(tx, {
          ...stored,
          parameters: '{}',
          schedule: JSON.stringify(timing),
          request: JSON.stringify(request),
        })
        await record(tx, caller, 'create', row.id)
        await putQuerySchedule(jobs, tx, row, { timing, isEnabled: true })
      })
      jobs.ring()
      return must((await documents([row]))[0], 'one row has one document')
    },
    get: async (caller, id) => {
      await require(caller, 'manage-queries')
      return must((await documents([await found(metadata.db, caller, id)]))[0], 'one row has one document')
    },
    list: async (caller, options) => {
      await require(caller, 'manage-queries')
      const { rows, next, hasPrevious } = await selectScheduledQueries(
        metadata.db,
        caller.sandbox.id,
        options,
      )
      return { rows: await documents(rows), next: next && scheduleOf(next, undefined), hasPrevious }
    },
    change: async (caller, id, { isEnabled, timing }) => {
      await require(caller, 'batch-queries')
      const row = await metadata.transaction(async (tx) => {
        const before = await found(tx, caller, id, true)
        if (isEnabled === before.is_enabled) {
          throw new AppError('request.invalid', 'Schedule already in the state request')
        }
        const after = { ...timingOf(before), ...timing }
        if (timing) checkTiming(after)
        const change = {
          is_enabled: isEnabled ?? before.is_enabled,
          updated_at: clock.now(),
          updated_by: caller.principal.id,
          ...(isEnabled === true ? { failure_count: 0, is_quarantined: false } : {}),
        }
        const schedule = JSON.stringify(after)
        await updateScheduledQuery(tx, id, { ...change, schedule })
        await putQuerySchedule(jobs, tx, before, { timing: after, isEnabled: change.is_enabled })
        await record(tx, caller, 'update', id)
        return { ...before, ...change, schedule: JSON.parse(schedule) as unknown }
      })
      jobs.ring()
      return must((await documents([row]))[0], 'one row has one document')
    },
    delete: async (caller, id) => {
      await require(caller, 'batch-queries')
      await metadata.transaction(async (tx) => {
        const row = await found(tx, caller, id, true)
        if (row.is_enabled)
          throw new AppError('request.invalid', 'An enabled schedule cannot be deleted: disable it first.')
        if (await hasUnfinishedRuns(tx, queryKind, id)) {
          throw new AppError('request.invalid', 'A schedule with a run under way cannot be deleted.', {
            hint: 'Cancel the run, or wait for its end.',
          })
        }
        await deleteScheduledQuery(tx, id)
        await jobs.removeSchedule(tx, queryKind, id)
        await deleteAlerts(tx, caller.sandbox.id, { assetId: id })
        await record(tx, caller, 'delete', id)
      })
    },
    trigger: async (caller, id) => {
      await require(caller, 'batch-queries')
      const runId = await metadata.transaction(async (tx) => {
        const row = await found(tx, caller, id, true)
        if (!row.is_enabled)
          throw new AppError('request.invalid', 'A disabled schedule cannot be triggered: enable it first.')
        const now = clock.now()
        await record(tx, caller, 'run', id)
        return await jobs.enqueue(tx, {
          kind: queryKind,
          subjectId: id,
          tick: manualTick(now),
          dueAt: now,
          principalId: caller.principal.id,
          sandboxId: caller.sandbox.id,
          payload: {},
        })
      })
      jobs.ring()
      return await runDocument(must(await jobs.run(runId), `run ${runId} was made a moment ago`))
    },
    runs: async (caller, id, options) => {
      await require(caller, 'manage-queries')
      const row = await found(metadata.db, caller, id)
      const page = await selectScheduleRuns(metadata.db, { kind: queryKind, id: row.id }, options)
      const rows: ScheduleRun[] = []
      for (const run of page.rows) rows.push(await runDocument(runOfRow(run)))
      return {
        rows,
        next: page.next && scheduleRunOf(runOfRow(page.next), undefined),
        hasPrevious: page.hasPrevious,
      }
    },
    run: async (caller, id, runId) => {
      await require(caller, 'manage-queries')
      return await runDocument(await foundRun(caller, id, runId))
    },
    cancelRun: async (caller, id, runId) => {
      await require(caller, 'manage-queries')
      const run = await foundRun(caller, id, runId)
      if (hasEnded(run)) {
        throw new AppError('query.ended', `The run ${runId} has ended already.`)
      }
      await metadata.transaction((tx) => record(tx, caller, 'cancel', id))
      await jobs.cancel(run.id, caller.principal.id)
    },
  }
}

/** @throws AppError 'request.invalid' */
function checkTiming({ cron, startAt, endAt, timeZone, quarantineAfter }: QueryTiming): void {
  if (cron.trim() !== '@once') parseCron(cron, timeZone)
  if (endAt && endAt <= startAt) {
    throw new AppError('request.invalid', 'The end of a schedule comes after its start.')
  }
  const isCount = quarantineAfter === undefined || (quarantineAfter >= 1 && quarantineAfter <= quarantineMax)
  if (!isCount)
    throw new AppError('request.invalid', `quarantineAfter is a number from 1 to ${quarantineMax}.`)
}

/** The ticks of a scheduled query, as they follow from its row. */
export async function putQuerySchedule(
  jobs: Pick<Jobs, 'putSchedule'>,
  tx: Transaction,
  row: Pick<ScheduledQueryRow, 'id' | 'principal_id' | 'sandbox_id'>,
  { timing, isEnabled }: { readonly timing: QueryTiming; readonly isEnabled: boolean },
): Promise<void> {
  await jobs.putSchedule(tx, {
    kind: queryKind,
    subjectId: row.id,
    rule: ruleOf(timing),
    principalId: row.principal_id,
    sandboxId: row.sandbox_id,
    isEnabled,
    isCoalesced: true,
  })
}

export function ruleOf({ cron, startAt, endAt, timeZone }: QueryTiming): ScheduleRule {
  if (cron.trim() === '@once') return { kind: 'once', startAt }
  return {
    kind: 'cron',
    startAt,
    expression: cron,
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(endAt ? { endAt } : {}),
  }
}

export function timingOf(row: ScheduledQueryRow): QueryTiming {
  return storedTiming.parse(row.schedule)
}

function scheduleOf(row: ScheduledQueryRow, nextAt: Date | undefined): QuerySchedule {
  const request = readRequest(row.request)
  return {
    id: row.id,
    request: { ...request, name: row.name },
    sql: row.sql,
    templateName: row.template_name ?? undefined,
    timing: timingOf(row),
    nextAt,
    isEnabled: row.is_enabled,
    isQuarantined: row.is_quarantined,
    failureCount: row.failure_count,
    userId: row.principal_id,
    updatedBy: row.updated_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
