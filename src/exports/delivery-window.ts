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
  /** Days on which no window begins, as `YYYY-MM-DD`. */
  blackoutDates: z.array(z.iso.date()).max(1_000).default([]),
})

export type DeliveryWindow = z.infer<typeof deliveryWindow>

const minuteMs = 60_000
/** A window that does not open within so long never does. */
const daysAheadMax = 400

/** Undefined: it is open now; else when it opens next. */
export function opensAt(window: DeliveryWindow, now: Date): Date | 'never' | undefined {
  if (isOpenAt(window, now)) return undefined
  const start = localOf(now, window.timeZone)
  for (let ahead = 0; ahead <= daysAheadMax; ahead += 1) {
    const day = addDays(start.date, ahead)
    if (!beginsOn(window, day)) continue
    const at = momentOf(day, window.from, window.timeZone)
    if (at > now) return at
  }
  return 'never'
}

function isOpenAt(window: DeliveryWindow, now: Date): boolean {
  const { date, minutes } = localOf(now, window.timeZone)
  const [from, to] = [minutesOf(window.from), minutesOf(window.to)]
  if (from < to) return beginsOn(window, date) && minutes >= from && minutes < to
  return (beginsOn(window, date) && minutes >= from) || (beginsOn(window, addDays(date, -1)) && minutes < to)
}

function beginsOn({ days: open, blackoutDates }: DeliveryWindow, date: string): boolean {
  const day = days[(new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7]
  return day !== undefined && open.includes(day) && !blackoutDates.includes(date)
}

function localOf(at: Date, timeZone: string): { readonly date: string; readonly minutes: number } {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(at)
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
  return {
    date: `${part('year')}-${part('month')}-${part('day')}`,
    minutes: Number(part('hour')) * 60 + Number(part('minute')),
  }
}

/** The first moment at which clocks there show it; where a change skips it, the moment of the change. */
function momentOf(date: string, text: string, timeZone: string): Date {
  const wanted = minutesOf(text)
  const guess = Date.parse(`${date}T00:00:00Z`) + wanted * minuteMs
  // Clocks of the earth are at most 14 hours ahead and 12 behind.
  for (let at = guess - 14 * 60 * minuteMs; at <= guess + 13 * 60 * minuteMs; at += 15 * minuteMs) {
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
