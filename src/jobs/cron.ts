import { AppError } from '#base/errors.ts'
import { type Zone, zoneOf } from './zone.ts'

/** Minutes named by a cron expression, on the wall clocks of a time zone. */
export interface Cron {
  readonly minutes: ReadonlySet<number>
  readonly hours: ReadonlySet<number>
  readonly days: ReadonlySet<number>
  /** `L`: the last day of the month, whatever its number. */
  readonly isLastDay: boolean
  /** 1 to 12. */
  readonly months: ReadonlySet<number>
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>
  /** As cron has it: when both are restricted, a day that matches either counts. */
  readonly dayRule: 'both' | 'either'
  readonly zone: Zone
}

interface FieldRule {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly names?: readonly string[]
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const weekdayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const minuteRule: FieldRule = { name: 'minute', min: 0, max: 59 }
const hourRule: FieldRule = { name: 'hour', min: 0, max: 23 }
const dayRule: FieldRule = { name: 'day of month', min: 1, max: 31 }
const monthRule: FieldRule = { name: 'month', min: 1, max: 12, names: monthNames }
/** 7 is Sunday too. */
const weekdayRule: FieldRule = { name: 'day of week', min: 0, max: 7, names: weekdayNames }

const dayMs = 86_400_000
/** From one 29 February on a Sunday to the next are at most forty years; whatever has no match in more has none. */
const daysSearchedMax = 366 * 41

/**
 * Five fields: minute, hour, day of month, month, day of week; each `*`, a number or name, `a-b`, with `/step`, and
 * lists of them. The day of month may also be `L`, the last one.
 * @throws AppError 'request.invalid' naming the field
 */
export function parseCron(expression: string, timeZone = 'UTC'): Cron {
  const fields = expression.trim().split(/\s+/)
  const [minute, hour, day, month, weekday] = fields
  if (
    fields.length !== 5 ||
    minute === undefined ||
    hour === undefined ||
    day === undefined ||
    month === undefined ||
    weekday === undefined
  ) {
    throw new AppError(
      'request.invalid',
      `A cron expression has 5 fields (minute hour day month weekday); ${JSON.stringify(expression.slice(0, 80))} has ${expression.trim() === '' ? 0 : fields.length}.`,
    )
  }
  const weekdays = parseField(weekday, weekdayRule)
  const days = day.split(',')
  const numbered = days.filter((item) => item.toUpperCase() !== 'L')
  const cron: Cron = {
    minutes: parseField(minute, minuteRule),
    hours: parseField(hour, hourRule),
    days: numbered.length === 0 ? new Set() : parseField(numbered.join(','), dayRule),
    isLastDay: numbered.length < days.length,
    months: parseField(month, monthRule),
    weekdays: new Set([...weekdays].map((value) => value % 7)),
    dayRule: day.startsWith('*') || weekday.startsWith('*') ? 'both' : 'either',
    zone: zoneOf(timeZone),
  }
  // Clocks move a tick and never take one away.
  const inUtc = { ...cron, zone: zoneOf('UTC') }
  if (cronTickAfter(inUtc, new Date('2000-01-01T00:00:00Z')) === undefined) {
    throw new AppError('request.invalid', `The cron expression ${JSON.stringify(expression)} never comes.`)
  }
  return cron
}

function parseField(text: string, rule: FieldRule): Set<number> {
  const values = new Set<number>()
  for (const item of text.split(',')) {
    const match = /^(?:\*|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:\/(\d{1,4}))?$/i.exec(item)
    if (!match) throw invalid(item, rule)
    const [, first, last, stepText] = match
    const step = stepText === undefined ? 1 : Number(stepText)
    const from = first === undefined ? rule.min : parseValue(first, rule)
    const open = first === undefined || (last === undefined && stepText !== undefined)
    const lastOfAll = rule === weekdayRule ? 6 : rule.max
    const to = open ? lastOfAll : last === undefined ? from : parseValue(last, rule)
    // Of 7, which is Sunday, an open range begins behind its end.
    if (step < 1 || (from > to && !open)) throw invalid(item, rule)
    for (let value = from; value <= Math.max(from, to); value += step) values.add(value)
  }
  return values
}

function parseValue(text: string, rule: FieldRule): number {
  const named = rule.names?.indexOf(text.toLowerCase()) ?? -1
  if (named >= 0) return named + rule.min
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= rule.min && value <= rule.max)) throw invalid(text, rule)
  return value
}

function invalid(item: string, rule: FieldRule): AppError {
  return new AppError(
    'request.invalid',
    `In a cron expression the ${rule.name} is *, a number from ${rule.min} to ${rule.max}, a range or a list of them, with an optional /step; ${JSON.stringify(item.slice(0, 40))} is not.`,
  )
}

/** The first minute after `time`. */
export function cronTickAfter(cron: Cron, time: Date): Date | undefined {
  const from = Math.floor(time.getTime() / 60_000) * 60_000 + 60_000
  // The day before, too: what clocks jumped over comes later than its day says.
  const firstDay = startOfDay(cron.zone.civil(from)) - dayMs
  for (let day = firstDay, count = 0; count <= daysSearchedMax; day += dayMs, count += 1) {
    if (!matchesDay(cron, new Date(day))) continue
    const tick = ticksOfDay(cron, day).find((instant) => instant >= from)
    if (tick !== undefined) return new Date(tick)
  }
  return undefined
}

/** The last minute at or before `time`, if there is one not long before `earliest`. */
export function cronTickAtOrBefore(cron: Cron, time: Date, earliest: Date): Date | undefined {
  const to = time.getTime()
  const lastDay = startOfDay(cron.zone.civil(earliest.getTime())) - dayMs
  for (let day = startOfDay(cron.zone.civil(to)); day >= lastDay; day -= dayMs) {
    if (!matchesDay(cron, new Date(day))) continue
    const tick = ticksOfDay(cron, day).findLast((instant) => instant <= to)
    if (tick !== undefined) return new Date(tick)
  }
  return undefined
}

function startOfDay(timeMs: number): number {
  return Math.floor(timeMs / dayMs) * dayMs
}

/**
 * The instants of a civil day, in order. Of an hour that comes twice the first one counts, and what falls into an hour
 * that is left out comes after the leap, so that a daily run comes once a day; who asks for every hour goes by real time.
 */
function ticksOfDay(cron: Cron, day: number): number[] {
  const { zone } = cron
  const minutes = [...cron.hours].flatMap((hour) => [...cron.minutes].map((minute) => hour * 60 + minute))
  const offset = zone.civil(day - dayMs) - (day - dayMs)
  const isEven = zone.civil(day + 2 * dayMs) - (day + 2 * dayMs) === offset
  // No clocks change near: all the day has one offset.
  if (isEven) return minutes.map((minute) => day + minute * 60_000 - offset).sort((one, other) => one - other)
  const isHourly = cron.hours.size === 24
  const instants = minutes.flatMap((minute): readonly number[] => {
    const civil = day + minute * 60_000
    const there = zone.instants(civil)
    if (isHourly) return there
    return there.length === 0 ? [zone.shifted(civil)] : there.slice(0, 1)
  })
  return [...new Set(instants)].sort((one, other) => one - other)
}

function matchesDay(cron: Cron, day: Date): boolean {
  if (!cron.months.has(day.getUTCMonth() + 1)) return false
  const isLast = cron.isLastDay && new Date(day.getTime() + dayMs).getUTCDate() === 1
  const isDay = isLast || cron.days.has(day.getUTCDate())
  const isWeekday = cron.weekdays.has(day.getUTCDay())
  return cron.dayRule === 'either' ? isDay || isWeekday : isDay && isWeekday
}
