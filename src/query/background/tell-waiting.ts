import { runOfRow } from '#jobs/run-of-row.ts'
import { selectLateWaitingQueries } from '#metadata/waiting-queries.ts'
import type { QueryServiceOptions } from '../services.ts'
import { taskOf } from './run-task.ts'
import { delayMinutesDefault, tellAlert } from './tell-alert.ts'

const lookEveryMs = 30_000
/** Runs told of in one look. */
const runsMax = 1_000

type Services = Pick<QueryServiceOptions, 'clock' | 'logger' | 'metadata' | 'notify'>

/** Looks again and again for runs that wait for so long that they are late. */
export function startTellingOfWaiting(services: Services): AsyncDisposable {
  const { clock, logger } = services
  const stop = new AbortController()
  const looking = (async () => {
    while (!stop.signal.aborted) {
      await tellWaiting(services).catch((error: unknown) =>
        logger.log('warn', 'query.alert_failed', { error }),
      )
      await clock.sleep(lookEveryMs, stop.signal).catch(() => {}) // Stopped.
    }
  })()
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await looking
    },
  }
}

/** One look: each run is told of once, by whichever node looks first. */
export async function tellWaiting(services: Services): Promise<void> {
  const { clock, logger, metadata, notify } = services
  const late = { now: clock.now(), delayMinutesDefault, isMailing: notify.isMailing }
  for (const row of await selectLateWaitingQueries(metadata.db, late, runsMax)) {
    const run = runOfRow(row)
    try {
      const task = await taskOf(metadata.db, run)
      const event = { type: 'delay', ...task, text: 'It waits for its turn.' } as const
      await metadata.transaction((tx) => tellAlert(services, tx, { run, event }))
    } catch (error) {
      logger.log('warn', 'query.alert_failed', { runId: run.id, error }) // The others are told of all the same.
    }
  }
}
