import { selectExpiringFlows } from '#metadata/export-alerts.ts'
import type { PageStart } from '#metadata/page.ts'
import { type CountdownOptions, tellCountdown } from './tell-countdown.ts'

/** Before they end, and when they have. */
const toldDays = [7, 1, 0]
/** Of those that ended longer ago it was told, or nobody wanted to hear of it. */
const pastMs = 7 * 86_400_000

/**
 * Tells of credentials that end in a week, in a day, and have ended: once each for every flow that logs in by them. See
 * `tellEach`.
 */
export async function tellExpiring(
  options: CountdownOptions,
  start?: PageStart,
): Promise<PageStart | undefined> {
  return await tellCountdown(options, {
    alertType: 'expiring',
    days: toldDays,
    pastMs,
    select: (range, page) => selectExpiringFlows(options.metadata.db, range, page),
    endOf: (flow) => flow.expires_at,
    say: (flow, { at, days }) => {
      const what = `The credentials of the export ${JSON.stringify(flow.name)}`
      return {
        key: `export flow ${flow.id} credentials ${flow.connection_id} ${at} ${days}`,
        title: days === 0 ? `${what} have expired` : `${what} expire soon`,
        text: `Those of the connection ${JSON.stringify(flow.connection_name)} are good until ${at}. Give it new ones: PATCH /auth/params.`,
        detail: { connectionId: flow.connection_id, expiresAt: at },
      }
    },
    start,
  })
}
