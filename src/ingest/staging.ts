import { createHash } from 'node:crypto'
import { type FileHandle, open, readdir, rm, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AppError } from '#base/errors.ts'
import type { BatchId } from '#base/ids.ts'
import { codeOf } from '#base/system-error.ts'
import { makeFolderDurably, syncFolder } from '#objects/durable-files.ts'

/** Where the files of open batches lie. Names are ours: numbers below the id of the batch. */
export interface Staging {
  readonly folder: string
  batchFolder(batchId: BatchId): string
  filePath(batchId: BatchId, number: number): string
  /** What a load derives from the files; each attempt has its own. */
  workFolder(batchId: BatchId, fence: number): string
  /** Below it two files for each batch that refused rows. */
  readonly rejectsFolder: string
  /** The first ones of a batch, as they are shown. */
  rejectsPath(batchId: BatchId): string
  /** All of them, whole, as clients of the reference platform know them. */
  errorsPath(batchId: BatchId): string
}

export function stagingOf(folder: string): Staging {
  const batchFolder = (batchId: BatchId): string => join(folder, batchId)
  const rejectsFolder = join(folder, 'rejects')
  return {
    folder,
    batchFolder,
    filePath: (batchId, number) => join(batchFolder(batchId), `file-${number}`),
    workFolder: (batchId, fence) => join(batchFolder(batchId), `work-${fence}`),
    rejectsFolder,
    rejectsPath: (batchId) => join(rejectsFolder, `${batchId}.jsonl`),
    errorsPath: (batchId) => join(rejectsFolder, `${batchId}.errors.jsonl`),
  }
}

/** To be written at once: for each write another thread is woken. */
const pieceBytes = 1024 * 1024

/**
 * Stores a stream as a new file that is on the disk when this returns; nothing is left of one that fails.
 * @throws AppError 'store.full'
 */
export async function storeDurably(
  { folder, path }: { readonly folder: string; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  await makeFolderDurably(folder)
  const hash = createHash('sha256')
  let count = 0
  try {
    await using file = await open(path, 'wx', 0o644)
    for await (const piece of gathered(bytes, signal)) {
      const written = file.writeFile(piece)
      hash.update(piece)
      count += piece.byteLength
      await written
    }
    signal.throwIfAborted()
    await file.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw fullOr(error)
  }
  await syncFolder(folder)
  return { bytes: count, sha256: hash.digest('hex') }
}

/** Pieces in one memory: a piece holds until the next one is asked for, and nothing is kept of the chunks. */
async function* gathered(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const piece = Buffer.allocUnsafe(pieceBytes)
  let length = 0
  for await (const chunk of chunks) {
    signal.throwIfAborted()
    for (let at = 0; at < chunk.byteLength;) {
      const part = chunk.subarray(at, at + pieceBytes - length)
      piece.set(part, length)
      length += part.byteLength
      at += part.byteLength
      if (length < pieceBytes) continue
      yield piece
      length = 0
    }
  }
  yield piece.subarray(0, length)
}

export async function removeRejects(staging: Staging, batchId: BatchId): Promise<void> {
  await rm(staging.rejectsPath(batchId), { force: true })
  await rm(staging.errorsPath(batchId), { force: true })
}

export async function removeBatchFiles(staging: Staging, batchId: BatchId): Promise<void> {
  await rm(staging.batchFolder(batchId), { recursive: true, force: true })
}

/** Removes one stored file, and the folder when it was the last. */
export async function removeFile(staging: Staging, batchId: BatchId, number: number): Promise<void> {
  await rm(staging.filePath(batchId, number), { force: true })
  await rmdir(staging.batchFolder(batchId)).catch(() => {}) // Other files are there still, or none ever was.
}

/** @returns AppError 'store.full' in place of the system's error, any other as it is */
export function fullOr(error: unknown): unknown {
  if (['ENOSPC', 'EDQUOT'].includes(codeOf(error))) {
    return new AppError('store.full', 'The disk of the staging folder is full.', {
      hint: 'Free some space, then upload again.',
      cause: error,
    })
  }
  return error
}

/** Goes on writing a file. @throws AppError 'store.full' */
export async function writeText(file: FileHandle, text: string): Promise<void> {
  try {
    await file.writeFile(text)
  } catch (error) {
    throw fullOr(error)
  }
}

/** Removes what attempts that died have derived. */
export async function removeEarlierWork(staging: Staging, batchId: BatchId, fence: number): Promise<void> {
  const own = basename(staging.workFolder(batchId, fence))
  for (const name of await readdir(staging.batchFolder(batchId))) {
    if (name.startsWith('work-') && name !== own) {
      await rm(join(staging.batchFolder(batchId), name), { recursive: true, force: true })
    }
  }
}
