import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { type Cron, cronTickAfter, cronTickAtOrBefore, parseCron } from './cron.ts'

const after = (expression: string, time: string) =>
  cronTickAfter(parseCron(expression), new Date(time))?.toISOString()

test.each([
  ['*/15 * * * *', '2026-03-01T00:15:00Z', '2026-03-01T00:30:00.000Z'],
  ['0 3 * * *', '2026-03-01T03:00:00Z', '2026-03-02T03:00:00.000Z'],
  ['30 6 * * MON-FRI', '2026-07-31T06:30:00Z', '2026-08-03T06:30:00.000Z'],
  ['0 0 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
  ['0 0 29 feb *', '2096-03-01T00:00:00Z', '2104-02-29T00:00:00.000Z'],
  ['0 0 * * 7', '2026-07-31T00:00:00Z', '2026-08-02T00:00:00.000Z'],
  ['0 0 13 * FRI', '2026-07-31T00:00:00Z', '2026-08-07T00:00:00.000Z'],
  ['5,35 8-10/2 1 jan,jul *', '2026-01-01T08:35:00Z', '2026-01-01T10:05:00.000Z'],
  ['5/20 * * * *', '2026-01-01T08:25:00Z', '2026-01-01T08:45:00.000Z'],
  ['0 0 14 1 */7', '2007-01-14T00:00:00Z', '2018-01-14T00:00:00.000Z'],
  ['0 0 * * 7/2', '2026-07-31T00:00:00Z', '2026-08-02T00:00:00.000Z'],
  ['0 0 29 2 */7', '2088-02-29T00:00:00Z', '2128-02-29T00:00:00.000Z'],
])('%s after %s is %s', (expression, time, tick) => {
  expect(after(expression, time)).toBe(tick)
})

test.each([
  '',
  '* * * *',
  '* * * * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '* * * * 8',
  '*/0 * * * *',
  '5-1 * * * *',
  '59-3 * * * *',
  '0 23-3 * * *',
  '0 0 31-2 * *',
  '0 0 * dec-feb *',
  '0 0 * * 7-2',
  'x * * * *',
  '1,,2 * * * *',
  '-1 * * * *',
  '0 0 30 2 *',
])('%j is refused and the message says why', (expression) => {
  expect(() => parseCron(expression)).toThrow(/cron expression/)
})

const part = (min: number, max: number) =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min, max }).map(String),
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
      .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.integer({ min: 1, max: max + 1 }).map((step) => `*/${step}`),
  )
// Days up to 28, so that every expression comes in every month it names.
const expressions = fc
  .tuple(part(0, 59), part(0, 23), part(1, 28), part(1, 12), part(0, 6))
  .map((fields) => fields.join(' '))
  .filter((text) => isPossible(text))
const times = fc.integer({ min: Date.UTC(1999, 0), max: Date.UTC(2099, 0) }).map((ms) => new Date(ms))

function isPossible(text: string): boolean {
  try {
    return parseCron(text).minutes.size > 0
  } catch {
    return false
  }
}

/** The definition, minute by minute. */
function matches(cron: Cron, time: Date): boolean {
  const isDay = cron.days.has(time.getUTCDate())
  const isWeekday = cron.weekdays.has(time.getUTCDay())
  return (
    cron.minutes.has(time.getUTCMinutes()) &&
    cron.hours.has(time.getUTCHours()) &&
    cron.months.has(time.getUTCMonth() + 1) &&
    (cron.dayRule === 'either' ? isDay || isWeekday : isDay && isWeekday)
  )
}

test('the next tick matches, and no minute between does', () => {
  fc.assert(
    fc.property(
      expressions,
      times,
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      (text, time, picks) => {
        const cron = parseCron(text)
        const tick = cronTickAfter(cron, time)
        if (!tick) throw new Error(`${text} never comes after ${time.toISOString()}`)
        expect(tick > time).toBe(true)
        expect(matches(cron, tick)).toBe(true)
        const firstMinute = Math.floor(time.getTime() / 60_000) + 1
        const between = tick.getTime() / 60_000 - firstMinute
        const minutes =
          between <= 3_000
            ? Array.from({ length: between }, (_, index) => firstMinute + index)
            : Array.from(picks.take(500), (pick) => firstMinute + Math.floor(pick * (between - 1)))
        for (const minute of minutes) expect(matches(cron, new Date(minute * 60_000))).toBe(false)
      },
    ),
    { numRuns: 200 },
  )
})

