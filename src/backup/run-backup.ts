import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { homePaths } from '#config/home.ts'
import { stagingOf } from '#ingest/staging.ts'
import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import { localLakeFiles } from '#lake/local-lake-files.ts'
import { tableContents } from '#lake/table-contents.ts'
import { tableFiles } from '#lake/table-files.ts'
import { tableReader } from '#lake/table-reader.ts'
import { dumpTables, selectSequences } from '#metadata/dump.ts'
import { selectHomeState } from '#metadata/home-state.ts'
import { deleteBackupPins, extendBackupPins, type LakeTableRow } from '#metadata/lake.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { migrations } from '#metadata/migrate.ts'
import { layoutVersion } from '#metadata/open-home.ts'
import { type BackupProgress, noProgress } from './backups.ts'
import { codeOf, copyHashed, type Hashed, linkFile, someAtOnce, writeHashed } from './copy-file.ts'
import { type BackupFile, formatVersion, manifestName, printManifest } from './manifest.ts'
import { atOnePoint, type Point } from './point.ts'
import {
  backupIdOf,
  backupOfRun,
  beginBackup,
  checkRepository,
  newestBackup,
  publishBackup,
} from './repository.ts'

export interface RunBackupOptions {
  readonly metadata: Metadata
  readonly home: string
  readonly lakeFolder: string
  readonly clock: Clock
  /** Of this Sluice. */
  readonly version: string
}

/** How long a backup that died keeps snapshots. */
const pinMs = 3_600_000
const progressEveryMs = 500
const copiesAtOnce = 4
const fileMode = 0o600

export const backupPayload = z.object({ folder: z.string(), isDryRun: z.boolean() })

/**
 * One attempt at a backup. Everything is written into a folder with a hidden name, the manifest last, and then the
 * folder gets its own: whatever dies before leaves nothing that looks like a backup, and the next attempt begins anew.
 */
export async function runBackup(options: RunBackupOptions, context: RunContext): Promise<RunOutcome> {
  const { metadata } = options
  const { run, lease } = context
  const { folder, isDryRun } = backupPayload.parse(run.payload)
  const progress = createProgress(options, context)
  const finish = async (last: Partial<BackupProgress>) =>
    await metadata.transaction(
      async (tx) => await lease.finish(tx, { ...progress.now(), ...last, phase: 'done' }),
    )
  if (isDryRun) {
    await survey(options, folder, progress)
    await finish({})
    return 'finished'
  }
  const made = await backupOfRun(folder, run.id)
  if (made) {
    // An earlier attempt died after its backup was whole.
    await finish({ backupId: made.manifest.id, rows: made.manifest.rowCount, ...sums(made.manifest.files) })
    return 'finished'
  }
  const { home_id: homeId } = await selectHomeState(metadata.db)
  const draft = await beginBackup(folder, { homeId, runId: run.id })
  try {
    await faultPoint('backup.begun')
    await finish({ backupId: await takeBackup(options, context, { folder, draft, progress }) })
    return 'finished'
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  } finally {
    // While the server ends the database may be gone already; the pins end by themselves.
    await deleteBackupPins(metadata.db, pinOwner(run.id)).catch(() => {})
    await rm(homePaths(options.home).backupHold, { recursive: true, force: true })
  }
}

interface Draft {
  readonly folder: string
  readonly draft: string
  readonly progress: Progress
}

async function takeBackup(options: RunBackupOptions, context: RunContext, target: Draft): Promise<string> {
  const { metadata, home, clock, version } = options
  const { run, signal } = context
  const paths = homePaths(home)
  const { draft, progress } = target
  const takenAt = clock.now()
  await progress.update({ phase: 'database' })
  const { point, dumped } = await atOnePoint(
    {
      metadata,
      stagingFolder: paths.staging,
      holdFolder: paths.backupHold,
      pinOwner: pinOwner(run.id),
      pinnedUntil: new Date(takenAt.getTime() + pinMs),
    },
    async (view, found) => ({ point: found, dumped: await dump(view, context, target) }),
  )
  await faultPoint('backup.dump.done')
  const files = [
    ...dumped.files,
    ...(await copyLake(options, context, { ...target, tables: point.tables })),
    ...(await copyHome(options, context, { ...target, point })),
  ]
  await progress.update({ phase: 'finishing' })
  await faultPoint('backup.manifest.before')
  const id = backupIdOf(takenAt, run.id)
  const text = printManifest({
    format: 'sluice-backup',
    version: formatVersion,
    id,
    runId: run.id,
    sluice: version,
    takenAt: takenAt.toISOString(),
    homeId: point.home.home_id,
    epoch: point.home.epoch,
    layout: layoutVersion,
    migrations: migrations.map((migration) => migration.name),
    tables: dumped.tables,
    sequences: dumped.sequences,
    rowCount: dumped.rowCount,
    files: files.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  })
  await writeHashed(join(draft, manifestName), [Buffer.from(text)], { signal, mode: fileMode })
  await faultPoint('backup.manifest.after')
  await publishBackup(draft, id)
  return id
}

