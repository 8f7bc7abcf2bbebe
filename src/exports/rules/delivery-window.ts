import { z } from 'zod'

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'is a time like 08:30')
const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** When deliveries may be made, in local time: across a change to summer time too. */
export const deliveryWindow = z.strictObject({
  days: z.array(z.enum(days)).min(1),
  from: time,
  /** Not after `from`: it ends on the next day. */
  to: time,
  timeZone: z.string().refine(isTimeZone, { error: 'is a time zone like Europe/Berlin' }),
  /** Days on which it is closed, and on which none begins that goes on into the next day, as `YYYY-MM-DD`. */
  blackoutDates: z.array(z.iso.date()).max(1_000).default([]),
  /** By when what was due must be delivered; absent: by the end. Not after `from`: on the next day. */
  latestFinish: time.optional(),
  /** So many deliveries that the rule is of at a time. */
  parallelRunsMax: z.int().min(1).max(100).optional(),
  /**
   * What becomes of a delivery that is under way when it closes: it goes on; it is laid aside and done when it opens
   * again; it fails. What is sealed by then is published.
   */
  onClose: z.enum(['finish', 'pause', 'fail']).default('finish'),
})

export type DeliveryWindow = z.infer<typeof deliveryWindow>

const minuteMs = 60_000
/** A window that does not open within so long never does. */
const daysAheadMax = 400
/** One that stays open for so long is not waited for: no attempt lasts as long. */
const openDaysMax = 3

/** Undefined: it is open now; else when it opens next. */
export function opensAt(window: DeliveryWindow, now: Date): Date | 'never' | undefined {
  if (isOpenAt(window, now)) return undefined
  const start = localOf(now, window.timeZone)
  for (let ahead = 0; ahead <= daysAheadMax; ahead += 1) {
    const day = addDays(start.date, ahead)
    if (!beginsOn(window, day)) continue
    const first = momentOf(day, window.from, window.timeZone)
    // One that a change of the clocks skips whole does not open on that day, and one that they show twice does so twice.
    for (const at of [first, new Date(first.getTime() + 60 * minuteMs)]) {
      if (at > now && isOpenAt(window, at)) return at
    }
  }
  return 'never'
}

/** When one that is open now closes; undefined: not in the next days. */
export function closesAt(window: DeliveryWindow, now: Date): Date | undefined {
  const { date } = localOf(now, window.timeZone)
  for (let ahead = -1; ahead <= openDaysMax; ahead += 1) {
    const day = addDays(date, ahead)
    if (!beginsOn(window, day)) continue
    const end = momentAfterOpening(window, day, window.to)
    const midnight = momentOf(addDays(day, 1), '00:00', window.timeZone)
    // Clocks that are set back show the end a second time, and the window is open again before that.
    for (const at of [midnight, end, new Date(end.getTime() + 60 * minuteMs)]) {
      const closes = isOpenAt(window, new Date(at.getTime() - minuteMs)) && !isOpenAt(window, at)
      if (at > now && closes) return at
    }
  }
  return undefined
}

/** By when something that became due then must be delivered; undefined: the window does not open any more. */
export function latestFinishAfter(window: DeliveryWindow, due: Date): Date | undefined {
  const { date } = localOf(due, window.timeZone)
  for (let ahead = -1; ahead <= daysAheadMax; ahead += 1) {
    const day = addDays(date, ahead)
    if (!beginsOn(window, day)) continue
    const finish = momentAfterOpening(window, day, window.latestFinish ?? window.to)
    const midnight = momentOf(addDays(day, 1), '00:00', window.timeZone)
    const at = isBlack(window, addDays(day, 1)) && midnight < finish ? midnight : finish
    if (at > due) return at
  }
  return undefined
}

/** When clocks first show it after the window of a day has opened. */
function momentAfterOpening({ from, timeZone }: DeliveryWindow, day: string, text: string): Date {
  return momentOf(minutesOf(text) > minutesOf(from) ? day : addDays(day, 1), text, timeZone)
}

function isOpenAt(window: DeliveryWindow, now: Date): boolean {
  const { date, minutes } = localOf(now, window.timeZone)
  const [from, to] = [minutesOf(window.from), minutesOf(window.to)]
  if (isBlack(window, date)) return false
  if (from < to) return beginsOn(window, date) && minutes >= from && minutes < to
  return (beginsOn(window, date) && minutes >= from) || (beginsOn(window, addDays(date, -1)) && minutes < to)
}

function isBlack({ blackoutDates }: DeliveryWindow, date: string): boolean {
  return blackoutDates.includes(date)
}

function beginsOn(window: DeliveryWindow, date: string): boolean {
  const day = days[(new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7]
  return day !== undefined && window.days.includes(day) && !isBlack(window, date)
}

function localOf(at: Date, timeZone: string): { readonly date: string; readonly minutes: number } {
  const parts = clockOf(timeZone).formatToParts(at)
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
  return {
    date: `${part('year')}-${part('month')}-${part('day')}`,
    minutes: Number(part('hour')) * 60 + Number(part('minute')),
  }
}

/** To make one takes much longer than to use it. */
const clocks = new Map<string, Intl.DateTimeFormat>()
const clocksMax = 1_000

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  if (clocks.size >= clocksMax) clocks.clear()
  clocks.set(timeZone, made)
  return made
}

/** The first moment at which clocks there show it; where a change skips it, the moment of the change. */
function momentOf(date: string, text: string, timeZone: string): Date {
  const wanted = minutesOf(text)
  const guess = Date.parse(`${date}T00:00:00Z`) + wanted * minuteMs
  // Clocks of the earth are at most 14 hours ahead and 12 behind, and are set at quarters of an hour.
  const first = Math.floor(guess / (15 * minuteMs) - 14 * 4) * 15 * minuteMs
  for (let at = first; at <= guess + 13 * 60 * minuteMs; at += 15 * minuteMs) {
    const local = localOf(new Date(at), timeZone)
    const isThere = local.date > date || (local.date === date && local.minutes >= wanted)
    if (!isThere) continue
    const overMs = local.date === date ? Math.min(15, local.minutes - wanted) * minuteMs : 0
    const exact = new Date(at - overMs)
    const shown = localOf(exact, timeZone)
    return shown.date === date && shown.minutes === wanted ? exact : new Date(at)
  }
  return new Date(guess)
}

function minutesOf(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
}

function addDays(date: string, count: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10)
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
