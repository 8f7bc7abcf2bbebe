import { AsyncLocalStorage } from 'node:async_hooks'
import type { Access, AuditEntry } from '#access/access.ts'
import type { Logger } from '#base/log.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { insertQueryLog, type NewQueryLogRow } from '#metadata/query.ts'

/** Whoever adds one more waits until some are written. */
const waitingMax = 1_000
/** In one transaction: one wait for the disk. */
const togetherMax = 200

export interface RecordOfStatement {
  readonly logged: NewQueryLogRow
  readonly audited: AuditEntry
}

/** Records of statements that read nothing: written soon, many in one transaction, and nobody waits for the disk. */
export interface WrittenLater {
  /** Resolves at once while there is room. */
  add(record: RecordOfStatement): Promise<void>
  /** Resolves when all that was added before is written. */
  settled(): Promise<void>
}

export function writtenLater({
  access,
  metadata,
  logger,
}: {
  readonly access: Pick<Access, 'audit'>
  readonly metadata: Pick<Metadata, 'transaction'>
  readonly logger: Logger
}): WrittenLater {
  let waiting: { readonly record: RecordOfStatement; readonly inContext: <T>(work: () => T) => T }[] = []
  let writing: Promise<void> | undefined

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const together = waiting.slice(0, togetherMax)
      waiting = waiting.slice(togetherMax)
      try {
        await metadata.transaction(async (tx) => {
          for (const { record, inContext } of together) {
            await inContext(() => access.audit(record.audited, tx))
            await insertQueryLog(tx, record.logged)
          }
        })
      } catch (error) {
        logger.log('error', 'query.log_failed', { count: together.length, error })
      }
    }
    writing = undefined
  }

  return {
    add: async (record) => {
      while (waiting.length >= waitingMax) await writing
      // The audit names the request that asked, not the one that is served when this is written.
      waiting.push({ record, inContext: AsyncLocalStorage.snapshot() })
      writing ??= write()
    },
    settled: async () => await writing,
  }
}
