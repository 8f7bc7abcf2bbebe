import type { z } from 'zod'
import type { Caller } from '#datasets/datasets.ts'
import type { QuerySchedule, ScheduleRun } from '#query/background.ts'
import { base, errorDocument } from './query-document.ts'
import { requestDocument } from './request.ts'
import type { runShape, scheduleShape } from './shapes.ts'

export function scheduleDocument(caller: Caller, schedule: QuerySchedule): z.input<typeof scheduleShape> {
  const { id, timing, nextAt, templateName } = schedule
  const self = `${base}/schedules/${id}`
  const setState = (value: string) => ({
    href: self,
    method: 'PATCH',
    body: JSON.stringify({ body: [{ op: 'replace', path: '/state', value }] }),
  })
  return {
    id,
    userId: schedule.userId,
    updatedUserId: schedule.updatedBy,
    state: schedule.isEnabled ? 'ENABLED' : 'DISABLED',
    isQuarantined: schedule.isQuarantined,
    failureCount: schedule.failureCount,
    query: {
      ...requestDocument(caller, schedule.request),
      effectiveSQL: schedule.sql,
      ...(templateName === undefined ? {} : { templateName }),
    },
    schedule: {
      schedule: timing.cron,
      startDate: timing.startAt.toISOString(),
      ...(timing.endAt ? { endDate: timing.endAt.toISOString() } : {}),
      timeZone: timing.timeZone ?? 'UTC',
      ...(timing.quarantineAfter === undefined ? {} : { quarantineAfter: timing.quarantineAfter }),
      maxActiveRuns: 1,
    },
    ...(nextAt ? { nextRun: nextAt.toISOString() } : {}),
    created: schedule.createdAt.toISOString(),
    updated: schedule.updatedAt.toISOString(),
    version: 1,
    _links: {
      self: { href: self, method: 'GET' },
      enable: setState('enable'),
      disable: setState('disable'),
      delete: { href: self, method: 'DELETE' },
      runs: { href: `${self}/runs`, method: 'GET' },
      trigger: { href: `${self}/runs`, method: 'POST' },
    },
  }
}

export function runDocument(run: ScheduleRun): z.input<typeof runShape> {
  const { id, scheduleId, queryId, did, error, isManual, startedAt, finishedAt } = run
  const self = `${base}/schedules/${scheduleId}/runs/${id}`
  const isUnderWay = !['SUCCESS', 'FAILED'].includes(run.state)
  return {
    id,
    state: run.state,
    externalTrigger: isManual,
    created: run.createdAt.toISOString(),
    ...(startedAt ? { started: startedAt.toISOString() } : {}),
    ...(finishedAt ? { completed: finishedAt.toISOString() } : {}),
    version: 1,
    scheduleId,
    trigger: {
      kind: isManual ? 'manual' : 'schedule',
      time: run.tick.toISOString(),
      userId: run.triggeredBy,
    },
    ...(run.isCancelled ? { isCancelled: true } : {}),
    ...(did ? { result: did } : {}),
    ...(error ? { message: error.message, errors: [errorDocument(error)] } : {}),
    ...(queryId === undefined ? {} : { queryId }),
    _links: {
      self: { href: self, method: 'GET' },
      ...(isUnderWay ? { cancel: { href: self, method: 'PATCH', body: '{"op":"cancel"}' } } : {}),
      ...(queryId === undefined ? {} : { query: { href: `${base}/queries/${queryId}`, method: 'GET' } }),
    },
  }
}

/** One task a run: its query. */
export function runDetails(run: ScheduleRun): z.input<typeof runShape> {
  const { startedAt, finishedAt } = run
  const durationMs = startedAt ? (finishedAt ?? new Date()).getTime() - startedAt.getTime() : 0
  return {
    ...runDocument(run),
    taskStatusList: [
      {
        duration: durationMs / 1000,
        ...(startedAt ? { startDate: startedAt.toISOString() } : {}),
        ...(finishedAt ? { endDate: finishedAt.toISOString() } : {}),
        state: run.state,
        message: run.error?.message ?? (run.isCancelled ? 'The run was cancelled.' : ''),
        taskId: run.runId,
        attempts: run.attempts,
      },
    ],
  }
}
