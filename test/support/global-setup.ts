import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, chmod, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { sql } from 'kysely'
import { silentLogger } from '../../src/base/log.ts'
import { connectMetadata } from '../../src/metadata/connect.ts'
import { startManagedPostgres } from '../../src/metadata/managed-postgres.ts'
import { migrate } from '../../src/metadata/migrate.ts'
import { memoryFolder } from './memory-folder.ts'

/** How a test reaches the one PostgreSQL of this run. */
export interface SharedPostgres {
  readonly host: string
  readonly user: string
  readonly template: string
}

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: SharedPostgres
    /** Where the tests that need Spark start it, once. */
    sparkFolder: string
  }
}

const template = 'sluice_template'
let running: AsyncDisposableStack | undefined

/** One PostgreSQL a run, with a migrated database that tests clone. */
export async function setup(project: TestProject): Promise<void> {
  await using starting = new AsyncDisposableStack()
  const owned = async (folder: string): Promise<string> => {
    starting.defer(() => rm(folder, { recursive: true, force: true }))
    await chmod(folder, 0o711)
    return folder
  }
  const folder = await owned(await mkdtemp(join(tmpdir(), 'sluice-test-')))
  const postgres = starting.use(
    await startManagedPostgres({
      dataFolder: join(await owned(await memoryFolder()), 'postgres'),
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
  const sparkFolder = join(folder, 'spark')
  await mkdir(sparkFolder)
  project.provide('sparkFolder', sparkFolder)
  starting.defer(() => endSpark(sparkFolder))
  running = starting.move()
}

/** Some test may have started one; it must be gone before its folder goes. */
async function endSpark(folder: string): Promise<void> {
  const file = join(folder, 'pid')
  if (!existsSync(file)) return
  const pid = Number(readFileSync(file, 'utf8'))
  for (let look = 0; look < 100; look++) {
    try {
      // Statements of tests are over: nothing is lost by a kill after a while.
      process.kill(pid, look === 0 ? 'SIGTERM' : look === 50 ? 'SIGKILL' : 0)
    } catch {
      return // It is gone.
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

export async function teardown(): Promise<void> {
  await running?.disposeAsync()
}
