import { mkdtemp, chmod, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { sql } from 'kysely'
import { silentLogger } from '../../src/base/log.ts'
import { connectMetadata } from '../../src/metadata/connect.ts'
import { startManagedPostgres } from '../../src/metadata/managed-postgres.ts'
import { migrate } from '../../src/metadata/migrate.ts'

/** How a test reaches the one PostgreSQL of this run. */
export interface SharedPostgres {
  readonly host: string
  readonly user: string
  readonly template: string
}

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: SharedPostgres
  }
}

const template = 'sluice_template'
let running: AsyncDisposableStack | undefined

/** One PostgreSQL a run, with a migrated database that tests clone. */
export async function setup(project: TestProject): Promise<void> {
  await using starting = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'))
  starting.defer(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o711)
  const postgres = starting.use(
    await startManagedPostgres({
      dataFolder: join(folder, 'postgres'),
      programsFolder: join(folder, 'programs'),
      logger: silentLogger,
      isDurable: false,
      connectionsMax: 200,
    }),
  )
  {
    await using admin = connectMetadata({ connection: postgres.connection, logger: silentLogger })
    await sql`create database ${sql.id(template)}`.execute(admin.db)
  }
  {
    await using migrated = connectMetadata({
      connection: { ...postgres.connection, database: template },
      logger: silentLogger,
    })
    await migrate(migrated.db)
  }
  const { host = '', user = '' } = postgres.connection
  project.provide('postgres', { host, user, template })
  running = starting.move()
}

export async function teardown(): Promise<void> {
  await running?.disposeAsync()
}
