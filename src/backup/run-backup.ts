import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '#base/clock.ts'
import { faultPoint } from '#base/faults.ts'
import { codeOf } from '#base/system-error.ts'
import { homePaths } from '#config/home.ts'
import { stagingOf } from '#ingest/staging.ts'
import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import type { LakeFiles } from '#lake/lake-files.ts'
import { dumpTables, selectSequences } from '#metadata/dump.ts'
import { selectHomeState } from '#metadata/home-state.ts'
import { countBackupPins, deleteBackupPins, extendBackupPins } from '#metadata/lake.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { migrations } from '#metadata/migrate.ts'
import { layoutVersion } from '#metadata/open-home.ts'
import { type BackupProgress, noProgress } from './backups.ts'
import { copyHashed, writeHashed } from './copy-file.ts'
import { copyLake, countLake } from './copy-lake.ts'
import { type BackupFile, formatVersion, manifestName, printManifest } from './manifest.ts'
import { atOnePoint, type Point } from './point.ts'
import { backupIdOf, backupOfRun, beginBackup, checkRepository, publishBackup } from './repository.ts'

export interface RunBackupOptions {
  readonly metadata: Metadata
  readonly home: string
  readonly lakeFiles: LakeFiles
  readonly clock: Clock
  /** Of this Sluice. */
  readonly version: string
}

/** How long a backup that died keeps snapshots. */
const pinMs = 3_600_000
const progressEveryMs = 500
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
    ...(await saveLake(options, context, { ...target, point })),
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

async function saveLake(
  { lakeFiles, metadata }: RunBackupOptions,
  { run, signal }: RunContext,
  { folder, draft, progress, point }: Draft & { readonly point: Point },
): Promise<BackupFile[]> {
  return await copyLake(
    { lake: lakeFiles, tables: point.tables, folder, draft, mode: fileMode, signal },
    {
      isPinned: async () => (await countBackupPins(metadata.db, pinOwner(run.id))) === point.pinCount,
      found: async (files) => await progress.update({ phase: 'lake', ...sums(files), filesDone: 0 }),
      copied: async ({ bytes, isLinked, count }) => {
        if (count === 2) await faultPoint('backup.copy.middle')
        await progress.add({ filesDone: 1, filesLinked: isLinked ? 1 : 0, bytesDone: bytes })
      },
    },
  )
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
  { metadata, lakeFiles }: RunBackupOptions,
  folder: string,
  progress: Progress,
): Promise<void> {
  const { home_id: homeId } = await selectHomeState(metadata.db)
  await checkRepository(folder, homeId)
  const tables = await metadata.db.selectFrom('lake_tables').selectAll().execute()
  await progress.update(await countLake({ lake: lakeFiles, tables, folder, signal: progress.signal }))
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
