import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BatchId, isId } from '#base/ids.ts'
import { syncFolder } from '#objects/durable-files.ts'
import { namesIn } from '#objects/names-in.ts'
import { readSegment, type Segment, segmentHead } from './segment.ts'

const ending = '.log'
const asideEnding = `${ending}.damaged`

export function segmentPath(folder: string, id: BatchId): string {
  return join(folder, `${id}${ending}`)
}

/**
 * What earlier lives left: segments, oldest first, and how many files were set aside.
 * @throws AppError 'home.unusable' for a segment of another form
 */
export async function leftSegments(
  folder: string,
): Promise<{ readonly segments: Segment[]; readonly asideCount: number }> {
  const segments: Segment[] = []
  const names = await namesIn(folder)
  for (const name of names.toSorted()) {
    const id = name.slice(0, -ending.length)
    if (!name.endsWith(ending) || !isId('batch', id)) continue
    const path = join(folder, name)
    const segment = { id, path, bytes: (await stat(path)).size, isWhole: false }
    // Says whether it can be read at all.
    for await (const _ of readSegment(segment)) break
    segments.push(segment)
  }
  return { segments, asideCount: names.filter((name) => name.endsWith(asideEnding)).length }
}

/** A new one, with its head, durable when this returns. */
export async function createSegment(path: string): Promise<FileHandle> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.write(segmentHead(), 0, segmentHead().byteLength, 0)
    await file.sync()
    await syncFolder(dirname(path))
    return file
  } catch (error) {
    await file.close()
    await rm(path, { force: true })
    throw error
  }
}

export async function removeSegment({ path }: Segment): Promise<void> {
  await rm(path, { force: true })
  await syncFolder(dirname(path))
}

/** Keeps its file under a name that nobody takes up. Returns its path. */
export async function renameAside({ path }: Segment): Promise<string> {
  const aside = path.slice(0, -ending.length) + asideEnding
  await rename(path, aside)
  await syncFolder(dirname(aside))
  return aside
}
