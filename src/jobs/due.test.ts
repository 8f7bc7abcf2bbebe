import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { due, firstTick, tickAfter } from './due.ts'
import type { ScheduleRule } from './jobs.ts'
import { readRule, writeRule } from './schedule-rule.ts'

const at = (text: string) => new Date(text)
const daily: ScheduleRule = { kind: 'every', startAt: at('2026-03-01T02:00:00Z'), everyMs: 86_400_000 }

test('nothing is due before the start', () => {
  expect(
    due({ rule: daily, owedFrom: at('2026-01-01T00:00:00Z') }, at('2026-03-01T01:59:59Z')),
  ).toBeUndefined()
})

test('missed ticks become one, the newest', () => {
  const tick = due({ rule: daily, owedFrom: daily.startAt }, at('2026-03-05T17:00:00Z'))
  expect(tick).toEqual(at('2026-03-05T02:00:00Z'))
  expect(due({ rule: daily, owedFrom: tickAfter(daily, tick!)! }, at('2026-03-05T18:00:00Z'))).toBeUndefined()
})

test('a schedule ends before its end', () => {
  const rule: ScheduleRule = { ...daily, endAt: at('2026-03-03T02:00:00Z') }
  expect(tickAfter(rule, at('2026-03-02T02:00:00Z'))).toBeUndefined()
  expect(due({ rule, owedFrom: rule.startAt }, at('2027-01-01T00:00:00Z'))).toEqual(
    at('2026-03-02T02:00:00Z'),
  )
})

test('what should come once comes at once when its time is past, and never again', () => {
  const rule: ScheduleRule = { kind: 'once', startAt: at('2026-03-01T02:00:00Z') }
  const now = at('2026-04-01T00:00:00Z')
  expect(firstTick(rule, { now, isNew: true })).toEqual(rule.startAt)
  expect(due({ rule, owedFrom: rule.startAt }, now)).toEqual(rule.startAt)
  expect(tickAfter(rule, now)).toBeUndefined()
})

test('what was changed to come once does not come again when its run may be forgotten', () => {
  const rule: ScheduleRule = { kind: 'once', startAt: at('2026-03-01T02:00:00Z') }
  const isNew = false
  expect(firstTick(rule, { now: at('2026-02-01T00:00:00Z'), isNew })).toEqual(rule.startAt)
  expect(firstTick(rule, { now: at('2026-03-08T01:59:59Z'), isNew })).toEqual(rule.startAt)
  expect(firstTick(rule, { now: at('2026-03-08T02:00:00Z'), isNew })).toBeUndefined()
  expect(firstTick(daily, { now: at('2026-04-01T00:00:00Z'), isNew })).toEqual(at('2026-04-01T02:00:00Z'))
})

test('a month that has not the day of a monthly schedule has its tick on its last day', () => {
  const rule: ScheduleRule = { kind: 'monthly', startAt: at('2027-12-31T10:20:30.400Z') }
  const ticks = [rule.startAt]
  while (ticks.length < 6) ticks.push(tickAfter(rule, ticks.at(-1)!)!)
  expect(ticks.map((tick) => tick.toISOString().slice(0, 10))).toEqual([
    '2027-12-31',
    '2028-01-31',
    '2028-02-29',
    '2028-03-31',
    '2028-04-30',
    '2028-05-31',
  ])
  expect(due({ rule, owedFrom: rule.startAt }, at('2028-03-31T10:20:30.399Z'))).toEqual(
    at('2028-02-29T10:20:30.400Z'),
  )
})

const date = (min: string, max: string) =>
  fc.integer({ min: Date.parse(min), max: Date.parse(max) }).map((ms) => new Date(ms))
const rules: fc.Arbitrary<ScheduleRule> = fc.oneof(
  fc.record({ kind: fc.constant('once' as const), startAt: date('2025-01-01', '2026-01-01') }),
  fc.record({
    kind: fc.constant('every' as const),
    startAt: date('2025-01-01', '2026-01-01'),
    everyMs: fc.constantFrom(300_000, 3_600_000, 86_400_000),
  }),
  fc.record({
    kind: fc.constant('monthly' as const),
    startAt: date('2024-01-25', '2024-04-02'),
    endAt: date('2025-06-01', '2026-06-01'),
  }),
  fc.record({
    kind: fc.constant('cron' as const),
    startAt: date('2025-01-01', '2026-01-01'),
    expression: fc.constantFrom('*/7 * * * *', '0 4 * * 1', '30 2 1 * *'),
    endAt: date('2025-06-01', '2026-06-01'),
  }),
)

test('however often one looks, each tick is due once and none is passed over', () => {
  fc.assert(
    fc.property(
      rules,
      fc.array(fc.integer({ min: 1, max: 40 * 86_400_000 }), { maxLength: 30 }),
      (rule, spans) => {
        let now = at('2025-01-01T00:00:00Z')
        let owedFrom = firstTick(rule, { now, isNew: true })
        const seen: Date[] = []
        for (const span of spans) {
          now = new Date(now.getTime() + span)
          const expected = owedFrom !== undefined && owedFrom <= now
          const tick = owedFrom && due({ rule, owedFrom }, now)
          expect(tick !== undefined).toBe(expected)
          if (!tick) continue
          expect(tick <= now).toBe(true)
          expect(seen.every((earlier) => earlier < tick)).toBe(true)
          seen.push(tick)
          owedFrom = tickAfter(rule, now)
          expect(owedFrom === undefined || owedFrom > now).toBe(true)
        }
      },
    ),
  )
})

test('a rule survives being stored', () => {
  fc.assert(
    fc.property(rules, (rule) => {
      expect(readRule(JSON.parse(writeRule(rule)))).toEqual(rule)
    }),
  )
})

test.each([-1e15, 8.64e15])('a rule that starts at %d is read back as it was written', (startMs) => {
  const rule: ScheduleRule = { ...daily, startAt: new Date(startMs), endAt: new Date(8.64e15) }
  expect(readRule(JSON.parse(writeRule(rule)))).toEqual(rule)
})
