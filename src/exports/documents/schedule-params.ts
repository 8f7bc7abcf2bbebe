import { z } from 'zod'
import { unreachable } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { parseCron } from '#jobs/cron.ts'
import type { ScheduleRule } from '#jobs/jobs.ts'
import { checkFolderTemplate, defaultFolderTemplate } from './folder-template.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** Years 1970 to 9999. */
const epochSecondsMax = 253_402_300_799

const whole = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,12}$/)
      .transform(Number),
  ])
  .pipe(z.int().nonnegative())
const epochSeconds = whole.pipe(z.int().max(epochSecondsMax))

/** Of which clients always say how many. */
const countedUnits: readonly string[] = ['minute', 'hour', 'day']

/** The public client says the unit in `frequency` alone where its user names none; beside a unit it says nothing. */
function frequencyAsUnit(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || 'timeUnit' in value || !('frequency' in value))
    return value
  return { ...value, timeUnit: value.frequency }
}

/**
 * When and what an export delivers. `interval` counts `timeUnit`s; 0 is once. `timeUnit`s other than `hour` and `day`
 * are ours; with `query` and `arrival` runs follow what happens, from `startTime` on.
 */
export const scheduleParams = z.preprocess(
  frequencyAsUnit,
  z
    .looseObject({
      exportMode: z
        .enum(['DAILY_FULL_EXPORT', 'FIRST_FULL_THEN_INCREMENTAL'])
        .default('FIRST_FULL_THEN_INCREMENTAL'),
      timeUnit: z
        .string()
        .transform((text) => text.toLowerCase())
        .pipe(z.enum(['minute', 'hour', 'day', 'week', 'month', 'once', 'cron', 'query', 'arrival'])),
      interval: whole.optional(),
      startTime: epochSeconds,
      endTime: epochSeconds.optional(),
      /** Runs of a higher one are begun first; 0 when nothing is said. */
      priority: z.int().min(-10).max(10).optional(),
      /** With `query`: the scheduled query whose runs are followed. */
      queryScheduleId: z.uuid().optional(),
      /** With `arrival`: how long no rows have come before those that have are delivered; 5 when nothing is said. */
      quietMinutes: z.int().min(0).max(1_440).optional(),
      /** Events older than so many days at the tick are not delivered. */
      recordDaysMax: z.int().min(1).max(36_500).optional(),
      /** What the first delivery holds: all rows, or those that have come since the flow was made. */
      startsWith: z.enum(['everything', 'new']).optional(),
      cronExpression: z.string().max(200).optional(),
      /** Whose wall clocks the expression is read by; absent: UTC. */
      timeZone: z.string().max(100).optional(),
      foldernameTemplate: z.string().optional(),
      folderNameTemplate: z.string().optional(),
    })
    .refine(({ timeUnit, interval }) => interval !== undefined || !countedUnits.includes(timeUnit), {
      path: ['interval'],
      error: 'is missing: it says how many of timeUnit lie between two deliveries, and 0 is once',
    })
    .transform(({ folderNameTemplate, foldernameTemplate, interval = 1, ...rest }) => ({
      ...rest,
      interval,
      // Clients of old call a day so.
      ...(rest.timeUnit === 'hour' && interval === 24 ? { timeUnit: 'day' as const, interval: 1 } : {}),
      // Stored is the first spelling alone: who sends the other one means to change it.
      foldernameTemplate: folderNameTemplate ?? foldernameTemplate ?? defaultFolderTemplate,
    })),
)

export type ScheduleParams = z.infer<typeof scheduleParams>

const intervals: Readonly<Record<string, readonly number[]>> = {
  minute: [5, 15, 30],
  hour: [1, 2, 3, 6, 8, 9, 12],
  day: [0, 1],
  week: [1],
  month: [1],
}

/** Undefined: it follows no clock. @throws AppError 'flow.invalid' naming the field */
export function scheduleRuleOf(params: ScheduleParams): ScheduleRule | undefined {
  checkFolderTemplate(params.foldernameTemplate)
  const startAt = new Date(params.startTime * 1000)
  if (params.endTime !== undefined && params.endTime <= params.startTime)
    throw invalid('endTime', `endTime (${params.endTime}) must be after startTime (${params.startTime}).`)
  const limits = {
    startAt,
    ...(params.endTime === undefined ? {} : { endAt: new Date(params.endTime * 1000) }),
  }
  const { timeUnit, interval, timeZone } = params
  if (timeZone !== undefined && timeUnit !== 'cron')
    throw invalid('timeZone', 'goes with timeUnit cron; ticks of others are counted from startTime.')
  const allowed = intervals[timeUnit]
  if (allowed && !allowed.includes(interval)) {
    throw invalid(
      'interval',
      `For timeUnit ${timeUnit} the interval is one of ${allowed.join(', ')}, not ${interval}.`,
    )
  }
  switch (timeUnit) {
    case 'once':
      return { kind: 'once', startAt }
    case 'minute':
      return { kind: 'every', ...limits, everyMs: interval * minuteMs }
    case 'hour':
      return { kind: 'every', ...limits, everyMs: interval * hourMs }
    case 'day':
      return interval === 0 ? { kind: 'once', startAt } : { kind: 'every', ...limits, everyMs: dayMs }
    case 'week':
      return { kind: 'every', ...limits, everyMs: 7 * dayMs }
    case 'month':
      return { kind: 'monthly', ...limits }
    case 'arrival':
      return undefined
    case 'query':
      if (params.queryScheduleId !== undefined) return undefined
      throw invalid('queryScheduleId', 'timeUnit query needs the id of the scheduled query that it follows.')
    case 'cron':
      if (params.cronExpression === undefined)
        throw invalid('cronExpression', 'timeUnit cron needs a cronExpression of five fields.')
      return { kind: 'cron', ...limits, ...checkedCron(params.cronExpression, timeZone) }
    default:
      return unreachable(timeUnit)
  }
}

function checkedCron(expression: string, timeZone: string | undefined) {
  checked('cronExpression', () => parseCron(expression))
  if (timeZone === undefined) return { expression }
  checked('timeZone', () => parseCron(expression, timeZone))
  return { expression, timeZone }
}

function checked(field: string, parse: () => unknown): void {
  try {
    parse()
  } catch (error) {
    if (error instanceof AppError) throw invalid(field, error.message)
    throw error
  }
}

function invalid(field: string, message: string): AppError {
  return new AppError('flow.invalid', `/scheduleParams/${field}: ${message}`, {
    detail: { field: `/scheduleParams/${field}` },
  })
}
