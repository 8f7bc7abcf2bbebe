import { homePaths } from '#config/home.ts'
import type { Secret } from '#config/secret.ts'
import type { Logger } from '#base/log.ts'
import { connectMetadata } from './connect.ts'
import { startManagedPostgres } from './managed-postgres.ts'
import type { Metadata } from './metadata.ts'
import { migrate, type Migration } from './migrate.ts'
import { openHome } from './open-home.ts'

export interface OpenMetadataOptions {
  readonly home: string
  /** A PostgreSQL of the user's instead of our managed child. */
  readonly databaseUrl?: Secret | string | undefined
  readonly logger: Logger
  /** False only in tests. */
  readonly isDurable?: boolean
  /** For a restore: the home is marked as unfinished, and the database brought only to the version of the backup. */
  readonly restoring?: { readonly migrations: readonly Migration[] }
}

/**
 * Takes the home, starts or connects to our database and brings it to this code's version.
 * @throws AppError 'home.in_use', 'home.unusable', 'metadata.newer', 'metadata.unavailable'
 */
export async function openMetadata(options: OpenMetadataOptions): Promise<Metadata> {
  await using starting = new AsyncDisposableStack()
  starting.use(await openHome(options.home, { isRestoring: options.restoring !== undefined }))
  const metadata = starting.use(await openMetadataOfHome(options))
  return disposedWith(metadata, starting.move())
}

/**
 * The same for whoever has taken the home already (`openHome`).
 * @throws AppError 'home.unusable', 'metadata.newer', 'metadata.unavailable'
 */
export async function openMetadataOfHome(options: OpenMetadataOptions): Promise<Metadata> {
  const { home, databaseUrl, logger, isDurable = true, restoring } = options
  const paths = homePaths(home)
  await using starting = new AsyncDisposableStack()
  const url = typeof databaseUrl === 'string' ? databaseUrl : databaseUrl?.reveal()
  const managed =
    url === undefined
      ? starting.use(
          await startManagedPostgres({
            dataFolder: paths.postgres,
            programsFolder: paths.programs,
            logger,
            isDurable,
          }),
        )
      : undefined
  const metadata = starting.use(
    connectMetadata({
      connection: managed?.connection ?? { connectionString: url },
      logger,
      postgresPid: () => managed?.pid(),
    }),
  )
  const { from, to } = await migrate(metadata.db, restoring?.migrations)
  if (from !== to) logger.log('info', 'metadata.migrated', { from, to })
  return disposedWith(metadata, starting.move())
}

function disposedWith(metadata: Metadata, everything: AsyncDisposable): Metadata {
  return {
    db: metadata.db,
    beside: metadata.beside,
    transaction: (work) => metadata.transaction(work),
    listen: (channel, onNotify) => metadata.listen(channel, onNotify),
    get postgresPid() {
      return metadata.postgresPid
    },
    [Symbol.asyncDispose]: async () => await everything[Symbol.asyncDispose](),
  }
}
