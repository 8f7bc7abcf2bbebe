import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import type { Logger } from '#base/log.ts'
import { readTextIfThere } from '#base/system-error.ts'
import type { Connection, SessionIdentity } from './connection.ts'
import { isSessionLost, readFailure } from './failure.ts'

/** What every statement counts on, whatever the server's own settings are. */
const settings: Readonly<Record<string, string>> = {
  'spark.sql.ansi.enabled': 'false',
  'spark.sql.session.timeZone': 'UTC',
  'spark.sql.legacy.timeParserPolicy': 'CORRECTED',
  'spark.sql.parquet.fieldId.read.enabled': 'true',
  // `${…}` in a text is that text, and no path in a text is a table.
  'spark.sql.variable.substitute': 'false',
  'spark.sql.runSQLOnFiles': 'false',
  'spark.sql.caseSensitive': 'false',
  // The driver holds whole partitions of a result: small ones.
  'spark.sql.files.maxPartitionBytes': '16m',
  // What Spark writes is read by DuckDB: whole microseconds, and days as they are.
  'spark.sql.parquet.outputTimestampType': 'TIMESTAMP_MICROS',
  'spark.sql.parquet.datetimeRebaseModeInWrite': 'CORRECTED',
  'spark.sql.parquet.writeLegacyFormat': 'false',
  'spark.sql.execution.arrow.maxRecordsPerBatch': '4096',
}

const interruptAll = 1

/**
 * The one session that a server has at Spark. Its id is kept in a file, so that what a server that was killed left
 * running is ended by the next one: Spark itself would go on.
 */
export class SparkSession {
  readonly #connection: Connection
  readonly #stateFile: string
  readonly #logger: Logger
  readonly #onBegin: () => Promise<void>
  #current: Promise<SessionIdentity> | undefined

  constructor(options: {
    readonly connection: Connection
    /** Where the id is kept. */
    readonly stateFile: string
    readonly logger: Logger
    /** Runs when nothing is left at Spark of an earlier life. */
    readonly onBegin?: () => Promise<void>
  }) {
    this.#connection = options.connection
    this.#stateFile = options.stateFile
    this.#logger = options.logger
    this.#onBegin = options.onBegin ?? (async () => {})
  }

  /** Runs the work in the session. When Spark does not know it any more, once again in a new one. */
  async within<T>(work: (identity: SessionIdentity) => Promise<T>): Promise<T> {
    const current = await this.#begun()
    try {
      return await work(current)
    } catch (error) {
      if (!isSessionLost(readFailure(error))) throw error
      this.#logger.log('warn', 'spark.session_lost')
      this.#current = undefined
      return await work(await this.#begun())
    }
  }

  async end(): Promise<void> {
    const current = await this.#current?.catch(() => undefined)
    this.#current = undefined
    if (current) await this.#release(current)
    await rm(this.#stateFile, { force: true })
  }

  async #begun(): Promise<SessionIdentity> {
    this.#current ??= this.#begin()
    try {
      return await this.#current
    } catch (error) {
      this.#current = undefined
      throw error
    }
  }

  async #begin(): Promise<SessionIdentity> {
    const before = await this.#idBefore()
    if (before !== undefined) await this.#release(identityOf(before))
    await this.#onBegin()
    const identity = identityOf(randomUUID())
    await writeFile(this.#stateFile, `${identity.sessionId}\n`)
    const pairs = Object.entries(settings).map(([key, value]) => ({ key, value }))
    await this.#connection.call('Config', { ...identity, operation: { set: { pairs } } })
    return identity
  }

  async #idBefore(): Promise<string | undefined> {
    return (await readTextIfThere(this.#stateFile))?.trim()
  }

  /** Ends what runs in a session, and the session. Where Spark does not answer, its own limits of time end both. */
  async #release(identity: SessionIdentity): Promise<void> {
    try {
      const options = { timeoutMs: 10_000 }
      await this.#connection.call('Interrupt', { ...identity, interruptType: interruptAll }, options)
      await this.#connection.call('ReleaseSession', identity, options)
    } catch (error) {
      if (!isSessionLost(readFailure(error))) this.#logger.log('warn', 'spark.release_failed', { error })
    }
  }
}

function identityOf(sessionId: string): SessionIdentity {
  return { sessionId, userContext: { userId: 'sluice', userName: 'sluice' }, clientType: 'sluice' }
}
