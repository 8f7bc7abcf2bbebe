import { expect, test } from 'vitest'
import type { ScheduleRule } from '#jobs/jobs.ts'
import { overlapOf } from './overlap.ts'

const startAt = new Date('2026-03-01T00:00:00Z')
const now = new Date('2026-03-01T00:00:00Z')
const hourMs = 3_600_000

function cron(expression: string): ScheduleRule {
  return { kind: 'cron', startAt, expression }
}

function daily(time: string): ScheduleRule {
  return { kind: 'every', startAt: new Date(`2026-03-01T${time}:00Z`), everyMs: 24 * hourMs }
}

test.each([
  ['an hour after a query of two hours', daily('02:00'), 2 * hourMs, daily('03:00'), 'during'],
  ['with the query', daily('02:00'), 1_000, daily('02:00'), 'during'],
  ['a while after the query', daily('02:00'), 2 * hourMs, daily('05:00'), undefined],
  ['an hour before the query', daily('02:00'), 60_000, daily('01:00'), 'before'],
  ['ten minutes after one of which nothing is known', daily('02:00'), undefined, daily('02:10'), 'during'],
  ['an hour after one of which nothing is known', daily('02:00'), undefined, daily('03:00'), undefined],
  [
    'every hour, a query of ten minutes once a day',
    cron('30 2 * * *'),
    600_000,
    cron('0 * * * *'),
    undefined,
  ],
  [
    'every hour, a query of two hours once a day',
    cron('30 2 * * *'),
    2 * hourMs,
    cron('0 * * * *'),
    'during',
  ],
  ['once a day, a query of a minute every hour', cron('0 * * * *'), 60_000, cron('20 4 * * *'), undefined],
  [
    'once a day, a query of ten minutes every minute',
    cron('* * * * *'),
    600_000,
    cron('0 0 * * *'),
    'during',
  ],
  [
    'once a week, shortly before the query of that day',
    cron('0 8 * * *'),
    60_000,
    cron('0 7 * * 1'),
    'before',
  ],
])('an export %s: %s', (_what, rule, longestMs, exported, kind) => {
  expect(overlapOf(exported, { rule, longestMs }, now)?.kind).toBe(kind)
})

test('what is said names both moments', () => {
  expect(overlapOf(daily('01:00'), { rule: daily('02:00'), longestMs: 60_000 }, now)).toEqual({
    kind: 'before',
    exportAt: new Date('2026-03-02T01:00:00Z'),
    queryAt: new Date('2026-03-02T02:00:00Z'),
  })
})
