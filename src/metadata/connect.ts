import { Kysely, PostgresDialect } from 'kysely'
import { Pool, type PoolClient, type PoolConfig } from 'pg'
import { type Backoff, backoffMs } from '#base/backoff.ts'
import { type Clock, systemClock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import { codeOf } from '#base/system-error.ts'
import { Listener } from './listener.ts'
import type { Metadata, Tables } from './metadata.ts'
import { namePrepared } from './prepared.ts'

/**
 * Connections one node keeps to our database at most, apart for transactions and for single statements: whoever is inside
 * of a transaction may ask besides, and would wait for ever where transactions have taken all there are. The managed one
 * allows four times as many.
 */
const transactionConnectionsMax = 12
const statementConnectionsMax = 8
/** Of `beside`, whose statements wait for nothing. */
const besideConnectionsMax = 2
/** How long a caller waits for a connection while PostgreSQL restarts or all are in use. */
const acquireMsDefault = 20_000
const transactionAttemptsMax = 10
const transactionBackoff: Backoff = { firstMs: 5, maxMs: 500, jitter: 0.9 }
const connectBackoff: Backoff = { firstMs: 20, maxMs: 500, jitter: 0.5 }

export interface ConnectOptions {
  /** Where the database is, as `pg` takes it. */
  readonly connection: PoolConfig
  readonly logger: Logger
  readonly clock?: Clock
  readonly postgresPid?: () => number | undefined
  /** How long a caller waits for a connection. */
  readonly acquireMsMax?: number
}

/** Connects to a database that is there; does not migrate. */
export function connectMetadata(options: ConnectOptions): Metadata {
  const { logger, clock = systemClock, acquireMsMax = acquireMsDefault } = options
  const connection = { application_name: 'sluice', keepAlive: true, ...options.connection }
  const database = (given: PoolConfig): Kysely<Tables> => {
    const pool = new Pool({ ...given, connectionTimeoutMillis: acquireMsMax })
    // An idle connection that breaks is replaced at the next use.
    pool.on('error', (error) => logger.log('debug', 'metadata.connection.lost', { error }))
    // One that breaks while it is lent out fails its statement; without a hearer the event would end the process.
    pool.on('connect', (client) => {
      client.on('error', () => {})
      namePrepared(client)
      tellWhatPasses(client)
    })
    return new Kysely<Tables>({
      dialect: new PostgresDialect({
        pool: {
          connect: () => acquire({ pool, clock, acquireMsMax }),
          end: () => pool.end(),
          options: pool.options,
        },
      }),
    })
  }
  const db = database({ max: statementConnectionsMax, ...connection })
  const transactions = database({ max: transactionConnectionsMax, ...connection })
  const beside = database({ ...connection, max: besideConnectionsMax })
  const listener = new Listener(connection, logger)

  return {
    db,
    beside,
    transaction: async (work) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await transactions.transaction().execute(work)
        } catch (error) {
          if (!isConflict(error) || attempt >= transactionAttemptsMax) throw error
          await clock.sleep(backoffMs(transactionBackoff, attempt))
        }
      }
    },
    listen: (channel, onNotify) => listener.listen(channel, onNotify),
    get postgresPid() {
      return options.postgresPid?.()
    },
    [Symbol.asyncDispose]: async () => {
      await listener[Symbol.asyncDispose]()
      await beside.destroy()
      await transactions.destroy()
      await db.destroy()
    },
  }
}

/** Waits over a restart of PostgreSQL: nothing was sent yet, so trying again is always right. */
async function acquire(options: {
  readonly pool: Pool
  readonly clock: Clock
  readonly acquireMsMax: number
}): Promise<PoolClient> {
  const { pool, clock, acquireMsMax } = options
  const deadline = clock.now().getTime() + acquireMsMax
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await pool.connect()
    } catch (error) {
      if (!isStarting(error) || clock.now().getTime() >= deadline) {
        throw new AppError('metadata.unavailable', 'Our PostgreSQL database could not be reached.', {
          cause: error,
          hint: 'See the log; with DATABASE_URL check the address, the user and the password.',
        })
      }
      await clock.sleep(backoffMs(connectBackoff, attempt))
    }
  }
}

/** A statement that fails for want of a connection, of memory or of disk is no error inside: whoever asked may ask again. */
function tellWhatPasses(client: PoolClient): void {
  const plain = client.query.bind(client) as (...given: readonly unknown[]) => unknown
  const query = (...given: readonly unknown[]): unknown => {
    const answer = plain(...given)
    if (!(answer instanceof Promise)) return answer
    return answer.catch((error: unknown) => {
      if (isShort(error)) throw short(error)
      if (!isStarting(error) && !isBroken(error)) throw error
      throw new AppError('metadata.unavailable', 'The connection to our PostgreSQL database was lost.', {
        cause: error,
        hint: 'What was asked for may have been done or not: look, and try again.',
      })
    })
  }
  client.query = query as PoolClient['query']
}

/** insufficient_resources: nothing of the statement was done. */
function isShort(error: unknown): boolean {
  return /^53\d{3}$/.test(codeOf(error))
}

function short(cause: unknown): AppError {
  if (codeOf(cause) === '53100') {
    const hint = 'Free some space, then try again.'
    return new AppError('store.full', 'The disk of our PostgreSQL database is full.', { cause, hint })
  }
  return new AppError('metadata.unavailable', 'Our PostgreSQL database has no memory or connections left.', {
    cause,
    hint: 'Try again later.',
  })
}

/** What the library says of statements on a connection that broke before. */
function isBroken(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Client has encountered a connection error')
}

/** serialization_failure, deadlock_detected. */
function isConflict(error: unknown): boolean {
  return ['40001', '40P01'].includes(codeOf(error))
}

/** Nobody listens yet, or cannot_connect_now, admin_shutdown, crash_shutdown. */
function isStarting(error: unknown): boolean {
  return (
    ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', '57P03', '57P01', '57P02'].includes(codeOf(error)) ||
    (error instanceof Error && error.message === 'Connection terminated unexpectedly')
  )
}
