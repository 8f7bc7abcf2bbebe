import { type DeliveryWindow, latestFinishAfter } from './delivery-window.ts'

const minuteMs = 60_000

/**
 * As `latestFinishAfter`, for many moments, best in their order: what was found for one is that of all from it to the
 * finish itself.
 */
export function latestFinishesOf(window: DeliveryWindow): (due: Date) => Date | undefined {
  let known: { readonly from: Date; readonly until: Date; readonly finish: Date | undefined } | undefined
  return (due) => {
    if (!known || due < known.from || due >= known.until) {
      const finish = latestFinishAfter(window, due)
      // How far ahead is looked moves on by days, which begin with a minute.
      const until = finish ?? new Date((Math.floor(due.getTime() / minuteMs) + 1) * minuteMs)
      known = { from: due, until, finish }
    }
    return known.finish
  }
}