test('looking back from a tick, or from before the next, finds that tick', () => {
  fc.assert(
    fc.property(expressions, times, (text, time) => {
      const cron = parseCron(text)
      const tick = cronTickAfter(cron, time)!
      const next = cronTickAfter(cron, tick)!
      expect(cronTickAtOrBefore(cron, tick, time)).toEqual(tick)
      expect(cronTickAtOrBefore(cron, new Date(next.getTime() - 1), time)).toEqual(tick)
    }),
    { numRuns: 200 },
  )
})

const ticksFrom = (expression: string, zone: string, from: string, count: number): string[] => {
  const cron = parseCron(expression, zone)
  const ticks: string[] = []
  for (let time = new Date(from); ticks.length < count;) {
    time = cronTickAfter(cron, time) ?? new Date(Number.NaN)
    ticks.push(time.toISOString().slice(0, 16))
  }
  return ticks
}

test.each([
  // Paris puts its clocks forward on 29 March 2026 at 02:00: 02:30 is shown by none, and the day still has its run.
  [
    '30 2 * * *',
    'Europe/Paris',
    '2026-03-27T12:00Z',
    ['2026-03-28T01:30', '2026-03-29T01:30', '2026-03-30T00:30'],
  ],
  // It puts them back on 25 October at 03:00: 02:30 is shown twice, and the day still has one run.
  [
    '30 2 * * *',
    'Europe/Paris',
    '2026-10-24T12:00Z',
    ['2026-10-25T00:30', '2026-10-26T01:30', '2026-10-27T01:30'],
  ],
  // Who runs every hour or half an hour goes by real time through both.
  [
    '0 * * * *',
    'Europe/Paris',
    '2026-03-29T00:00Z',
    ['2026-03-29T01:00', '2026-03-29T02:00', '2026-03-29T03:00'],
  ],
  [
    '30 * * * *',
    'Europe/Paris',
    '2026-10-24T23:45Z',
    ['2026-10-25T00:30', '2026-10-25T01:30', '2026-10-25T02:30'],
  ],
  // Lord Howe moves by half an hour, Kathmandu is a quarter off.
  [
    '15 2 * * *',
    'Australia/Lord_Howe',
    '2026-10-02T20:00Z',
    ['2026-10-03T15:45', '2026-10-04T15:15', '2026-10-05T15:15'],
  ],
  ['0 0 * * *', 'Asia/Kathmandu', '2026-01-01T00:00Z', ['2026-01-01T18:15', '2026-01-02T18:15']],
  // Month ends by name, in leap years and in a place that is already in the next month.
  [
    '0 0 L * *',
    'UTC',
    '2028-01-15T00:00Z',
    ['2028-01-31T00:00', '2028-02-29T00:00', '2028-03-31T00:00', '2028-04-30T00:00'],
  ],
  [
    '0 6 L 2 *',
    'Pacific/Auckland',
    '2026-01-01T00:00Z',
    ['2026-02-27T17:00', '2027-02-27T17:00', '2028-02-28T17:00'],
  ],
  ['0 0 31 * *', 'UTC', '2026-01-31T00:00Z', ['2026-03-31T00:00', '2026-05-31T00:00']],
])('%s in %s after %s comes at %j', (expression, zone, from, ticks) => {
  expect(ticksFrom(expression, zone, from, ticks.length)).toEqual(ticks)
})

test('in every zone, looking back finds the ticks that looking forward names, each once', () => {
  const zones = fc.constantFrom(
    'Europe/Paris',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'America/Santiago',
  )
  const expressions = fc.constantFrom('30 2 * * *', '*/20 * * * *', '0 0 L * *', '15 1,2,3 * * 0')
  const times = fc.integer({ min: Date.parse('2025-01-01'), max: Date.parse('2027-01-01') })
  fc.assert(
    fc.property(zones, expressions, times, (zone, expression, ms) => {
      const cron = parseCron(expression, zone)
      const next = cronTickAfter(cron, new Date(ms))!
      expect(next.getTime()).toBeGreaterThan(ms)
      expect(cronTickAtOrBefore(cron, next, new Date(ms))).toEqual(next)
      expect(
        cronTickAtOrBefore(cron, new Date(next.getTime() - 60_000), new Date(0))!.getTime(),
      ).toBeLessThanOrEqual(ms)
    }),
    { numRuns: 200 },
  )
})

test('a time zone that is none is refused by name', () => {
  expect(() => parseCron('0 0 * * *', 'Mars/Olympus')).toThrow(/"Mars\/Olympus" is no time zone/)
})
