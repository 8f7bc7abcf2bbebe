import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Access, AuditEntry } from '#access/access.ts'
import type { Logger } from '#base/log.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { insertQueryLog, type NewQueryLogRow } from '#metadata/query.ts'

/** So long others are waited for that can be written with the first one. */
const gatheringMs = 20
/** In one transaction: one wait for the disk. */
const togetherMax = 200
/** Whoever adds one more waits until some are written. */
const waitingMax = 1_000

export interface RecordOfStatement {
  readonly logged: NewQueryLogRow
  readonly audited: AuditEntry
}

/** Records of statements that read nothing: written soon, many in one transaction, and nobody waits for the disk. */
export interface WrittenLater {
  /** Resolves at once while there is room. */
  add(record: RecordOfStatement): Promise<void>
  /** Writes at once what was added before. */
  settled(): Promise<void>
}

export function writtenLater({
  access,
  metadata,
  logger,
}: {
  readonly access: Pick<Access, 'auditTogether'>
  readonly metadata: Pick<Metadata, 'transaction'>
  readonly logger: Logger
}): WrittenLater {
  let waiting: { readonly record: RecordOfStatement; readonly inContext: <T>(work: () => T) => T }[] = []
  let writing: Promise<void> | undefined
  let gathering = new AbortController()

  async function write(): Promise<void> {
    gathering = new AbortController()
    await delay(gatheringMs, undefined, { signal: gathering.signal }).catch(() => {}) // Somebody is in a hurry.
    while (waiting.length > 0) {
      const together = waiting.slice(0, togetherMax)
      waiting = waiting.slice(togetherMax)
      try {
        await metadata.transaction(async (tx) => {
          const noted = together.map(({ record, inContext }) => ({ entry: record.audited, inContext }))
          await access.auditTogether(noted, tx)
          await insertQueryLog(
            tx,
            together.map(({ record }) => record.logged),
          )
        })
      } catch (error) {
        logger.log('error', 'query.log_failed', { count: together.length, error })
      }
    }
    writing = undefined
  }

  async function settled(): Promise<void> {
    gathering.abort()
    await writing
  }

  return {
    add: async (record) => {
      while (waiting.length >= waitingMax) await settled()
      // The audit names the request that asked, not the one that is served when this is written.
      waiting.push({ record, inContext: AsyncLocalStorage.snapshot() })
      writing ??= write()
      if (waiting.length >= togetherMax) gathering.abort()
    },
    settled,
  }
}
