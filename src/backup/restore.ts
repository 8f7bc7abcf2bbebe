import { createReadStream } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { createInterface } from 'node:readline'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { type BatchId, isId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { type Ids, unprivilegedIds } from '#base/run-as.ts'
import { someAtOnce } from '#base/some-at-once.ts'
import { homePaths } from '#config/home.ts'
import { nodeIdOf } from '#config/node-id.ts'
import type { Secret } from '#config/secret.ts'
import { connectMetadata } from '#metadata/connect.ts'
import { hasTables, loadTables, type TableDump } from '#metadata/dump.ts'
import { beginEpoch } from '#metadata/home-state.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { type Migration, migrate } from '#metadata/migrate.ts'
import { openMetadata } from '#metadata/open.ts'
import { syncFolder } from '#objects/durable-files.ts'
import { namesIn } from '#objects/names-in.ts'
import { checkHash, checkSizes, knownMigrations } from './check-backup.ts'
import { copyHashed, hashFile } from './copy-file.ts'
import { type BackupFile, type BackupManifest, corrupt } from './manifest.ts'
import { type Backup, findBackup } from './repository.ts'
import { setPlaces } from './restored-settings.ts'
import { openRestoreTarget, type RemoteLake, type RestoreTarget } from './restore-target.ts'

export interface RestoreOptions {
  /** A backup, or the folder of several: then the newest. */
  readonly from: string
  /** Where everything goes: not there yet, or empty. */
  readonly home: string
  readonly lakeFolder: string
  /** Instead of the folder. */
  readonly remoteLake?: RemoteLake | undefined
  readonly databaseUrl?: Secret | string | undefined
  /** Only reads the backup and checks every byte of it. */
  readonly isDryRun: boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly onProgress?: (progress: RestoreProgress) => void
}

export interface RestoreProgress {
  readonly files: number
  readonly filesDone: number
  readonly bytes: number
  readonly bytesDone: number
}

export interface RestoreReport {
  readonly backupId: string
  readonly takenAt: string
  readonly rowCount: number
  readonly files: number
  readonly bytes: number
  /** Of the restored data; absent after a dry run. */
  readonly epoch: number | undefined
}

const copiesAtOnce = 4

/** Of the manifest's names: files of the lake. */
const lakePrefix = 'lake/'

/**
 * Makes a home of a backup, every byte checked against the manifest. Until the end the home is marked as unfinished,
 * which no server starts on; one that fails is emptied again.
 * @throws AppError 'backup.unknown', 'backup.corrupt' naming the file, 'backup.invalid' for a home that is not empty,
 *   'metadata.newer', 'home.in_use', 'home.unusable'
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const backup = await findBackup(options.from)
  const { manifest } = backup
  const known = knownMigrations(manifest)
  await checkSizes(backup)
  const report = {
    backupId: manifest.id,
    takenAt: manifest.takenAt,
    rowCount: manifest.rowCount,
    files: manifest.files.length,
    bytes: bytesOf(manifest.files),
  }
  if (options.isDryRun) {
    await eachFile(options, manifest, async (file) =>
      checkHash(file, await hashFile(join(backup.folder, file.name), options.signal)),
    )
    return { ...report, epoch: undefined }
  }
  await using lake = await openRestoreTarget(options.lakeFolder, options.remoteLake)
  await refuseNonEmpty(options, lake)
  try {
    return { ...report, epoch: await restoreInto(options, { backup, known, lake }) }
  } catch (error) {
    // Whoever uses the home already is left alone.
    const isTheirs = error instanceof AppError && error.code === 'home.in_use'
    if (!isTheirs) {
      await empty(options.home)
      await lake.clear(lakeFilesOf(manifest).map(({ name }) => name))
    }
    throw error
  }
}

function lakeFilesOf({ files }: BackupManifest): readonly Pick<BackupFile, 'name' | 'bytes'>[] {
  return files
    .filter(({ name }) => name.startsWith(lakePrefix))
    .map(({ name, bytes }) => ({ name: name.slice(lakePrefix.length), bytes }))
}

async function restoreInto(
  options: RestoreOptions,
  given: {
    readonly backup: Backup
    readonly known: readonly Migration[]
    readonly lake: RestoreTarget
  },
): Promise<number> {
  const { home, lakeFolder, remoteLake, databaseUrl, logger, clock, signal } = options
  const { known, lake } = given
  const { folder, manifest } = given.backup
  const paths = homePaths(home)
  await using metadata = await openMetadata({ home, databaseUrl, logger, restoring: { migrations: known } })
  const ids = unprivilegedIds()
  await eachFile(options, manifest, async (file) => {
    const from = join(folder, file.name)
    if (file.name.startsWith(lakePrefix))
      return checkHash(file, await lake.put(from, file.name.slice(lakePrefix.length), signal))
    const target = targetOf(file.name, home)
    if (target) checkHash(file, await copyHashed(from, target.path, { signal, ...target.as(ids) }))
    else checkHash(file, await hashFile(from, signal))
  })
  await setPlaces(paths.config, remoteLake?.location)
  await fill(metadata, { folder, manifest })
  await migrate(metadata.db)
  const nodeId = await nodeIdOf(home)
  const staged = (await namesIn(paths.staging)).filter((name): name is BatchId => isId('batch', name))
  const epoch = await metadata.transaction(
    async (tx) => await beginEpoch(tx, { backupId: manifest.id, at: clock.now(), nodeId, staged }),
  )
  await lake.finish(lakeFilesOf(manifest), { homeId: manifest.homeId, epoch })
  if (!remoteLake) await syncTree(lakeFolder)
  await syncTree(home)
  await rm(paths.restoring)
  await syncFolder(home)
  return epoch
}

/** Into tables as they were when the backup was taken. */
async function fill(metadata: Metadata, { folder, manifest }: Backup): Promise<void> {
  await metadata.db.transaction().execute(async (tx) => {
    const rowCount = await loadTables(tx, {
      tables: manifest.tables,
      sequences: manifest.sequences,
      open: async (table) => await openDump(join(folder, 'database', `${table}.jsonl`)),
    })
    if (rowCount === manifest.rowCount) return
    throw corrupt('database', `holds ${rowCount} rows where ${manifest.rowCount} were written`)
  })
}

async function openDump(path: string): Promise<TableDump> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })[
    Symbol.asyncIterator
  ]()
  const first = await lines.next()
  const { table, columns } = JSON.parse(String(first.value)) as { table: string; columns: string[] }
  async function* rows() {
    for (let next = await lines.next(); !next.done; next = await lines.next())
      yield JSON.parse(next.value) as string
  }
  return { table, columns, rows: rows() }
}

