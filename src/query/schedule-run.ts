import { randomInt } from 'node:crypto'
import { z } from 'zod'
import type { Run } from '#jobs/jobs.ts'
import { manualTickPrefix } from '#metadata/scheduled-queries.ts'
import type { ScheduleRun } from './background.ts'

const scheduledPrefix = 'scheduled__'
const result = z.object({
  rowCount: z.number().default(0),
  statementCount: z.number().default(0),
  notices: z.array(z.string()).default([]),
})

/** What makes a run by hand unique: two of one millisecond are two. */
export function manualTick(now: Date): string {
  return `${manualTickPrefix}${now.toISOString().slice(0, -1)}${String(randomInt(1_000)).padStart(3, '0')}Z`
}

/** The id people see: base64 of `scheduled__` or `manual__` and the time. None of its characters is escaped in a path. */
export function runIdText(tick: string): string {
  const text = tick.startsWith(manualTickPrefix) ? tick : scheduledPrefix + tick
  return Buffer.from(text).toString('base64')
}

/** The tick that such an id means, with its padding or without; undefined for any other text. */
export function tickOf(id: string): string | undefined {
  const text = Buffer.from(id, 'base64').toString('utf8')
  if (text.startsWith(manualTickPrefix)) return text
  return text.startsWith(scheduledPrefix) ? text.slice(scheduledPrefix.length) : undefined
}

const states = {
  queued: 'QUEUED',
  running: 'IN_PROGRESS',
  sealed: 'IN_PROGRESS',
  waiting: 'QUEUED_FOR_RETRY',
  succeeded: 'SUCCESS',
  failed: 'FAILED',
  cancelled: 'FAILED',
} as const satisfies Record<Run['state'], ScheduleRun['state']>

export function scheduleRunOf(run: Run, queryId: string | undefined): ScheduleRun {
  const isManual = run.tick.startsWith(manualTickPrefix)
  return {
    id: runIdText(run.tick),
    runId: run.id,
    scheduleId: run.subjectId,
    state: states[run.state],
    isCancelled: run.state === 'cancelled',
    isManual,
    tick: new Date(isManual ? run.tick.slice(manualTickPrefix.length) : run.tick),
    triggeredBy: run.principalId,
    attempts: run.attempt,
    createdAt: run.createdAt,
    startedAt: run.startedAt,
    finishedAt: 'finishedAt' in run ? run.finishedAt : undefined,
    error:
      run.state === 'failed' || run.state === 'waiting'
        ? { code: run.code, message: run.message }
        : undefined,
    queryId,
    did: run.state === 'succeeded' ? result.parse(run.result) : undefined,
  }
}
