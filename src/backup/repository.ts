import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { liesIn, realPathOf } from '#base/real-path.ts'
import { codeOf } from '#base/system-error.ts'
import { syncFolder, writeFileDurably } from '#objects/durable-files.ts'
import { type BackupManifest, readManifest } from './manifest.ts'

/**
 * A folder of backups of one home:
 *
 *   sluice-backups.json      whose they are
 *   20260301T010000Z-1a2b3c4d/manifest.json, database/, lake/, staging/, home/
 *   .unfinished-<run>/       one that is being taken, or was broken off
 */
const markName = 'sluice-backups.json'
const unfinishedStart = '.unfinished-'
const markSchema = z.strictObject({ format: z.literal('sluice-backups'), homeId: z.string() })

export interface Backup {
  readonly folder: string
  readonly manifest: BackupManifest
}

/** @throws AppError 'backup.invalid' when it holds anything but backups of this home */
export async function checkRepository(folder: string, homeId: string): Promise<void> {
  const names = await namesIn(folder)
  if (names.length === 0) return
  const mark = await readMark(folder)
  if (!mark) {
    throw new AppError(
      'backup.invalid',
      `The folder ${folder} is not empty and holds no backups of Sluice.`,
      {
        hint: 'Choose an empty folder, or the one of earlier backups.',
      },
    )
  }
  if (mark.homeId !== homeId) {
    throw new AppError('backup.invalid', `The folder ${folder} holds backups of another home.`, {
      hint: 'Choose another folder: backups of two homes are not mixed.',
    })
  }
}

/** A new folder for a backup in the making; what was broken off before goes. */
export async function beginBackup(folder: string, given: { homeId: string; runId: string }): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await checkRepository(folder, given.homeId)
  if (!(await readMark(folder))) {
    const mark: z.infer<typeof markSchema> = { format: 'sluice-backups', homeId: given.homeId }
    await writeFileDurably(join(folder, markName), Buffer.from(`${JSON.stringify(mark)}\n`))
  }
  await removeUnfinished(folder)
  const draft = join(folder, `${unfinishedStart}${given.runId}`)
  await mkdir(draft, { mode: 0o700 })
  return draft
}

async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (name.startsWith(unfinishedStart)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** From here the backup is there, whole. */
export async function publishBackup(draft: string, id: string): Promise<void> {
  await syncFolders(draft)
  await rename(draft, join(dirname(draft), id))
  await syncFolder(dirname(draft))
}

async function syncFolders(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory())
  for (const entry of folders) await syncFolder(join(entry.parentPath, entry.name))
  await syncFolder(folder)
}

const backupPattern = /^\d{8}T\d{6}Z-[0-9a-f]{8}$/

export function backupIdOf(takenAt: Date, runId: string): string {
  return `${takenAt.toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${runId.slice(0, 8)}`
}

/** The whole backup that the run made, if it made one. @throws AppError 'backup.corrupt' */
export async function backupOfRun(folder: string, runId: string): Promise<Backup | undefined> {
  const name = (await backupNames(folder)).find((candidate) => candidate.endsWith(`-${runId.slice(0, 8)}`))
  const manifest = name === undefined ? undefined : await readManifest(join(folder, name))
  return name !== undefined && manifest?.runId === runId
    ? { folder: join(folder, name), manifest }
    : undefined
}

/** The newest backup, if it is whole: one that is not is no reason against making another. */
export async function newestBackup(folder: string): Promise<Backup | undefined> {
  try {
    return await findBackup(folder)
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}

/** The oldest first. */
async function backupNames(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => backupPattern.test(name)).toSorted()
}

/**
 * The backup that a folder is, or the newest one in it.
 * @throws AppError 'backup.unknown', 'backup.corrupt', 'metadata.newer'
 */
export async function findBackup(folder: string): Promise<Backup> {
  const manifest = await readManifest(folder)
  if (manifest) return { folder, manifest }
  // Only the newest is read: an older one that is broken is no reason against it.
  const newest = (await backupNames(folder)).at(-1)
  const found = newest === undefined ? undefined : await readManifest(join(folder, newest))
  if (newest !== undefined && found) return { folder: join(folder, newest), manifest: found }
  throw new AppError('backup.unknown', `There is no whole backup in ${folder}.`, {
    hint: 'Give the folder that sluice backup --to wrote to, or one of the backups in it.',
  })
}

/**
 * The folder must be outside of what it saves.
 * @throws AppError 'backup.invalid'
 */
export async function checkBackupFolder(folder: string, saved: readonly string[]): Promise<void> {
  if (!isAbsolute(folder) || resolve(folder) === sep) {
    throw new AppError('backup.invalid', 'The folder of backups is an absolute path, and not the root.')
  }
  const real = await realPathOf(folder)
  for (const place of saved) {
    const other = await realPathOf(place)
    if (liesIn(real, other) || liesIn(other, real)) {
      throw new AppError('backup.invalid', `Backups in ${folder} and ${place} would lie in one another.`, {
        hint: 'Choose a folder of its own, best on another disk.',
      })
    }
  }
}

async function readMark(folder: string): Promise<z.infer<typeof markSchema> | undefined> {
  try {
    return markSchema.parse(JSON.parse(await readFile(join(folder, markName), 'utf8')))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new AppError('backup.invalid', `${join(folder, markName)} cannot be read as the mark of backups.`, {
      cause: error,
      hint: 'Choose another folder.',
    })
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    if (codeOf(error) === 'ENOTDIR') throw new AppError('backup.invalid', `${folder} is not a folder.`)
    throw error
  }
}
