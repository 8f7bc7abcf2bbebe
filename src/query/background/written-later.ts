import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Access, AuditEntry } from '#access/access.ts'
import { backoffMs } from '#base/backoff.ts'
import type { Logger } from '#base/log.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { insertQueryLog, type NewQueryLogRow } from '#metadata/query.ts'

/** So long others are waited for that can be written with the first one. */
const gatheringMs = 20
/** In one transaction: one wait for the disk. */
const togetherMax = 200
/** Whoever adds one more waits until some are written. */
const waitingMax = 1_000
/** A record is given up when it could not be written so many times: after about half a minute. */
const attemptsMax = 8
const backoff = { firstMs: 250, maxMs: 8_000, jitter: 0.2 }

export interface RecordOfStatement {
  readonly logged: NewQueryLogRow
  /** Undefined: what is not kept for good. */
  readonly audited: AuditEntry | undefined
}

/** Records of statements that read nothing: written soon, many in one transaction, and nobody waits for the disk. */
export interface WrittenLater {
  /** Resolves at once while there is room. */
  add(record: RecordOfStatement): Promise<void>
  /** Resolves when what was added before is written, or given up; what is added meanwhile is not waited for. */
  settled(): Promise<void>
}

interface Waiting {
  readonly record: RecordOfStatement
  readonly inContext: <T>(work: () => T) => T
  readonly written: Promise<void>
  readonly done: () => void
}

export function writtenLater({
  access,
  metadata,
  logger,
  onWritten,
}: {
  readonly access: Pick<Access, 'auditTogether'>
  readonly metadata: Pick<Metadata, 'transaction'>
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
        await metadata.transaction(async (tx) => {
          const noted = together.flatMap(({ record: { audited }, inContext }) =>
            audited ? [{ entry: audited, inContext }] : [],
          )
          await access.auditTogether(noted, tx)
          await insertQueryLog(
            tx,
            together.map(({ record }) => record.logged),
          )
        })
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
      // The audit names the request that asked, not the one that is served when this is written.
      waiting.push({ record, inContext: AsyncLocalStorage.snapshot(), written: promise, done: resolve })
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
