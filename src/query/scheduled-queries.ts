import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Permission } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { RunId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { ScheduleRule } from '#jobs/jobs.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  insertScheduledQuery,
  type ScheduledQueryRow,
  selectScheduledQueries,
  selectScheduledQuery,
} from '#metadata/query.ts'
import { fillTemplate } from '#sql/template.ts'
import type { NewScheduledQuery, ScheduledQuery } from './query.ts'
import type { QueryServiceOptions } from './services.ts'

export const scheduledQueryKind = 'query'

const listedMax = 1_000
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const storedSchedule = z.object({
  cron: z.string(),
  startAt: z.iso.datetime(),
  endAt: z.iso.datetime().optional(),
})
const storedParameters = z.record(z.string(), z.string())

type Services = Pick<QueryServiceOptions, 'access' | 'clock' | 'jobs' | 'metadata' | 'sql'>

export async function createScheduledQuery(
  services: Services,
  caller: Caller,
  query: NewScheduledQuery,
): Promise<ScheduledQuery> {
  const { clock, jobs, metadata, sql } = services
  await require(services, caller, 'batch-queries')
  if (query.name.length < 1 || query.name.length > 255) {
    throw new AppError('request.invalid', 'The name of a query has 1 to 255 characters.')
  }
  const { parameters = {}, schedule } = query
  for (const statement of sql.split(fillTemplate(query.sql, parameters))) sql.parse(statement)
  const id = randomUUID()
  const createdAt = clock.now()
  await metadata.transaction(async (tx) => {
    await insertScheduledQuery(tx, {
      id,
      sandbox_id: caller.sandbox.id,
      principal_id: caller.principal.id,
      name: query.name,
      sql: query.sql,
      parameters: JSON.stringify(parameters),
      schedule: schedule ? JSON.stringify(schedule) : null,
      is_enabled: true,
      created_at: createdAt,
    })
    await record(services, caller, { tx, action: 'create', id })
    if (!schedule) return
    await jobs.putSchedule(tx, {
      kind: scheduledQueryKind,
      subjectId: id,
      rule: ruleOf(schedule),
      principalId: caller.principal.id,
      sandboxId: caller.sandbox.id,
      isEnabled: true,
    })
  })
  if (schedule) jobs.ring()
  return { ...query, id, isEnabled: true, createdAt }
}

/** Makes a run now. */
export async function runScheduledQuery(services: Services, caller: Caller, id: string): Promise<RunId> {
  const { clock, jobs, metadata } = services
  await require(services, caller, 'batch-queries')
  const row = await storedQuery(services, caller, id)
  const runId = await metadata.transaction(async (tx) => {
    await record(services, caller, { tx, action: 'run', id: row.id })
    return await jobs.enqueue(tx, {
      kind: scheduledQueryKind,
      subjectId: row.id,
      tick: handTick(),
      dueAt: clock.now(),
      principalId: caller.principal.id,
      sandboxId: caller.sandbox.id,
      payload: {},
    })
  })
  jobs.ring()
  return runId
}

async function record(
  { access }: Services,
  { principal, sandbox }: Caller,
  { tx, action, id }: { readonly tx: Transaction; readonly action: string; readonly id: string },
): Promise<void> {
  await access.audit(
    {
      principalId: principal.id,
      sandboxId: sandbox.id,
      action,
      assetType: 'Query Schedule',
      assetId: id,
      status: 'Allow',
    },
    tx,
  )
}

export async function listScheduledQueries(services: Services, caller: Caller): Promise<ScheduledQuery[]> {
  await require(services, caller, 'manage-queries')
  return (await selectScheduledQueries(services.metadata.db, caller.sandbox.id, listedMax)).map(queryOf)
}

/** @throws AppError 'query.unknown' */
export async function storedQuery(
  { metadata }: Pick<Services, 'metadata'>,
  caller: Caller,
  id: string,
): Promise<ScheduledQuery> {
  const row = uuid.test(id) ? await selectScheduledQuery(metadata.db, caller.sandbox.id, id) : undefined
  if (row) return queryOf(row)
  throw new AppError('query.unknown', `There is no scheduled query ${JSON.stringify(id.slice(0, 80))}.`)
}

/** Unlike a schedule's tick no time, and without digits nothing that could be read as one. */
function handTick(): string {
  return `hand-${randomUUID().replaceAll(/[0-9]/g, (digit) => 'ghijklmnop'[Number(digit)] ?? '')}`
}

function ruleOf({ cron, startAt, endAt }: NonNullable<NewScheduledQuery['schedule']>): ScheduleRule {
  if (cron.trim() === '@once') return { kind: 'once', startAt }
  return { kind: 'cron', startAt, expression: cron, ...(endAt ? { endAt } : {}) }
}

function queryOf(row: ScheduledQueryRow): ScheduledQuery {
  const schedule = row.schedule === null ? undefined : storedSchedule.parse(row.schedule)
  const endAt = schedule?.endAt
  return {
    id: row.id,
    name: row.name,
    sql: row.sql,
    parameters: storedParameters.parse(row.parameters),
    ...(schedule
      ? {
          schedule: {
            cron: schedule.cron,
            startAt: new Date(schedule.startAt),
            ...(endAt === undefined ? {} : { endAt: new Date(endAt) }),
          },
        }
      : {}),
    isEnabled: row.is_enabled,
    createdAt: row.created_at,
  }
}

async function require(
  { access }: Pick<Services, 'access'>,
  caller: Caller,
  permission: Permission,
): Promise<void> {
  await access.require({ principal: caller.principal, permission, sandboxId: caller.sandbox.id })
}