async function dump(view: Transaction, { signal }: RunContext, { draft, progress }: Draft) {
  const files: BackupFile[] = []
  const tables: string[] = []
  let rowCount = 0
  for await (const { table, columns, rows } of dumpTables(view)) {
    const name = `database/${table}.jsonl`
    async function* lines() {
      yield Buffer.from(`${JSON.stringify({ table, columns })}\n`)
      for await (const row of rows) {
        rowCount += 1
        yield Buffer.from(`${JSON.stringify(row)}\n`)
      }
    }
    files.push({ name, ...(await writeHashed(join(draft, name), lines(), { signal, mode: fileMode })) })
    tables.push(table)
    await progress.update({ rows: rowCount })
  }
  return { files, tables, rowCount, sequences: await selectSequences(view) }
}

interface LakeFile {
  /** Below the backup. */
  readonly name: string
  readonly path: string
  readonly bytes: number
}

async function copyLake(
  options: RunBackupOptions,
  { signal }: RunContext,
  { folder, draft, progress, tables }: Draft & { readonly tables: readonly LakeTableRow[] },
): Promise<BackupFile[]> {
  const wanted = await lakeFiles(options.lakeFolder, tables, signal)
  await progress.update({ phase: 'lake', ...sums(wanted), filesDone: 0 })
  const earlier = await newestFiles(folder)
  const files: BackupFile[] = []
  await someAtOnce(wanted, copiesAtOnce, async (file) => {
    signal.throwIfAborted()
    const linked = await linkEarlier(file, { draft, earlier })
    files.push(linked ?? { name: file.name, ...(await copyLakeFile(file, draft, signal)) })
    if (files.length === 2) await faultPoint('backup.copy.middle')
    await progress.add({ filesDone: 1, filesLinked: linked ? 1 : 0, bytesDone: file.bytes })
  })
  return files
}

/** Of all tables, as far as they are there. */
async function lakeFiles(
  lakeFolder: string,
  tables: readonly LakeTableRow[],
  signal: AbortSignal,
): Promise<LakeFile[]> {
  const reader = tableReader()
  const found: LakeFile[] = []
  for (const table of tables) {
    signal.throwIfAborted()
    const files = tableFiles(localLakeFiles(lakeFolder), table.dataset_id)
    const contents = await tableContents(reader, files, table.metadata_file)
    await someAtOnce(contents, copiesAtOnce, async ({ name, isHistory }) => {
      const path = join(lakeFolder, files.lakeName(name))
      try {
        found.push({ name: `lake/${table.dataset_id}/${name}`, path, bytes: (await stat(path)).size })
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error
        if (!isHistory) throw gone(name)
      }
    })
  }
  return found
}

async function copyLakeFile(
  { name, path, bytes }: LakeFile,
  draft: string,
  signal: AbortSignal,
): Promise<Hashed> {
  try {
    const copied = await copyHashed(path, join(draft, name), { signal, mode: fileMode })
    if (copied.bytes !== bytes) throw gone(name)
    return copied
  } catch (error) {
    throw codeOf(error) === 'ENOENT' ? gone(name) : error
  }
}

/** Pins hold against expiry; a deletion of rows takes their files at once. */
function gone(name: string): AppError {
  return new AppError('lake.conflict', `The lake's file ${name} went away while the backup ran.`, {
    hint: 'Rows were deleted meanwhile: the backup begins anew. If it comes again, the lake is damaged.',
    detail: { file: name },
  })
}

/** Names of the lake are never used twice: an earlier backup's file of a name and size is the same. */
async function newestFiles(folder: string): Promise<ReadonlyMap<string, BackupFile & { folder: string }>> {
  const newest = await newestBackup(folder)
  if (!newest) return new Map()
  const { files } = newest.manifest
  return new Map(files.map((file) => [file.name, { ...file, folder: newest.folder }]))
}

