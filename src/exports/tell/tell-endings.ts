import { selectEndingFlows } from '#metadata/export-alerts.ts'
import type { PageStart } from '#metadata/page.ts'
import { type CountdownOptions, tellCountdown } from './tell-countdown.ts'

/** Before a schedule ends. */
const endingDays = [7, 1]

/** Tells of schedules that end in a week, and in a day: once each. See `tellEach`. */
export async function tellEndings(
  options: CountdownOptions,
  start?: PageStart,
): Promise<PageStart | undefined> {
  return await tellCountdown(options, {
    alertType: 'ending',
    days: endingDays,
    select: (range, page) => selectEndingFlows(options.metadata.db, range, page),
    endOf: (flow) => flow.ends_at,
    say: (flow, { at, days }) => ({
      key: `export flow ${flow.id} ending ${at} ${days}`,
      title: `The schedule of the export ${JSON.stringify(flow.name)} ends soon`,
      text: `Its last delivery comes before ${at}. Change its endTime to go on.`,
      detail: { endsAt: at },
    }),
    start,
  })
}
