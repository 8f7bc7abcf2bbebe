import { createReadStream } from 'node:fs'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { codeOf } from '#base/system-error.ts'
import type { Caller } from '#datasets/datasets.ts'
import { datasetOf } from '#datasets/rows.ts'
import {
  type BatchPartRow,
  deleteBatchUpload,
  hasBatchUpload,
  insertBatchUpload,
  putBatchPart,
  selectBatchParts,
} from '#metadata/batch-uploads.ts'
import { type BatchRow, putBatchFile, selectBatchFiles } from '#metadata/batches.ts'
import { selectDataset } from '#metadata/datasets.ts'
import type { Db, Metadata, Transaction } from '#metadata/metadata.ts'
import type { FilePlace, Ingest, Upload, UploadPart } from './ingest.ts'
import { shownName } from './ingest-failure.ts'
import { type ManagedBatches, requireOpen } from './managed-batch.ts'
import { PlainLook, type PlainLooks } from './plain/plain-looks.ts'
import { removeFile, type Staging, storeDurably } from './staging.ts'
import type { RequiredPaths } from './value-readers.ts'

export type Uploads = Pick<Ingest, 'upload' | 'beginFile' | 'uploadPart' | 'completeFile' | 'fileStatus'>

const pieceBytes = 1024 * 1024

interface Storing extends Pick<Upload, 'batchId' | 'bytes' | 'signal'> {
  readonly look?: PlainLook | undefined
}

interface Stored {
  readonly number: number
  readonly bytes: number
  readonly sha256: string
}

/** Files of open batches, whole or in parts. Each is on the disk before a row says that it is there. */
export function createUploads({
  metadata,
  staging,
  looks,
  batches,
  clock,
}: {
  readonly metadata: Metadata
  readonly staging: Staging
  readonly looks: PlainLooks
  readonly batches: ManagedBatches
  readonly clock: Clock
}): Uploads {
  /** Stores bytes under a number of their own, then says so under the batch's lock; nothing is left of a failure. */
  async function store(
    caller: Caller,
    { batchId, bytes, signal, look }: Storing,
    record: (tx: Transaction, stored: Stored) => Promise<readonly number[]>,
  ): Promise<{ readonly bytes: number; readonly sha256: string }> {
    const number = await batches.takeNumber(batchId)
    const target = { folder: staging.batchFolder(batchId), path: staging.filePath(batchId, number) }
    const keep = async () => {
      const stored = await storeDurably(target, look ? look.through(bytes) : bytes, signal)
      if (look) await looks.keep(target.path, look)
      await faultPoint('load.upload.stored')
      const replaced = await metadata.transaction(async (tx) => {
        requireOpen(await batches.lock(tx, caller, batchId))
        return await record(tx, { number, ...stored })
      })
      return { stored, replaced }
    }
    // From the commit on the new bytes are the only ones: no failure to clean up behind them may take them.
    const { stored, replaced } = await keep().catch(async (error: unknown) => {
      await removeFile(staging, batchId, number)
      throw error
    })
    for (const old of replaced) await removeFile(staging, batchId, old)
    return stored
  }

  /** Of a text whose records its load may leave to the engine. */
  const lookFor = async (batch: BatchRow): Promise<PlainLook | undefined> => {
    const { format, is_multi_line_json: isMultiLine } = batch
    if ((format !== 'json' && format !== 'csv') || isMultiLine) return undefined
    const row = await selectDataset(metadata.db, batch.sandbox_id, batch.dataset_id)
    if (!row) return undefined // The load will say so.
    return new PlainLook(format, {
      columns: datasetOf(row).schema,
      required: row.required_fields as RequiredPaths,
    })
  }

  const begun = async (caller: Caller, place: FilePlace): Promise<void> => {
    await batches.forFile(caller, place)
    if (!(await hasBatchUpload(metadata.db, place))) throw notBegun(place)
  }

  const isWhole = async ({ batchId, ...place }: FilePlace): Promise<boolean> => {
    if (await hasBatchUpload(metadata.db, { batchId, ...place })) return false
    const files = await selectBatchFiles(metadata.db, batchId)
    return files.some((file) => file.file_name === place.fileName)
  }

  return {
    upload: async (caller, upload) => {
      const look = await lookFor(await batches.forFile(caller, upload))
      const record = async (tx: Transaction, stored: Stored) => await putWholeFile(tx, upload, stored)
      return await store(caller, { ...upload, look }, record)
    },

    beginFile: async (caller, place) => {
      await batches.forFile(caller, place)
      const replaced = await metadata.transaction(async (tx) => {
        requireOpen(await batches.lock(tx, caller, place.batchId))
        const parts = await deleteBatchUpload(tx, place)
        await insertBatchUpload(tx, place, clock.now())
        return parts
      })
      for (const old of replaced) await removeFile(staging, place.batchId, old)
    },

    uploadPart: async (caller, part) => {
      await begun(caller, part)
      await store(caller, part, async (tx, { number, bytes }) => {
        checkSize(part, bytes)
        if (!(await hasBatchUpload(tx, part))) throw notBegun(part)
        const replaced = await putBatchPart(tx, {
          batch_id: part.batchId,
          file_name: part.fileName,
          number,
          bytes,
          first_byte: part.firstByte,
          total_bytes: part.totalBytes,
        })
        return replaced === undefined ? [] : [replaced]
      })
    },

    completeFile: async (caller, place, signal) => {
      const { batchId, fileName } = place
      const batch = await batches.forFile(caller, place)
      if (await isWhole(place)) return // Asked twice.
      const putTogether = async (): Promise<void> => {
        if (!(await hasBatchUpload(metadata.db, place))) throw notBegun(place)
        const parts = await selectBatchParts(metadata.db, place)
        checkParts(fileName, parts)
        const bytes = joined(parts.map(({ number }) => staging.filePath(batchId, number)))
        const look = await lookFor(batch)
        const haveCome = async (db: Db): Promise<boolean> =>
          numbersOf(await selectBatchParts(db, place)) !== numbersOf(parts)
        await store(caller, { batchId, bytes, signal, look }, async (tx, stored) => {
          if (await haveCome(tx)) throw cameMeanwhile(fileName)
          return await putWholeFile(tx, place, stored)
        }).catch(async (error: unknown) => {
          // The file of one that was sent again is gone.
          throw codeOf(error) === 'ENOENT' && (await haveCome(metadata.db)) ? cameMeanwhile(fileName) : error
        })
      }
      await putTogether().catch(async (error: unknown) => {
        // Asked twice at the same time: the other one has put the parts together.
        if (!(await isWhole(place))) throw error
      })
    },

    fileStatus: async (caller, place) => {
      const batch = await batches.get(caller, place.batchId)
      const file =
        batch.dataset_id === place.datasetId
          ? (await selectBatchFiles(metadata.db, batch.id)).find((one) => one.file_name === place.fileName)
          : undefined
      const parts = batch.dataset_id === place.datasetId ? await selectBatchParts(metadata.db, place) : []
      if (file && parts.length === 0) return { isWhole: true, bytes: Number(file.bytes), sha256: file.sha256 }
      if (batch.dataset_id !== place.datasetId || !(await hasBatchUpload(metadata.db, place))) {
        throw new AppError('object.missing', `The batch has no file ${shownName(place.fileName)}.`)
      }
      return { isWhole: false, bytes: parts.reduce((sum, part) => sum + Number(part.bytes), 0) }
    },
  }
}

