import { randomUUID } from 'node:crypto'
import { doneTogether } from '#base/done-together.ts'
import { AppError, toAppError } from '#base/errors.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Run } from '#jobs/jobs.ts'
import { type Bell, cancelBell } from '#metadata/bell.ts'
import {
  deleteQueryLogBefore,
  endQueryLog,
  failLeftQueries,
  type NewQueryLogRow,
  type QueryLogState,
  selectQueryOfRun,
  updateQueryLog,
} from '#metadata/query.ts'
import { insertQueryRecords, type QueryRecord } from '#metadata/query-records.ts'
import { copyUriOf, type ScratchCopy } from '../scratch-space.ts'
import type { QueryServiceOptions } from '../services.ts'
import { type WrittenLater, writtenLater } from './written-later.ts'

/** Entries older than this are dropped. */
const keptMs = 90 * 86_400_000
/** Old entries are looked for once in so many new ones. */
const pruneEvery = 1_000
const sqlCharactersMax = 100_000
const messageCharactersMax = 4_000
/** Records that one wait for the disk is for. */
const togetherMax = 100

/** One statement's entry, from its begin to its end. */
export interface QueryLogEntryWriter {
  readonly id: string
  /** Makes it known as under way, unless it is. Nothing may be written, nor given of what is read, before. */
  begin(): Promise<void>
  /** The statement turned out to read nothing: its entry may follow its answer. */
  defer(): void
  addRows(rowCount: number): void
  /** Once; later calls do nothing. */
  end(outcome: { readonly error?: unknown; readonly isStopped?: boolean }): Promise<void>
}

interface Outcome {
  readonly rowCount: number
  readonly failure: AppError | undefined
  readonly isStopped: boolean
}

type Services = Pick<
  QueryServiceOptions,
  'access' | 'metadata' | 'clock' | 'logger' | 'nodeId' | 'incarnation'
>

export class QueryLog {
  readonly #services: Services
  readonly #bell: Bell
  readonly #later: WrittenLater
  /** Resolves when it is on the disk. */
  readonly #store: (record: QueryRecord) => Promise<void>
  /** What runs here and can be stopped by its id. */
  readonly #running = new Map<string, AbortController>()
  /** Since the last look for old ones, which the first one begins. */
  #newCount = pruneEvery - 1

  constructor(services: Services) {
    this.#services = services
    this.#bell = cancelBell(services.metadata, 'query')
    const write = async (records: readonly QueryRecord[]): Promise<void> =>
      await insertQueryRecords(services.metadata.db, records)
    const { logger } = services
    this.#later = writtenLater({ write, logger, onWritten: (count) => void this.#inserted(count) })
    this.#store = doneTogether(write, { togetherMax })
  }