/** Undefined for what goes into the database. */
function targetOf(name: string, home: string) {
  const slash = name.indexOf('/')
  const below = name.slice(slash + 1)
  // What the engine's children read and write is theirs.
  const shared = (ids: Ids | undefined) => ({ mode: 0o644, ids })
  const secret = () => ({ mode: 0o600 })
  switch (name.slice(0, slash)) {
    case 'staging':
      return { path: join(homePaths(home).staging, below), as: shared }
    case 'home':
      return { path: join(home, below), as: secret }
    case 'database':
      return undefined
    default:
      throw corrupt(name, 'is nothing this Sluice knows')
  }
}

async function eachFile(
  { signal, onProgress }: RestoreOptions,
  { files }: BackupManifest,
  work: (file: BackupFile) => Promise<void>,
): Promise<void> {
  let progress = { files: files.length, filesDone: 0, bytes: bytesOf(files), bytesDone: 0 }
  await someAtOnce(files, copiesAtOnce, async (file) => {
    signal.throwIfAborted()
    await work(file)
    progress = {
      ...progress,
      filesDone: progress.filesDone + 1,
      bytesDone: progress.bytesDone + file.bytes,
    }
    onProgress?.(progress)
  })
}

async function refuseNonEmpty(
  { home, databaseUrl, logger }: RestoreOptions,
  lake: RestoreTarget,
): Promise<void> {
  const used = (await namesIn(home)).length > 0 ? home : (await lake.isEmpty()) ? undefined : lake.place
  if (used !== undefined) {
    throw new AppError('backup.invalid', `${used} is not empty; nothing was restored.`, {
      hint: 'Choose a new place with --home and --lake-location. What is there is never written over.',
    })
  }
  if (databaseUrl === undefined) return
  const connectionString = typeof databaseUrl === 'string' ? databaseUrl : databaseUrl.reveal()
  await using database = connectMetadata({ connection: { connectionString }, logger })
  if (!(await hasTables(database.db))) return
  throw new AppError('backup.invalid', 'The database holds a Sluice already; nothing was restored.', {
    hint: 'Give an empty database with DATABASE_URL.',
  })
}

/** Its contents: the folder itself may be a mount. */
async function empty(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) await rm(join(folder, name), { recursive: true, force: true })
}

async function syncTree(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    // PostgreSQL looks after its own.
    if (entry.isDirectory() && !relative(root, path).split(sep).includes('postgres')) await syncFolder(path)
  }
  await syncFolder(root)
}

function bytesOf(files: readonly BackupFile[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0)
}
