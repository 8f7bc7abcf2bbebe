import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import { quoteIdentifier } from '#base/sql-text.ts'
import { startManagedPostgres } from '#metadata/managed-postgres.ts'
import { endOldPostmaster } from '#metadata/postmaster.ts'
import { askerRole, serverText, templateText } from './template.ts'

/** Address space of one process of the server: what an asker's statement may take. */
const processBytesMax = 768 * 1024 * 1024
const templateName = 'template_shadow'

/** The PostgreSQL behind the shadow, empty but for its template. */
export interface ShadowServer extends AsyncDisposable {
  readonly socket: string
  /**
   * Makes a database by those texts; the same name again replaces what a start that failed left. What PostgreSQL
   * refuses of them is left out: one table must not keep anybody from seeing the others.
   */
  make(name: string, texts: readonly string[]): Promise<void>
  drop(name: string): Promise<void>
}

/** @throws AppError 'engine.unavailable' */
export async function startShadowServer(options: {
  readonly folder: string
  readonly programsFolder: string
  readonly logger: Logger
}): Promise<ShadowServer> {
  const { folder, programsFolder, logger } = options
  await using starting = new AsyncDisposableStack()
  await endOldPostmaster(folder, logger)
  await rm(folder, { recursive: true, force: true })
  const server = starting.use(
    await startManagedPostgres({
      dataFolder: folder,
      programsFolder,
      logger,
      isDurable: false,
      connectionsMax: 50,
      roles: [askerRole],
      processBytesMax,
      settings: {
        shared_buffers: '16MB',
        temp_file_limit: '64MB',
        work_mem: '4MB',
        max_parallel_workers_per_gather: '0',
        max_wal_size: '64MB',
      },
    }),
  )
  const { connection } = server
  const connected = async (database: string, work: (client: Client) => Promise<unknown>): Promise<void> => {
    const client = new Client({ ...connection, database })
    client.on('error', () => {}) // A query under way fails with it.
    await client.connect()
    try {
      await work(client)
    } catch (cause) {
      throw new AppError(
        'engine.unavailable',
        'A database for questions to the catalogue could not be made.',
        {
          cause,
        },
      )
    } finally {
      await client.end()
    }
  }
  const within = async (database: string, texts: readonly string[]): Promise<void> =>
    await connected(database, async (client) => {
      for (const text of texts) await client.query(text)
    })
  const eachAlone = async (client: Client, texts: readonly string[]): Promise<void> => {
    await client.query('BEGIN')
    for (const text of texts) {
      await client.query('SAVEPOINT one')
      try {
        await client.query(text)
        await client.query('RELEASE one')
      } catch (error) {
        logger.log('warn', 'shadow.left_out', { error })
        await client.query('ROLLBACK TO one')
      }
    }
    await client.query('COMMIT')
  }
  await within('postgres', [serverText, `CREATE DATABASE ${templateName}`])
  await within(templateName, [templateText])
  const all = starting.move()
  return {
    socket: join(String(connection.host), `.s.PGSQL.${connection.port}`),
    make: async (name, texts) => {
      await within('postgres', [
        `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`,
        `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${templateName}`,
        `REVOKE CONNECT, TEMPORARY ON DATABASE ${quoteIdentifier(name)} FROM PUBLIC`,
        `GRANT CONNECT ON DATABASE ${quoteIdentifier(name)} TO ${askerRole}`,
      ])
      await connected(name, async (client) => {
        await client.query(`BEGIN; ${texts.join('\n')} COMMIT;`).catch(async () => {
          await client.query('ROLLBACK')
          await eachAlone(client, texts)
        })
        await client.query('ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute')
      })
    },
    drop: (name) => within('postgres', [`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`]),
    [Symbol.asyncDispose]: async () => await all.disposeAsync(),
  }
}