  /** Of a statement of a session, which begins now. */
  entry(
    caller: Caller,
    entry: {
      readonly sql: string
      readonly client: string
      readonly output: 'ctas' | 'insert' | undefined
      readonly isHidden: boolean
      readonly isAudited: boolean
      /** The datasets it is found to read and to make, while it runs. */
      readonly reads: ReadonlySet<string>
      readonly made: ReadonlySet<string>
      readonly cancelling: AbortController
    },
  ): QueryLogEntryWriter {
    const { nodeId, incarnation } = this.#services
    const { sql, client, output, isHidden, isAudited, reads, made, cancelling } = entry
    const { logged: begun, audited } = this.#record(caller, {
      sql,
      client,
      output: output ?? null,
      is_hidden: isHidden,
      node_id: nodeId,
      incarnation,
    })
    const { id } = begun
    let beginning: Promise<void> | undefined
    let isDeferred = false
    const record = (): QueryRecord => ({
      logged: { ...begun, referenced_datasets: [...reads] },
      audited: isAudited ? audited : undefined,
    })
    const begin = async (): Promise<void> => {
      await this.#insert(record())
      this.#running.set(id, cancelling)
    }
    const writer = this.#writer(id, async (outcome) => {
      if (beginning) {
        const [created_dataset = null] = made
        return await this.#finish(id, outcome, { referenced_datasets: [...reads], created_dataset })
      }
      const { logged, ...whole } = record()
      const ended = { ...whole, logged: { ...logged, ...this.#ended(outcome) } }
      if (isDeferred) return await this.#later.add(ended)
      await this.#insert(ended)
    })
    return {
      ...writer,
      begin: async () => await (beginning ??= begin()),
      defer: () => void (isDeferred = true),
    }
  }

  /** Resolves when the entries of all statements that have been answered can be read. */
  async settled(): Promise<void> {
    await this.#later.settled()
  }

  /** A run's query: its entry was made when it was submitted, or is made by a schedule's first attempt. */
  async beginRun(
    caller: Caller,
    run: Run,
    entry: {
      readonly sql: string
      readonly scheduleId: string
      readonly request: unknown
      readonly template: { readonly id: string; readonly name: string } | undefined
    },
  ): Promise<Omit<QueryLogEntryWriter, 'begin' | 'defer'> & { readonly effectiveSql: string | undefined }> {
    const there = await selectQueryOfRun(this.#services.metadata.db, run.id)
    if (there) {
      return { ...this.#writer(there.id), effectiveSql: there.effective_sql ?? undefined }
    }
    const { sql, scheduleId, request, template } = entry
    const record = this.#record(caller, {
      sql,
      client: 'Schedule',
      run_id: run.id,
      schedule_id: scheduleId,
      template_id: template?.id ?? null,
      template_name: template?.name ?? null,
      request: JSON.stringify(request),
    })
    await this.#insert(record)
    return { ...this.#writer(record.logged.id), effectiveSql: undefined }
  }

  /** A copy that a query has made. */
  async copied(id: string, copy: ScratchCopy): Promise<void> {
    await updateQueryLog(this.#services.metadata.db, id, { copy_uri: copyUriOf(copy) })
  }

  /** Stops it at whichever node it runs. */
  async cancel(id: string): Promise<void> {
    if (!this.#cancelHere(id)) await this.#bell.ring(id)
  }

  /** From here on cancels are heard that were asked for at other nodes. */
  async start(): Promise<AsyncDisposable> {
    const hearing = await this.#bell.listen((id) => {
      this.#cancelHere(id)
    })
    return {
      [Symbol.asyncDispose]: async () => {
        await hearing[Symbol.asyncDispose]()
        await this.settled()
      },
    }
  }

  #cancelHere(id: string): boolean {
    const cancelling = this.#running.get(id)
    cancelling?.abort(new AppError('query.cancelled', 'The query was cancelled.'))
    return cancelling !== undefined
  }

  async failLeft(): Promise<number> {
    const { metadata, clock, nodeId, incarnation } = this.#services
    return await failLeftQueries(metadata.db, {
      id: nodeId,
      incarnation,
      now: clock.now(),
      message: 'The server ended while this ran.',
    })
  }

  #record(
    { principal, sandbox }: Caller,
    entry: Omit<
      NewQueryLogRow,
      'id' | 'sandbox_id' | 'principal_id' | 'principal_name' | 'state' | 'created_at' | 'updated_at'
    >,
  ): QueryRecord {
    const id = randomUUID()
    const now = this.#services.clock.now()
    const client = withoutZeros(entry.client)
    return {
      // The text stands in the query log, which ends; the audit says for good that it was asked.
      audited: this.#services.access.auditRow({
        principalId: principal.id,
        sandboxId: sandbox.id,
        action: 'query',
        assetType: 'Query',
        assetId: id,
        status: 'Allow',
        detail: { client },
      }),
      logged: {
        ...entry,
        id,
        sandbox_id: sandbox.id,
        principal_id: principal.id,
        principal_name: principal.name,
        client,
        sql: withoutZeros(entry.sql.slice(0, sqlCharactersMax)),
        state: 'IN_PROGRESS',
        created_at: now,
        updated_at: now,
      },
    }
  }

  async #insert(record: QueryRecord): Promise<void> {
    await this.#store(record)
    await this.#inserted(1)
  }

  async #inserted(count: number): Promise<void> {
    this.#newCount += count
    if (this.#newCount < pruneEvery) return
    this.#newCount = 0
    const { metadata, clock, logger } = this.#services
    try {
      await deleteQueryLogBefore(metadata.db, new Date(clock.now().getTime() - keptMs))
    } catch (error) {
      logger.log('warn', 'query.log_failed', { error }) // The next thousand try again.
    }
  }

  #writer(
    id: string,
    finish = (outcome: Outcome): Promise<void> => this.#finish(id, outcome),
  ): Omit<QueryLogEntryWriter, 'begin' | 'defer'> {
    let rowCount = 0
    let isEnded = false
    return {
      id,
      addRows: (count) => void (rowCount += count),
      end: async ({ error, isStopped = false }) => {
        if (isEnded) return
        isEnded = true
        this.#running.delete(id)
        const failure = error === undefined ? undefined : toAppError(error)
        await finish({ rowCount, failure, isStopped })
      },
    }
  }

  #ended({ rowCount, failure, isStopped }: Outcome) {
    return {
      state: stateOf(failure, isStopped),
      updated_at: this.#services.clock.now(),
      row_count: rowCount,
      code: failure?.code ?? null,
      message: failure ? withoutZeros(failure.message.slice(0, messageCharactersMax)) : null,
    }
  }

  async #finish(
    id: string,
    outcome: Outcome,
    known: { readonly referenced_datasets?: string[]; readonly created_dataset?: string | null } = {},
  ): Promise<void> {
    const { metadata, logger } = this.#services
    try {
      await endQueryLog(metadata.db, id, { ...known, ...this.#ended(outcome) })
    } catch (error) {
      // The statement itself is over, and its caller waits for that and not for our record.
      logger.log('warn', 'query.log_failed', { id, error })
    }
  }
}

function stateOf(failure: AppError | undefined, isStopped: boolean): QueryLogState {
  if (failure?.code === 'query.timeout') return 'TIMEOUT'
  if (failure?.code === 'query.cancelled' || isStopped) return 'KILLED'
  return failure ? 'FAILED' : 'SUCCESS'
}

/** PostgreSQL's text holds no zero character. */
function withoutZeros(text: string): string {
  return text.replaceAll('\0', '')
}
