import { type Backoff, backoffMs } from '#base/backoff.ts'
import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Jobs } from '#jobs/jobs.ts'
import { countUnfinishedBatches, deleteOldStreamKeys } from '#metadata/streaming.ts'
import type { AcceptLog } from './accept-log.ts'
import { batchSegment, type MicroBatchOptions } from './micro-batch.ts'

const retry: Backoff = { firstMs: 200, maxMs: 30_000, jitter: 0.5 }
/** More wait in the log, and when that is full, with who sends. */
const unfinishedBatchesMax = 200
const waitMs = 1_000

export interface Batcher extends AsyncDisposable {
  readonly duplicates: number
}

/** Makes batches of the log's segments, one after the other, for as long as it is not disposed of. */
export function startBatcher(
  log: AcceptLog,
  options: MicroBatchOptions & { readonly jobs: Jobs; readonly clock: Clock; readonly logger: Logger },
): Batcher {
  const { metadata, jobs, clock, logger, duplicateWindowMs } = options
  const controller = new AbortController()
  const { signal } = controller
  let duplicates = 0

  async function one(): Promise<void> {
    const segment = await log.next(signal)
    while ((await countUnfinishedBatches(metadata.db, jobs.nodeId)) >= unfinishedBatchesMax) {
      await clock.sleep(waitMs, signal)
    }
    const found = await batchSegment(options, segment, signal)
    await log.remove(segment)
    duplicates += found
    jobs.ring()
    await deleteOldStreamKeys(metadata.db, duplicateWindowMs)
  }

  async function loop(): Promise<void> {
    for (let attempt = 0; !signal.aborted;) {
      try {
        await one()
        attempt = 0
      } catch (error) {
        if (signal.aborted) return
        // It stays in the log: nothing is lost while this lasts, and in the end nothing more is accepted.
        attempt += 1
        logger.log('error', 'stream.batch_failed', { attempt, error })
        await clock.sleep(backoffMs(retry, attempt), signal).catch(() => {}) // Aborted: the loop ends.
      }
    }
  }

  const ended = loop()
  return {
    get duplicates() {
      return duplicates
    },
    [Symbol.asyncDispose]: async () => {
      controller.abort()
      await ended
    },
  }
}
