import type { Access } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { BatchId, DatasetId } from '#base/ids.ts'
import { otherNode } from '#base/other-node.ts'
import { unknownBatch, unknownDataset } from '#datasets/create-datasets.ts'
import type { Caller } from '#datasets/datasets.ts'
import { requireDataset } from '#datasets/require-dataset.ts'
import { type BatchRow, lockBatch, nextFileNumber, selectBatch } from '#metadata/batches.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import type { FilePlace } from './ingest.ts'

/** Uploads of one batch, those that were replaced and parts of files too. */
const filesMax = 10_000
const fileNameLengthMax = 1_024

/** Batches of datasets that the caller may change. */
export interface ManagedBatches {
  requireManage(caller: Caller, datasetId: DatasetId, absent?: () => AppError): Promise<void>
  /** As it is now. @throws AppError 'batch.unknown' */
  get(caller: Caller, batchId: BatchId): Promise<BatchRow>
  /** The open batch in which a file of that name can lie here. @throws AppError 'batch.state', 'node.other', 'request.invalid' */
  forFile(caller: Caller, place: FilePlace): Promise<BatchRow>
  /** Whoever changes it next waits for this transaction. */
  lock(tx: Transaction, caller: Caller, batchId: BatchId): Promise<BatchRow>
  /** For a stored file that no other upload of the batch gets; the batch's files are this node's then. @throws AppError 'node.other' */
  takeNumber(batchId: BatchId): Promise<number>
}

export function managedBatches({
  metadata,
  access,
  nodeId,
}: {
  readonly metadata: Metadata
  readonly access: Access
  readonly nodeId: string
}): ManagedBatches {
  const requireManage: ManagedBatches['requireManage'] = async (
    caller,
    datasetId,
    absent = () => unknownDataset(datasetId),
  ) => {
    await requireDataset(access, caller, { permission: 'manage-datasets', datasetId, absent })
  }
  const get = async (caller: Caller, batchId: BatchId): Promise<BatchRow> => {
    const batch = await selectBatch(metadata.db, caller.sandbox.id, batchId)
    if (!batch) throw unknownBatch(batchId)
    await requireManage(caller, batch.dataset_id, () => unknownBatch(batchId))
    return batch
  }
  return {
    requireManage,
    get,
    forFile: async (caller, { batchId, datasetId, fileName }) => {
      const batch = await get(caller, batchId)
      if (batch.dataset_id !== datasetId) {
        throw new AppError('request.invalid', `The batch ${batch.id} belongs to another dataset.`)
      }
      if (fileName.includes('\0')) {
        throw new AppError('request.invalid', 'The name of a file holds no NUL.')
      }
      if (fileName.length < 1 || fileName.length > fileNameLengthMax) {
        throw new AppError('request.invalid', `The name of a file has 1 to ${fileNameLengthMax} characters.`)
      }
      requireOpen(batch)
      if (batch.node_id !== null && batch.node_id !== nodeId) throw filesElsewhere(batchId, batch.node_id)
      return batch
    },
    lock: async (tx, caller, batchId) => {
      const batch = await lockBatch(tx, caller.sandbox.id, batchId)
      if (!batch) throw unknownBatch(batchId)
      return batch
    },
    takeNumber: async (batchId) => {
      const { number, nodeId: holder } = await nextFileNumber(metadata.db, batchId, nodeId)
      if (holder !== nodeId) throw filesElsewhere(batchId, holder)
      if (number <= filesMax) return number
      throw new AppError('request.invalid', `A batch takes at most ${filesMax} uploads.`, {
        hint: 'Open another batch for the rest.',
      })
    },
  }
}

export function filesElsewhere(batchId: BatchId, nodeId: string): AppError {
  return otherNode(`The files of the batch ${batchId} lie`, nodeId)
}

export function requireOpen(batch: BatchRow): void {
  if (batch.state === 'loading') return
  throw wrongState(batch, `takes no more files: it is ${batch.state}`, 'Open another batch.')
}

export function wrongState(batch: BatchRow, problem: string, hint?: string): AppError {
  return new AppError('batch.state', `The batch ${batch.id} ${problem}.`, { hint })
}
