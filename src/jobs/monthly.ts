const dayMs = 86_400_000

/** The tick of a month, counted from that of `startAt`: a day which the month has not is its last one. */
function monthlyTick(startAt: Date, months: number): Date {
  const [year, month] = [startAt.getUTCFullYear(), startAt.getUTCMonth() + months]
  const dayMax = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  const day = Math.min(startAt.getUTCDate(), dayMax)
  return new Date(Date.UTC(year, month, day) + (startAt.getTime() % dayMs))
}

/** `time` is not before `startAt`. */
export function monthlyTickAtOrBefore(startAt: Date, time: Date): Date {
  const months = monthsBetween(startAt, time)
  const tick = monthlyTick(startAt, months)
  return tick <= time ? tick : monthlyTick(startAt, months - 1)
}

export function monthlyTickAfter(startAt: Date, time: Date): Date {
  if (time < startAt) return startAt
  const months = monthsBetween(startAt, time)
  const tick = monthlyTick(startAt, months)
  return tick > time ? tick : monthlyTick(startAt, months + 1)
}

function monthsBetween(from: Date, to: Date): number {
  return (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth()
}
