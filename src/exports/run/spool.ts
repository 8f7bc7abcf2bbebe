import { mkdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { lendFolder, newAttemptFolder } from '#base/engine-folder.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import type { CopiedFile } from '#engine/engine.ts'
import type { RunContext } from '#jobs/jobs.ts'
import { joinGroups } from './join-groups.ts'
import { recordFolderCondition, recordFolderSql, type RecordFolders } from '../manifests/record-time.ts'
import type { RunScope } from './run-scope.ts'
import { countBy, type ExportScan, rowCountOf, scanOf } from '../plan/scan.ts'
import type { Spooled, SpooledFile } from './spooled.ts'
import type { StagingAhead } from './stage-ahead.ts'
import { formatOf } from '../plan/written-size.ts'

/** Each is a statement over the files. */
const recordFoldersMax = 2_000

/**
 * Reads the pinned rows once, into files of our own. An attempt has a folder to itself.
 * @param ahead told where all files are about to be written
 * @throws AppError 'source.removed'
 */
export async function spool(
  scope: RunScope,
  ahead?: Pick<StagingAhead, 'watch' | 'forget'>,
): Promise<Spooled> {
  const { context, progress } = scope
  const { signal } = context
  const scan = await scanOf(scope, signal)
  await progress.update({ phase: 'reading', rowCountTotal: scan.rowCount })
  if (scan.files.length === 0) {
    await faultPoint('export.spool.done')
    return { sourceRowCount: 0, sourceBytes: scan.bytes, skippedRowCount: 0, emittedRowCount: 0, files: [] }
  }
  try {
    return await spoolScan(scope, scan, ahead)
  } catch (error) {
    // Who deletes rows for good takes the files from whoever reads them: a statement says only that one is not there.
    if (!signal.aborted) await scanOf(scope, signal)
    throw error
  }
}

async function spoolScan(
  scope: RunScope,
  scan: ExportScan,
  ahead: Pick<StagingAhead, 'watch' | 'forget'> | undefined,
): Promise<Spooled> {
  const { engine, lake, plan, context, spoolFolder, progress } = scope
  const { signal } = context
  using lease = await lake.lease(scan.files, { signal })
  const { paths } = lease
  // The rows of all folders are all rows: where they are counted by folder, they are counted once.
  const { recordFolders } = plan
  const byFolder =
    recordFolders && (await countBy(engine, { sql: scan.sql, paths }, recordFolderSql(recordFolders), signal))
  const sourceRowCount =
    scan.isFiltered && byFolder ? sumOf(byFolder) : await rowCountOf(engine, { ...scan, paths }, signal)
  if (scan.isFiltered) await progress.update({ rowCountTotal: sourceRowCount })
  const folder = await newAttemptFolder(spoolFolder, context.run.id, context.lease.fence)
  const made =
    recordFolders && byFolder
      ? await written(scope, {
          scan,
          shares: sharesOf(scan, plan.folder, recordFolders, byFolder),
          folder,
          paths,
        })
      : await together(scope, { scan, folder, paths, ahead })
  await faultPoint('export.spool.done')
  return {
    sourceRowCount,
    sourceBytes: scan.bytes,
    skippedRowCount: plan.content === 'window' ? 0 : scan.rowCount - sourceRowCount,
    ...made,
  }
}

type Made = Pick<Spooled, 'emittedRowCount' | 'files'>

interface Target {
  /** Of the attempt. */
  readonly folder: string
  /** Of the data files that are read. */
  readonly paths: readonly string[]
}

/** All rows go to one folder: as row groups that are taken over where they can be, else as the engine writes them. */
async function together(
  scope: RunScope,
  {
    scan,
    ahead,
    ...target
  }: Target & {
    readonly scan: ExportScan
    readonly ahead: Pick<StagingAhead, 'watch' | 'forget'> | undefined
  },
): Promise<Made> {
  const below = scope.plan.folder
  const { folder } = target
  ahead?.watch(folder, { isAppended: true })
  const joined = await joinGroups(scope, { scan, folder })
  if (joined) {
    const emittedRowCount = joined.reduce((sum, file) => sum + file.rowCount, 0)
    return { emittedRowCount, files: joined.map((file) => ({ ...file, folder: below })) }
  }
  // The engine writes others in their place.
  await ahead?.forget()
  ahead?.watch(folder)
  const all: FolderShare = { sql: scan.sql, folder: below, spoolFolder: async (attempt) => attempt }
  return await written(scope, { ...target, scan, shares: [all] })
}

/** As the engine writes them, one share after the other. */
async function written(
  scope: RunScope,
  {
    scan,
    shares,
    folder,
    paths,
  }: Target & { readonly scan: ExportScan; readonly shares: readonly FolderShare[] },
): Promise<Made> {
  const { engine, context, progress } = scope
  const format = await formatOf(scope, { ...scan, paths }, context.signal)
  // So a repetition is the same byte for byte. Parquet that is split would be written by one thread alone.
  const isOrdered = format.kind !== 'parquet' || format.fileBytesMax === undefined
  const files: SpooledFile[] = []
  let emittedRowCount = 0
  // Only for people: a lost lease is noticed by the next step.
  const show = (rowCount: number): void => void progress.update({ rowCount }).catch(() => {})
  for (const share of shares) {
    const copied = await engine.copy(
      { sql: share.sql, files: paths, pool: 'batch' },
      {
        folder: await share.spoolFolder(folder),
        format,
        isOrdered,
        onProgress: ({ rowCount }) => {
          // Rows that are read: of several shares each reads those of the others, too.
          if (shares.length === 1) show(rowCount)
        },
        signal: context.signal,
      },
    )
    emittedRowCount += copied.rowCount
    if (shares.length > 1) show(emittedRowCount)
    // An engine may leave a file without rows behind; it delivers nothing.
    const filled = inOrder(copied.files.filter((file) => file.rowCount > 0))
    files.push(...filled.map((file) => ({ ...file, folder: share.folder })))
  }
  return { emittedRowCount, files }
}

/** That in which they were begun: their names are said to rise. */
function inOrder(files: readonly CopiedFile[]): readonly CopiedFile[] {
  return files.toSorted((one, other) => (one.path < other.path ? -1 : 1))
}

interface FolderShare {
  readonly sql: string
  /** Below the location. */
  readonly folder: string
  spoolFolder(attemptFolder: string): Promise<string>
}

/** One for each folder that the rows go to. */
function sharesOf(
  { sql }: ExportScan,
  folder: string,
  recordFolders: RecordFolders,
  counts: ReadonlyMap<string, number>,
): readonly FolderShare[] {
  if (counts.size > recordFoldersMax)
    throw new AppError(
      'flow.invalid',
      `The rows lie in ${counts.size} folders by ${recordFolders.unit}; one delivery has at most ${recordFoldersMax}.`,
      {
        hint: 'Take larger recordTimeFolders, or leave out old rows (recordDaysMax) and deliver them in windows.',
      },
    )
  return [...counts.keys()].map((below, index) => ({
    sql: `(SELECT * FROM ${sql} AS rows WHERE ${recordFolderCondition(recordFolders, below)})`,
    folder: folder === '' ? below : `${folder}/${below}`,
    spoolFolder: async (attemptFolder) => {
      const path = join(attemptFolder, String(index))
      await mkdir(path)
      await lendFolder(path)
      return path
    },
  }))
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

export async function removeSpool(spoolFolder: string, runId: string): Promise<void> {
  await rm(join(spoolFolder, runId), { recursive: true, force: true })
}

/** Only what this attempt spooled: another one may be at work beside. */
export async function removeAttemptSpool(spoolFolder: string, { run, lease }: RunContext): Promise<void> {
  const runFolder = join(spoolFolder, run.id)
  await rm(join(runFolder, String(lease.fence)), { recursive: true, force: true })
  await rmdir(runFolder).catch(() => {}) // Another attempt's folder is in it, or there is none.
}