async function linkEarlier(
  { name, bytes }: LakeFile,
  { draft, earlier }: { readonly draft: string; readonly earlier: Awaited<ReturnType<typeof newestFiles>> },
): Promise<BackupFile | undefined> {
  const found = earlier.get(name)
  if (found?.bytes !== bytes) return undefined
  const path = join(found.folder, name)
  const stats = await stat(path).catch(() => undefined) // Gone or unreadable: copied from the lake again.
  if (stats?.size !== bytes || !(await linkFile(path, join(draft, name)))) return undefined
  return { name, bytes, sha256: found.sha256 }
}

/** Keys, credentials, settings, uploads that wait, and what loads refused. */
async function copyHome(
  { home }: RunBackupOptions,
  { signal }: RunContext,
  { draft, progress, point }: Draft & { readonly point: Point },
): Promise<BackupFile[]> {
  await progress.update({ phase: 'home' })
  const paths = homePaths(home)
  const hold = stagingOf(paths.backupHold)
  const { rejectsFolder } = stagingOf(paths.staging)
  const wanted = [
    ...[paths.credentials, paths.config].map((path) => ({
      name: `home/${path.slice(home.length + 1)}`,
      path,
    })),
    ...(await filesIn(paths.keys, 'home/keys')),
    ...(await filesIn(paths.tls, 'home/tls')),
    ...(await filesIn(rejectsFolder, 'staging/rejects')),
    ...point.uploads.map(({ batch_id: batchId, number }) => ({
      name: `staging/${batchId}/file-${number}`,
      path: hold.filePath(batchId, number),
    })),
  ]
  const files: BackupFile[] = []
  for (const { name, path } of wanted) {
    try {
      files.push({ name, ...(await copyHashed(path, join(draft, name), { signal, mode: fileMode })) })
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error // No settings file, say: then there is none to keep.
    }
  }
  return files
}

async function filesIn(folder: string, name: string): Promise<{ name: string; path: string }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  })
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => ({ name: `${name}/${entry.name}`, path: join(folder, entry.name) }))
}

/** A dry run: what there is and what an earlier backup has of it. */
async function survey(
  { metadata, lakeFolder }: RunBackupOptions,
  folder: string,
  progress: Progress,
): Promise<void> {
  const { home_id: homeId } = await selectHomeState(metadata.db)
  await checkRepository(folder, homeId)
  const tables = await metadata.db.selectFrom('lake_tables').selectAll().execute()
  const wanted = await lakeFiles(lakeFolder, tables, progress.signal)
  const earlier = await newestFiles(folder)
  const linked = wanted.filter(({ name, bytes }) => earlier.get(name)?.bytes === bytes)
  await progress.update({ ...sums(wanted), filesLinked: linked.length })
}

function sums(files: readonly { readonly bytes: number }[]) {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return { files: files.length, bytes }
}

function pinOwner(runId: string): string {
  return `backup ${runId}`
}

interface Progress {
  readonly signal: AbortSignal
  now(): BackupProgress
  /** Shown at once. */
  update(change: Partial<BackupProgress>): Promise<void>
  /** Shown now and then. */
  add(more: Partial<Record<'filesDone' | 'filesLinked' | 'bytesDone', number>>): Promise<void>
}

function createProgress({ metadata, clock }: RunBackupOptions, { run, lease, signal }: RunContext): Progress {
  let current = noProgress
  let savedMs = 0
  let pinnedMs = clock.now().getTime()
  const save = async () => {
    savedMs = clock.now().getTime()
    await lease.saveProgress({ ...current })
    if (savedMs - pinnedMs < pinMs / 4) return
    pinnedMs = savedMs
    await extendBackupPins(metadata.db, pinOwner(run.id), new Date(savedMs + pinMs))
  }
  return {
    signal,
    now: () => current,
    update: async (change) => {
      current = { ...current, ...change }
      await save()
    },
    add: async ({ filesDone = 0, filesLinked = 0, bytesDone = 0 }) => {
      current = {
        ...current,
        filesDone: current.filesDone + filesDone,
        filesLinked: current.filesLinked + filesLinked,
        bytesDone: current.bytesDone + bytesDone,
      }
      if (clock.now().getTime() - savedMs >= progressEveryMs) await save()
    },
  }
}
