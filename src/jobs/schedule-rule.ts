import { z } from 'zod'
import type { ScheduleRule } from './jobs.ts'

/** Also of years beyond four digits: a rule that cannot be read would hold up those of all others. */
const at = z.coerce.date()

/** A rule as it is stored: JSON, times as ISO 8601. */
const storedRule = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('once'), startAt: at }),
  z.object({
    kind: z.literal('every'),
    startAt: at,
    everyMs: z.int().positive(),
    endAt: at.optional(),
  }),
  z.object({ kind: z.literal('monthly'), startAt: at, endAt: at.optional() }),
  z.object({
    kind: z.literal('cron'),
    startAt: at,
    expression: z.string(),
    timeZone: z.string().optional(),
    endAt: at.optional(),
  }),
])

export function readRule(stored: unknown): ScheduleRule {
  const rule = storedRule.parse(stored)
  if (rule.kind === 'once') return rule
  const end = rule.endAt ? { endAt: rule.endAt } : {}
  if (rule.kind === 'every') {
    const { kind, startAt, everyMs } = rule
    return { kind, startAt, everyMs, ...end }
  }
  if (rule.kind === 'monthly') return { kind: rule.kind, startAt: rule.startAt, ...end }
  const { kind, startAt, expression, timeZone } = rule
  return { kind, startAt, expression, ...(timeZone === undefined ? {} : { timeZone }), ...end }
}

/** The same rule is always the same text. */
export function writeRule(rule: ScheduleRule): string {
  return JSON.stringify(storedForm(rule))
}

function storedForm(rule: ScheduleRule): Record<string, unknown> {
  const startAt = rule.startAt.toISOString()
  if (rule.kind === 'once') return { kind: rule.kind, startAt }
  const endAt = rule.endAt ? { endAt: rule.endAt.toISOString() } : {}
  if (rule.kind === 'monthly') return { kind: rule.kind, startAt, ...endAt }
  return rule.kind === 'every'
    ? { kind: rule.kind, startAt, everyMs: rule.everyMs, ...endAt }
    : {
        kind: rule.kind,
        startAt,
        expression: rule.expression,
        ...(rule.timeZone === undefined ? {} : { timeZone: rule.timeZone }),
        ...endAt,
      }
}
