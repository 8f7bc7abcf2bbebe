import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Config } from '#config/config.ts'
import type { Exports } from '#exports/exports.ts'
import type { LandingBucket } from '#exports/landing/landing-in-bucket.ts'
import { sweepLanding } from '#exports/landing/landing-sweep.ts'
import { forgetRuns } from '#jobs/forget-runs.ts'
import type { Ingest } from '#ingest/ingest.ts'
import type { Lake } from '#lake/lake.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { QueryService } from '#query/query.ts'

/** How often files of writers that are gone are looked for. */
const sweepEveryMs = 3_600_000

/** Removes, now and every hour, what nobody needs any more. */
export function startUpkeep({
  lake,
  ingest,
  query,
  exports,
  landingBucket,
  metadata,
  config,
  clock,
  logger,
}: {
  readonly lake: Pick<Lake, 'sweep'>
  readonly ingest: Pick<Ingest, 'sweep'>
  readonly query: Pick<QueryService, 'results' | 'removeLeftTables' | 'scratch'>
  readonly exports: Pick<Exports, 'sweep'>
  readonly landingBucket: Pick<LandingBucket, 'sweep'> | undefined
  readonly metadata: Metadata
  readonly config: Pick<Config, 'home' | 'jobs'>
  readonly clock: Clock
  readonly logger: Logger
}): AsyncDisposable {
  const controller = new AbortController()
  const { signal } = controller
  const loop = async () => {
    while (!signal.aborted) {
      try {
        await query.results.removeExpired()
        const tablesRemoved = await query.removeLeftTables()
        if (tablesRemoved > 0) logger.log('info', 'query.left_tables_removed', { tablesRemoved })
        const copiesRemoved = await query.scratch.sweep()
        if (copiesRemoved > 0) logger.log('info', 'query.copies_removed', { copiesRemoved })
        await ingest.sweep()
        const { filesRemoved } = await lake.sweep({ signal })
        if (filesRemoved > 0) logger.log('info', 'lake.swept', { filesRemoved })
        const { filesRemoved: landed, filesLeft, error } = await sweepLanding(config.home, clock.now())
        if (landed > 0) logger.log('info', 'landing.swept', { filesRemoved: landed })
        if (filesLeft > 0) logger.log('warn', 'landing.sweep_failed', { filesLeft, error })
        const forgotten = await forgetRuns({ metadata, clock, ...config.jobs, signal })
        if (forgotten > 0) logger.log('info', 'job.forgotten', { rowCount: forgotten })
        // The last, as a destination that is away takes its time.
        const partsRemoved = await exports.sweep({ signal })
        if (partsRemoved > 0) logger.log('info', 'export.swept', { partsRemoved })
      } catch (error) {
        // What is left lies there until the next time; nothing reads it.
        if (!signal.aborted) logger.log('warn', 'lake.sweep_failed', { error })
      }
      try {
        const landed = await landingBucket?.sweep(clock.now(), { signal, logger })
        if (landed !== undefined && landed > 0) logger.log('info', 'landing.swept', { filesRemoved: landed })
      } catch (error) {
        if (!signal.aborted) logger.log('warn', 'landing.sweep_failed', { error }) // As above.
      }
      await clock.sleep(sweepEveryMs, signal).catch(() => {}) // Aborted: the loop ends.
    }
  }
  const ended = loop()
  return {
    [Symbol.asyncDispose]: async () => {
      controller.abort()
      await ended
    },
  }
}
