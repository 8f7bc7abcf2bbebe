import { type Backoff, backoffMs } from '#base/backoff.ts'
import type { Clock } from '#base/clock.ts'
import { toAppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import type { Jobs } from '#jobs/jobs.ts'
import { countUnfinishedBatches, deleteOldStreamKeys } from '#metadata/streaming.ts'
import { fullOr } from '../staging.ts'
import type { AcceptLog } from './accept-log.ts'
import { batchSegment, type MicroBatchOptions } from './micro-batch.ts'
import type { Segment } from './segment.ts'

const retry: Backoff = { firstMs: 200, maxMs: 30_000, jitter: 0.5 }
/** More wait in the log, and when that is full, with who sends. */
const unfinishedBatchesMax = 200
const waitMs = 1_000
/** Failures of a segment that trying again does not mend; then the next one has its turn. */
const triesMax = 5

export interface Batcher extends AsyncDisposable {
  readonly duplicates: number
  /** In a row, until now. */
  readonly failures: number
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
  let failures = 0
  /** Of these, those that count against the segment that is at hand. */
  let tries = 0
  let atHand: Segment | undefined

  async function one(): Promise<void> {
    const segment = await log.next(signal)
    while ((await countUnfinishedBatches(metadata.db, jobs.nodeId)) >= unfinishedBatchesMax) {
      await clock.sleep(waitMs, signal)
    }
    atHand = segment
    const made = await batchSegment(options, segment, signal)
    atHand = undefined
    await take(segment, made.bytesLeftOut)
    duplicates += made.duplicates
    failures = tries = 0
    jobs.ring()
    await deleteOldStreamKeys(metadata.db, duplicateWindowMs).catch((error: unknown) => {
      logger.log('warn', 'stream.keys_left', { error }) // Until the next segment.
    })
  }

  /** A power cut tears what was being written and nobody was answered for; of all else every byte must have been there. */
  async function take(segment: Segment, bytesLeftOut: number): Promise<void> {
    const { path, isWhole } = segment
    if (bytesLeftOut > 0) logger.log('warn', 'stream.log.left_out', { path, bytes: bytesLeftOut, isWhole })
    if (bytesLeftOut > 0 && isWhole) await log.setAside(segment)
    else await log.remove(segment)
  }

  function countFailure(error: unknown): void {
    failures += 1
    logger.log('error', 'stream.batch_failed', { attempt: failures, path: atHand?.path, error })
    if (!atHand || toAppError(fullOr(error)).meaning.retry) return
    tries += 1
    if (tries < triesMax) return
    log.passOver(atHand)
    logger.log('error', 'stream.log.passed_over', { path: atHand.path, attempts: tries })
    failures = tries = 0
  }

  async function loop(): Promise<void> {
    while (!signal.aborted) {
      try {
        await one()
      } catch (error) {
        if (signal.aborted) return
        // It stays in the log: nothing is lost while this lasts, and in the end nothing more is accepted.
        countFailure(error)
        atHand = undefined
        await clock.sleep(backoffMs(retry, failures), signal).catch(() => {}) // Aborted: the loop ends.
      }
    }
  }

  const ended = loop()
  return {
    get duplicates() {
      return duplicates
    },
    get failures() {
      return failures
    },
    [Symbol.asyncDispose]: async () => {
      controller.abort()
      await ended
    },
  }
}
