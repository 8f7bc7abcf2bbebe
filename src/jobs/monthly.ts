const dayMs = 86_400_000

/** So many months after a time, in UTC: a day which the month has not is its last one. */
export function monthsLater(time: Date, months: number): Date {
  const [year, month] = [time.getUTCFullYear(), time.getUTCMonth() + months]
  const dayMax = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  const day = Math.min(time.getUTCDate(), dayMax)
  return new Date(Date.UTC(year, month, day) + (time.getTime() % dayMs))
}

/** `time` is not before `startAt`. */
export function monthlyTickAtOrBefore(startAt: Date, time: Date): Date {
  const months = monthsBetween(startAt, time)
  const tick = monthsLater(startAt, months)
  return tick <= time ? tick : monthsLater(startAt, months - 1)
}

export function monthlyTickAfter(startAt: Date, time: Date): Date {
  if (time < startAt) return startAt
  const months = monthsBetween(startAt, time)
  const tick = monthsLater(startAt, months)
  return tick > time ? tick : monthsLater(startAt, months + 1)
}

function monthsBetween(from: Date, to: Date): number {
  return (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth()
}
