import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '#base/backoff.ts'
import type { Logger } from '#base/log.ts'
import type { QueryRecord } from '#metadata/query-records.ts'

/** So long others are waited for that can be written with the first one. */
const gatheringMs = 20
/** In one transaction: one wait for the disk. */
const togetherMax = 200
/** Whoever adds one more waits until some are written. */
const waitingMax = 1_000
/** A record is given up when it could not be written so many times: after about half a minute. */
const attemptsMax = 8
const backoff = { firstMs: 250, maxMs: 8_000, jitter: 0.2 }

/** Records of statements that read nothing: written soon, many in one transaction, and nobody waits for the disk. */
export interface WrittenLater {
  /** Resolves at once while there is room. */
  add(record: QueryRecord): Promise<void>
  /** Resolves when what was added before is written, or given up; what is added meanwhile is not waited for. */
  settled(): Promise<void>
}

interface Waiting {
  readonly record: QueryRecord
  readonly written: Promise<void>
  readonly done: () => void
}

export function writtenLater({
  write: store,
  logger,
  onWritten,
}: {
  /** All or nothing. */
  readonly write: (records: readonly QueryRecord[]) => Promise<void>
  readonly logger: Logger
  /** Of so many records. */
  readonly onWritten: (count: number) => void
}): WrittenLater {
  let waiting: Waiting[] = []
  let isWriting = false
  let gathering = new AbortController()
  let last: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    isWriting = true
    gathering = new AbortController()
    await delay(gatheringMs, undefined, { signal: gathering.signal }).catch(() => {}) // Somebody is in a hurry.
    while (waiting.length > 0) {
      const together = waiting.slice(0, togetherMax)
      const isWritten = await written(together)
      waiting = waiting.slice(together.length)
      for (const { done } of together) done()
      if (isWritten) onWritten(together.length)
    }
    isWriting = false
  }

  async function written(together: readonly Waiting[]): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await store(together.map(({ record }) => record))
        return true
      } catch (error) {
        const isLast = attempt === attemptsMax
        logger.log(isLast ? 'error' : 'warn', 'query.log_failed', { count: together.length, attempt, error })
        if (isLast) return false
        await delay(backoffMs(backoff, attempt))
      }
    }
  }

  return {
    add: async (record) => {
      while (waiting.length >= waitingMax) await waiting[0]?.written
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push({ record, written: promise, done: resolve })
      last = promise
      if (!isWriting) void write()
      if (waiting.length >= togetherMax) gathering.abort()
    },
    settled: async () => {
      gathering.abort()
      await last
    },
  }
}
