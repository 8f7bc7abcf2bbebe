import { unreachable } from '#base/assert.ts'
import { runsKeptMsMin } from '#base/runs-kept.ts'
import { cronTickAfter, cronTickAtOrBefore, parseCron } from './cron.ts'
import type { ScheduleRule } from './jobs.ts'
import { monthlyTickAfter, monthlyTickAtOrBefore } from './monthly.ts'

/**
 * The newest tick at or before `now` among those from `owedFrom` on, if there is one: however many were missed, they
 * are one.
 */
export function due(
  schedule: { readonly rule: ScheduleRule; readonly owedFrom: Date },
  now: Date,
): Date | undefined {
  const { rule, owedFrom } = schedule
  const lastMs =
    rule.kind !== 'once' && rule.endAt ? Math.min(now.getTime(), rule.endAt.getTime() - 1) : now.getTime()
  const tick = tickAtOrBefore(rule, new Date(lastMs))
  return tick && tick >= owedFrom ? tick : undefined
}

function tickAtOrBefore(rule: ScheduleRule, time: Date): Date | undefined {
  if (time < rule.startAt) return undefined
  switch (rule.kind) {
    case 'once':
      return rule.startAt
    case 'every': {
      const startMs = rule.startAt.getTime()
      return new Date(startMs + Math.floor((time.getTime() - startMs) / rule.everyMs) * rule.everyMs)
    }
    case 'monthly':
      return monthlyTickAtOrBefore(rule.startAt, time)
    case 'cron': {
      const tick = cronTickAtOrBefore(parseCron(rule.expression, rule.timeZone), time, rule.startAt)
      return tick && tick >= rule.startAt ? tick : undefined
    }
    default:
      return unreachable(rule)
  }
}

/** The first tick after `time`; undefined when there is none any more. */
export function tickAfter(rule: ScheduleRule, time: Date): Date | undefined {
  const tick = unlimitedTickAfter(rule, time)
  return tick && rule.kind !== 'once' && rule.endAt && tick >= rule.endAt ? undefined : tick
}

function unlimitedTickAfter(rule: ScheduleRule, time: Date): Date | undefined {
  switch (rule.kind) {
    case 'once':
      return rule.startAt > time ? rule.startAt : undefined
    case 'every': {
      if (time < rule.startAt) return rule.startAt
      const startMs = rule.startAt.getTime()
      return new Date(startMs + (Math.floor((time.getTime() - startMs) / rule.everyMs) + 1) * rule.everyMs)
    }
    case 'monthly':
      return monthlyTickAfter(rule.startAt, time)
    case 'cron': {
      const beforeStart = new Date(rule.startAt.getTime() - 1)
      return cronTickAfter(parseCron(rule.expression, rule.timeZone), time < beforeStart ? beforeStart : time)
    }
    default:
      return unreachable(rule)
  }
}

/** A client's "now" is some moments old when its request comes. */
const justPassedMs = 60_000

/**
 * The first tick of a schedule made at `now`, or changed then to another rule. What should come once comes at once when
 * its time is past, and what should come again and again when its start has just passed; a schedule that is changed may
 * have had that run before, and where nobody need remember it by now it does not come again.
 */
export function firstTick(
  rule: ScheduleRule,
  { now, isNew }: { readonly now: Date; readonly isNew: boolean },
): Date | undefined {
  const agoMs = now.getTime() - rule.startAt.getTime()
  if (rule.kind !== 'once') {
    // Of a cron expression the start is no tick.
    const isNowMeant = isNew && rule.kind !== 'cron' && agoMs >= 0 && agoMs < justPassedMs
    return tickAfter(rule, new Date((isNowMeant ? rule.startAt : now).getTime() - 1))
  }
  const isRemembered = agoMs < runsKeptMsMin
  return isNew || isRemembered ? rule.startAt : undefined
}