/** In the place of whatever had its name, parts too. @returns the numbers of what it replaced */
async function putWholeFile(
  tx: Transaction,
  { batchId, fileName }: Pick<FilePlace, 'batchId' | 'fileName'>,
  stored: Stored,
): Promise<readonly number[]> {
  const replaced = await putBatchFile(tx, { batch_id: batchId, file_name: fileName, ...stored })
  const parts = await deleteBatchUpload(tx, { batchId, fileName })
  return [...(replaced === undefined ? [] : [replaced]), ...parts]
}

async function* joined(paths: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) {
    for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) yield piece as Buffer
  }
}

function numbersOf(parts: readonly BatchPartRow[]): string {
  return parts.map(({ number }) => number).join()
}

function checkSize({ firstByte, lastByte, fileName }: UploadPart, bytes: number): void {
  const announced = lastByte - firstByte + 1
  if (bytes === announced) return
  throw new AppError(
    'request.invalid',
    `The part of ${shownName(fileName)} has ${bytes} bytes; its Content-Range says ${announced}.`,
    { hint: 'Send the part again: nothing of it was kept.' },
  )
}

/** The parts must be the file: each byte once. @throws AppError 'request.invalid' */
function checkParts(fileName: string, parts: readonly BatchPartRow[]): void {
  const [first] = parts
  const refuse = (problem: string): AppError =>
    new AppError('request.invalid', `The file ${shownName(fileName)} ${problem}.`, {
      hint: 'Send what is missing, or the part that is wrong again from the same first byte, then complete the file.',
    })
  if (!first) throw refuse('has no parts')
  let end = 0
  for (const part of parts) {
    const at = Number(part.first_byte)
    if (part.total_bytes !== first.total_bytes) throw refuse('has parts that name different totals')
    if (at > end) throw refuse(`lacks the bytes ${end} to ${at - 1}`)
    if (at < end) throw refuse(`has parts that overlap at byte ${at}`)
    end = at + Number(part.bytes)
  }
  if (end !== Number(first.total_bytes)) throw refuse(`ends at byte ${end} of ${first.total_bytes}`)
}

function cameMeanwhile(fileName: string): AppError {
  return new AppError('batch.state', `Parts of ${shownName(fileName)} came while it was completed.`, {
    hint: 'Complete the file again when all its parts have been sent.',
  })
}

function notBegun({ fileName }: FilePlace): AppError {
  return new AppError('request.invalid', `No upload of ${shownName(fileName)} in parts was begun.`, {
    hint: 'Begin it with POST and action=INITIALIZE.',
  })
}
