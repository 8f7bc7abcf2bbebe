import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#base/errors.ts'
import { someAtOnce } from '#base/some-at-once.ts'
import { corrupt } from '#lake/file-checks.ts'
import type { LakeFiles } from '#lake/lake-files.ts'
import { tableContents } from '#lake/table-contents.ts'
import { tableFiles } from '#lake/table-files.ts'
import { tableReader } from '#lake/table-reader.ts'
import type { LakeTableRow } from '#metadata/lake.ts'
import { linkFile, writeHashed } from './copy-file.ts'
import type { BackupFile } from './manifest.ts'
import { newestBackup } from './repository.ts'

/** Which lake, and where to. */
export interface LakeToCopy {
  readonly lake: LakeFiles
  /** As they were at the backup's moment; their snapshots are pinned. */
  readonly tables: readonly LakeTableRow[]
  /** Of backups. */
  readonly folder: string
  readonly draft: string
  readonly mode: number
  readonly signal: AbortSignal
}

export interface CopyWatcher {
  /** Whether all that was pinned still is. */
  isPinned(): Promise<boolean>
  /** Told before the first file. */
  found(files: readonly { readonly bytes: number }[]): Promise<void>
  /** Told of each file; `count`: how many there are so far. */
  copied(file: { readonly bytes: number; readonly isLinked: boolean; readonly count: number }): Promise<void>
}

interface LakeFile {
  /** Below the backup. */
  readonly name: string
  /** Below the lake. */
  readonly lakeName: string
  readonly bytes: number
}

const copiesAtOnce = 4

/**
 * Saves every file of the tables' states, wherever the lake is.
 * @throws AppError 'lake.conflict' when one went away meanwhile, 'lake.corrupt', 'store.…'
 */
export async function copyLake(given: LakeToCopy, watcher: CopyWatcher): Promise<BackupFile[]> {
  try {
    return await copyAll(given, watcher)
  } catch (error) {
    const isGone = error instanceof Gone && !isMetadata({ name: error.file })
    // Pins go before files do: with all of them there nobody took the file away by right.
    if (isGone && (await watcher.isPinned())) throw corrupt(error.file, 'is missing', error)
    throw error
  }
}

async function copyAll(given: LakeToCopy, watcher: CopyWatcher): Promise<BackupFile[]> {
  const { draft, folder, signal } = given
  const wanted = await filesOf(given)
  await watcher.found(wanted)
  const earlier = await newestFiles(folder)
  const files: BackupFile[] = []
  // A table forgets its oldest metadata with each commit: that goes first.
  const [metadata, others] = [wanted.filter(isMetadata), wanted.filter((file) => !isMetadata(file))]
  await someAtOnce([...metadata, ...others], copiesAtOnce, async (file) => {
    signal.throwIfAborted()
    const linked = await linkEarlier(file, { draft, earlier })
    files.push(linked ?? (await copyFile(given, file)))
    await watcher.copied({ bytes: file.bytes, isLinked: linked !== undefined, count: files.length })
  })
  return files
}

const isMetadata = ({ name }: { readonly name: string }): boolean => name.endsWith('.metadata.json')

/** What there is to save, and how much of it an earlier backup has. */
export async function countLake(
  given: Pick<LakeToCopy, 'lake' | 'tables' | 'folder' | 'signal'>,
): Promise<{ readonly files: number; readonly bytes: number; readonly filesLinked: number }> {
  const wanted = await filesOf(given)
  const earlier = await newestFiles(given.folder)
  return {
    files: wanted.length,
    bytes: wanted.reduce((sum, file) => sum + file.bytes, 0),
    filesLinked: wanted.filter(({ name, bytes }) => earlier.get(name)?.bytes === bytes).length,
  }
}

/** Of all tables, as far as they are there. */
async function filesOf({
  lake,
  tables,
  signal,
}: Pick<LakeToCopy, 'lake' | 'tables' | 'signal'>): Promise<LakeFile[]> {
  const reader = tableReader()
  const found: LakeFile[] = []
  for (const table of tables) {
    signal.throwIfAborted()
    const files = tableFiles(lake, table.dataset_id)
    const contents = await tableContents(reader, files, table.metadata_file)
    const sizes = new Map<string, number>()
    for await (const { name, bytes } of lake.list(table.dataset_id, { signal })) sizes.set(name, bytes)
    for (const { name, isHistory } of contents) {
      const lakeName = files.lakeName(name)
      const bytes = sizes.get(lakeName)
      if (bytes !== undefined) found.push({ name: `lake/${lakeName}`, lakeName, bytes })
      else if (!isHistory) throw new Gone(name)
    }
  }
  return found
}

async function copyFile(
  { lake, draft, mode, signal }: LakeToCopy,
  { name, lakeName, bytes }: LakeFile,
): Promise<BackupFile> {
  try {
    const copied = await writeHashed(join(draft, name), lake.stream(lakeName, { signal }), { signal, mode })
    if (copied.bytes !== bytes) throw new Gone(name)
    return { name, ...copied }
  } catch (error) {
    throw error instanceof AppError && error.code === 'object.missing' ? new Gone(name) : error
  }
}

/** Pins hold against expiry; a deletion of rows takes their files at once. */
class Gone extends AppError {
  readonly file: string

  constructor(file: string) {
    super('lake.conflict', `The lake's file ${file} went away while the backup ran.`, {
      hint: 'Rows were deleted meanwhile: the backup begins anew.',
      detail: { file },
    })
    this.file = file
  }
}

type EarlierFiles = ReadonlyMap<string, BackupFile & { readonly folder: string }>

/** Names of the lake are never used twice: an earlier backup's file of a name and size is the same. */
async function newestFiles(folder: string): Promise<EarlierFiles> {
  const newest = await newestBackup(folder)
  if (!newest) return new Map()
  return new Map(newest.manifest.files.map((file) => [file.name, { ...file, folder: newest.folder }]))
}

async function linkEarlier(
  { name, bytes }: LakeFile,
  { draft, earlier }: { readonly draft: string; readonly earlier: EarlierFiles },
): Promise<BackupFile | undefined> {
  const found = earlier.get(name)
  if (found?.bytes !== bytes) return undefined
  const path = join(found.folder, name)
  const stats = await stat(path).catch(() => undefined) // Gone or unreadable: copied from the lake again.
  if (stats?.size !== bytes || !(await linkFile(path, join(draft, name)))) return undefined
  return { name, bytes, sha256: found.sha256 }
}
