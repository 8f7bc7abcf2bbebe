import { randomUUID } from 'node:crypto'
import { type AppError, toAppError } from '#base/errors.ts'
import type { Caller } from '#datasets/datasets.ts'
import { deleteQueryLogBefore, finishQueryLog, insertQueryLog, type QueryLogState } from '#metadata/query.ts'
import type { QueryServiceOptions } from './services.ts'

/** Entries older than this are dropped. */
const keptMs = 90 * 86_400_000
/** Old entries are looked for once in so many new ones. */
const pruneEvery = 1_000
const sqlCharactersMax = 100_000
const messageCharactersMax = 4_000

/** One statement's entry, from its begin to its end. */
export interface QueryLogEntryWriter {
  addRows(rowCount: number): void
  /** Once; later calls do nothing. */
  end(outcome: { readonly error?: unknown; readonly isStopped?: boolean }): Promise<void>
}

export class QueryLog {
  readonly #services: Pick<QueryServiceOptions, 'access' | 'metadata' | 'clock' | 'logger'>
  #count = 0

  constructor(services: Pick<QueryServiceOptions, 'access' | 'metadata' | 'clock' | 'logger'>) {
    this.#services = services
  }

  async begin(
    caller: Caller,
    { sql, client }: { sql: string; client: string },
  ): Promise<QueryLogEntryWriter> {
    const { access, metadata, clock } = this.#services
    const id = randomUUID()
    const now = clock.now()
    // The text stands in the query log, which ends; the audit says for good that it was asked.
    const auditing = access.audit({
      principalId: caller.principal.id,
      sandboxId: caller.sandbox.id,
      action: 'query',
      assetType: 'Query',
      assetId: id,
      status: 'Allow',
      detail: { client: withoutZeros(client) },
    })
    const logging = insertQueryLog(metadata.db, {
      id,
      sandbox_id: caller.sandbox.id,
      principal_id: caller.principal.id,
      principal_name: caller.principal.name,
      client: withoutZeros(client),
      sql: withoutZeros(sql.slice(0, sqlCharactersMax)),
      state: 'IN_PROGRESS',
      created_at: now,
      updated_at: now,
      code: null,
      message: null,
    })
    const [audited, logged] = await Promise.allSettled([auditing, logging])
    if (logged.status === 'rejected') throw logged.reason
    if (audited.status === 'rejected') {
      await this.#finish(id, { rowCount: 0, failure: toAppError(audited.reason), isStopped: false })
      throw audited.reason
    }
    this.#count += 1
    if (this.#count % pruneEvery === 1) {
      await deleteQueryLogBefore(metadata.db, new Date(now.getTime() - keptMs))
    }
    let rowCount = 0
    let isEnded = false
    return {
      addRows: (count) => void (rowCount += count),
      end: async ({ error, isStopped = false }) => {
        if (isEnded) return
        isEnded = true
        const failure = error === undefined ? undefined : toAppError(error)
        await this.#finish(id, { rowCount, failure, isStopped })
      },
    }
  }

  async #finish(
    id: string,
    outcome: { rowCount: number; failure: AppError | undefined; isStopped: boolean },
  ): Promise<void> {
    const { metadata, clock, logger } = this.#services
    const { rowCount, failure, isStopped } = outcome
    try {
      await finishQueryLog(metadata.db, id, {
        state: stateOf(failure, isStopped),
        updated_at: clock.now(),
        row_count: rowCount,
        code: failure?.code ?? null,
        message: failure ? withoutZeros(failure.message.slice(0, messageCharactersMax)) : null,
      })
    } catch (error) {
      // The statement itself is over, and its caller waits for that and not for our record.
      logger.log('warn', 'query.log_failed', { id, error })
    }
  }
}

function stateOf(failure: AppError | undefined, isStopped: boolean): QueryLogState {
  if (failure?.code === 'query.cancelled' || isStopped) return 'KILLED'
  return failure ? 'FAILED' : 'SUCCESS'
}

/** PostgreSQL's text holds no zero character. */
function withoutZeros(text: string): string {
  return text.replaceAll('\0', '')
}
