import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Access } from '#access/access.ts'
import type { BatchId } from '#base/ids.ts'
import { codeOf } from '#base/system-error.ts'
import type { Batch, Caller, Datasets } from '#datasets/datasets.ts'
import { selectBatchFiles } from '#metadata/batches.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { BatchData, Ingest } from './ingest.ts'
import { filesElsewhere } from './managed-batch.ts'
import { errorLine, linesOf, readRejects, rejectsKeptMax } from './rejects.ts'
import { requireWhole } from './require-whole.ts'
import type { Staging } from './staging.ts'

const sampleRows = 100
const pieceBytes = 256 * 1024

/**
 * What is kept beside the rows of a batch that is over: what refused rows were, the files of one that failed, and which
 * files there were. All of it goes when it is thirty days old.
 */
export function createBatchData({
  metadata,
  access,
  datasets,
  staging,
  nodeId,
}: {
  readonly metadata: Metadata
  readonly access: Access
  readonly datasets: Datasets
  readonly staging: Staging
  readonly nodeId: string
}): Pick<Ingest, 'rejects' | 'failedFiles' | 'metaFiles'> {
  /** @throws AppError 'dataset.unknown' when its dataset is gone: so is what was kept, or it goes with the next sweep */
  async function found(caller: Caller, batchId: BatchId): Promise<Batch> {
    const batch = await datasets.batch(caller, batchId)
    await datasets.get(caller, batch.datasetId)
    await requireWhole(access, caller, batch.datasetId)
    return batch
  }

  return {
    rejects: async (caller, batchId, { limit }) => {
      const batch = await found(caller, batchId)
      if (batch.failedRecordCount > 0) requireHere(batch, nodeId)
      const count = Math.min(Math.max(Math.trunc(limit), 0), rejectsKeptMax)
      return await readRejects(staging.rejectsPath(batch.id), count)
    },

    failedFiles: async (caller, batchId) => {
      const batch = await found(caller, batchId)
      if (batch.state !== 'failed') return []
      const files: BatchData[] = []
      const rows = await selectBatchFiles(metadata.db, batch.id)
      if (rows.length > 0) requireHere(batch, nodeId)
      for (const { number, file_name: name } of rows) {
        const path = staging.filePath(batch.id, number)
        const bytes = await sizeOf(path)
        if (bytes === undefined) continue
        files.push(fileData(name, { path, bytes }))
      }
      return files
    },

    metaFiles: async (caller, batchId) => {
      const batch = await found(caller, batchId)
      if (batch.failedRecordCount > 0) requireHere(batch, nodeId)
      return [...(await errorFiles(batch.id)), ...(await inputFiles(batch.id))]
    },
  }

  async function errorFiles(batchId: BatchId): Promise<BatchData[]> {
    const path = staging.errorsPath(batchId)
    const bytes = await sizeOf(path)
    const [all, sample] = ['row_errors/parsing_errors_0.json', 'row_errors_sample.json']
    if (bytes !== undefined) {
      return [fileData(all, { path, bytes }), await made(sample, () => firstLines(path))]
    }
    // What a Sluice before this one kept, for its thirty days.
    const shown = staging.rejectsPath(batchId)
    return (await sizeOf(shown)) === undefined ? [] : [await made(all, () => errorLines(shown))]
  }

  async function inputFiles(batchId: BatchId): Promise<BatchData[]> {
    const rows = await selectBatchFiles(metadata.db, batchId)
    return await Promise.all(
      rows.map(
        async ({ number, file_name: name, bytes, sha256 }) =>
          await made(`input_files/input_file_${number}.json`, async function* () {
            yield Buffer.from(`${JSON.stringify({ name, length: Number(bytes), sha256 })}\n`)
          }),
      ),
    )
  }
}

/** What is kept of a batch is where its files were. @throws AppError 'node.other' */
export function requireHere({ id, nodeId: holder }: Pick<Batch, 'id' | 'nodeId'>, nodeId: string): void {
  if (holder !== undefined && holder !== nodeId) throw filesElsewhere(id, holder)
}

function fileData(name: string, { path, bytes }: { path: string; bytes: number }): BatchData {
  return {
    name,
    bytes,
    read: ({ start, end }) => createReadStream(path, { start, end: end - 1, highWaterMark: pieceBytes }),
  }
}

/** Bytes that are made anew, and alike, each time they are asked for. */
async function made(name: string, make: () => AsyncIterable<Uint8Array>): Promise<BatchData> {
  let bytes = 0
  for await (const piece of make()) bytes += piece.byteLength
  return { name, bytes, read: (range) => cut(make(), range) }
}

async function* cut(
  pieces: AsyncIterable<Uint8Array>,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const piece of pieces) {
    const wanted = piece.subarray(Math.max(start - at, 0), Math.max(end - at, 0))
    if (wanted.byteLength > 0) yield wanted
    at += piece.byteLength
    if (at >= end) return
  }
}

/** Refused rows that are shown, a line each. */
async function* errorLines(path: string): AsyncGenerator<Uint8Array> {
  for (const reject of await readRejects(path, rejectsKeptMax)) yield Buffer.from(errorLine(reject))
}

async function* firstLines(path: string): AsyncGenerator<Uint8Array> {
  for await (const line of linesOf(path, sampleRows)) yield Buffer.from(`${line}\n`)
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
