const dayMs = 86_400_000
/** The second batch. */
const lastWeeksDays = 21

/** Days are `YYYY-MM-DD` in UTC. */
export interface DemoPlan {
  /** Added to every time. */
  readonly shiftDays: number
  readonly firstDay: string
  /** First day of the second batch. */
  readonly boundaryDay: string
  /** Last day of the events: the day before the plan was made. */
  readonly lastDay: string
  /** The day after it. */
  readonly endDay: string
}

/** Moves events by whole days so that the newest lies on the day before today; the last three weeks come second. */
export function planDemo(
  events: { readonly oldestAt: Date; readonly newestAt: Date },
  today: Date,
): DemoPlan {
  const shiftDays = dayOf(today) - 1 - dayOf(events.newestAt)
  const lastDay = dayOf(today) - 1
  return {
    shiftDays,
    firstDay: dayText(dayOf(events.oldestAt) + shiftDays),
    boundaryDay: dayText(lastDay - lastWeeksDays + 1),
    lastDay: dayText(lastDay),
    endDay: dayText(lastDay + 1),
  }
}

/** Some days before a day. */
export function daysBefore(day: string, count: number): string {
  return dayText(dayOf(new Date(`${day}T00:00:00Z`)) - count)
}

const dayOf = (at: Date) => Math.floor(at.getTime() / dayMs)
const dayText = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10)
