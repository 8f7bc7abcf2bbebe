import { AppError } from '#base/errors.ts'

/** Minutes named by a cron expression, in UTC. */
export interface Cron {
  readonly minutes: ReadonlySet<number>
  readonly hours: ReadonlySet<number>
  readonly days: ReadonlySet<number>
  /** 1 to 12. */
  readonly months: ReadonlySet<number>
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>
  /** As cron has it: when both are restricted, a day that matches either counts. */
  readonly dayRule: 'both' | 'either'
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
 * lists of them.
 * @throws AppError 'request.invalid' naming the field
 */
export function parseCron(expression: string): Cron {
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
  const cron: Cron = {
    minutes: parseField(minute, minuteRule),
    hours: parseField(hour, hourRule),
    days: parseField(day, dayRule),
    months: parseField(month, monthRule),
    weekdays: new Set([...weekdays].map((value) => value % 7)),
    dayRule: day.startsWith('*') || weekday.startsWith('*') ? 'both' : 'either',
  }
  if (cronTickAfter(cron, new Date('2000-01-01T00:00:00Z')) === undefined) {
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
    if (step < 1 || (from > to && from !== rule.max)) throw invalid(item, rule)
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
  for (let day = startOfDay(from), count = 0; count <= daysSearchedMax; day += dayMs, count += 1) {
    if (!matchesDay(cron, new Date(day))) continue
    const tick = minutesOfDay(cron).find((minute) => day + minute * 60_000 >= from)
    if (tick !== undefined) return new Date(day + tick * 60_000)
  }
  return undefined
}

/** The last minute at or before `time`, if there is one not long before `earliest`. */
export function cronTickAtOrBefore(cron: Cron, time: Date, earliest: Date): Date | undefined {
  const to = time.getTime()
  for (let day = startOfDay(to); day >= startOfDay(earliest.getTime()); day -= dayMs) {
    if (!matchesDay(cron, new Date(day))) continue
    const tick = minutesOfDay(cron).findLast((minute) => day + minute * 60_000 <= to)
    if (tick !== undefined) return new Date(day + tick * 60_000)
  }
  return undefined
}

function startOfDay(timeMs: number): number {
  return Math.floor(timeMs / dayMs) * dayMs
}

function minutesOfDay(cron: Cron): number[] {
  return [...cron.hours]
    .flatMap((hour) => [...cron.minutes].map((minute) => hour * 60 + minute))
    .sort((one, other) => one - other)
}

function matchesDay(cron: Cron, day: Date): boolean {
  if (!cron.months.has(day.getUTCMonth() + 1)) return false
  const isDay = cron.days.has(day.getUTCDate())
  const isWeekday = cron.weekdays.has(day.getUTCDay())
  return cron.dayRule === 'either' ? isDay || isWeekday : isDay && isWeekday
}
