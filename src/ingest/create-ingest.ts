import type { Access } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { type BatchId, type DatasetId, newBatchId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { unknownBatch, unknownDataset } from '#datasets/create-datasets.ts'
import type { Caller, Datasets } from '#datasets/datasets.ts'
import { requireDataset } from '#datasets/require-dataset.ts'
import type { Engine } from '#engine/engine.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import {
  type BatchRow,
  deleteBatchFiles,
  insertBatch,
  lockBatch,
  nextFileNumber,
  putBatchFile,
  selectBatch,
  selectBatchFiles,
  updateBatch,
} from '#metadata/batches.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { inferSchema } from './infer-schema.ts'
import type { Ingest, Upload } from './ingest.ts'
import { loadBatch } from './load-batch.ts'
import { readRejects, rejectsKeptMax } from './rejects.ts'
import { removeBatchFiles, removeFile, stagingOf, storeDurably } from './staging.ts'
import { sweepStaging } from './sweep-staging.ts'

export interface IngestDependencies {
  readonly metadata: Metadata
  readonly access: Access
  readonly engine: Engine
  readonly datasets: Datasets
  readonly lake: Lake
  readonly jobs: Jobs
  /** Where uploaded files lie until their batch is over; read by the engine's children. */
  readonly folder: string
  readonly clock: Clock
  readonly logger: Logger
}

const loadKind = 'load'
/** A load keeps an engine child busy. */
const parallelLoadsMax = 2
/** Uploads of one batch, those that were replaced too. */
const filesMax = 10_000
const fileNameLengthMax = 1_024

export function createIngest(dependencies: IngestDependencies): Ingest {
  const { metadata, access, engine, datasets, lake, jobs, folder, clock, logger } = dependencies
  const staging = stagingOf(folder)
  let swept: Promise<void> | undefined

  jobs.register({
    kind: loadKind,
    parallelRunsMax: parallelLoadsMax,
    run: async (context) => {
      swept ??= sweepStaging({ metadata, staging, clock }).catch((error: unknown) => {
        // What is left lies there until the next start; nothing reads it.
        logger.log('warn', 'ingest.sweep_failed', { error })
      })
      await swept
      return await loadBatch({ metadata, engine, lake, staging, clock, logger }, context)
    },
  })

  const requireManage = async (
    caller: Caller,
    datasetId: DatasetId,
    absent = () => unknownDataset(datasetId),
  ): Promise<void> => {
    await requireDataset(access, caller, { permission: 'manage-datasets', datasetId, absent })
  }

  /** The batch as it is now, of a dataset that the caller may change. */
  async function managedBatch(caller: Caller, batchId: BatchId): Promise<BatchRow> {
    const batch = await selectBatch(metadata.db, caller.sandbox.id, batchId)
    if (!batch) throw unknownBatch(batchId)
    await requireManage(caller, batch.dataset_id, () => unknownBatch(batchId))
    return batch
  }

  async function lockedBatch(tx: Transaction, caller: Caller, batchId: BatchId): Promise<BatchRow> {
    const batch = await lockBatch(tx, caller.sandbox.id, batchId)
    if (!batch) throw unknownBatch(batchId)
    return batch
  }

  async function storeFile(caller: Caller, upload: Upload): ReturnType<Ingest['upload']> {
    const { batchId, fileName, signal } = upload
    const number = await nextFileNumber(metadata.db, batchId)
    if (number > filesMax) {
      throw new AppError('request.invalid', `A batch takes at most ${filesMax} uploads.`, {
        hint: 'Open another batch for the rest.',
      })
    }
    const target = { folder: staging.batchFolder(batchId), path: staging.filePath(batchId, number) }
    try {
      const stored = await storeDurably(target, upload.bytes, signal)
      const replaced = await metadata.transaction(async (tx) => {
        requireOpen(await lockedBatch(tx, caller, batchId))
        return await putBatchFile(tx, { batch_id: batchId, number, file_name: fileName, ...stored })
      })
      if (replaced !== undefined) await removeFile(staging, batchId, replaced)
      return stored
    } catch (error) {
      await removeFile(staging, batchId, number)
      throw error
    }
  }

  return {
    async open(caller, batch) {
      await requireManage(caller, batch.datasetId)
      const dataset = await datasets.get(caller, batch.datasetId)
      const { partialIngestionPercentage = 0 } = batch
      if (!(partialIngestionPercentage >= 0 && partialIngestionPercentage <= 100)) {
        throw new AppError(
          'request.invalid',
          `partialIngestionPercentage is 0 to 100, ${partialIngestionPercentage} came.`,
        )
      }
      const id = newBatchId()
      const now = clock.now()
      await insertBatch(metadata.db, {
        id,
        dataset_id: dataset.id,
        sandbox_id: caller.sandbox.id,
        state: 'loading',
        format: batch.format,
        partial_ingestion_percentage: partialIngestionPercentage,
        created_at: now,
        updated_at: now,
        completed_at: null,
        record_count: 0,
        failed_record_count: 0,
        bytes: 0,
        errors: '[]',
        tags: JSON.stringify(batch.tags ?? {}),
        created_by: caller.principal.id,
      })
      return await datasets.batch(caller, id)
    },

    async upload(caller, upload) {
      const { fileName } = upload
      const batch = await managedBatch(caller, upload.batchId)
      if (batch.dataset_id !== upload.datasetId) {
        throw new AppError('request.invalid', `The batch ${batch.id} belongs to another dataset.`)
      }
      if (fileName.length < 1 || fileName.length > fileNameLengthMax || fileName.includes('\0')) {
        throw new AppError('request.invalid', `The name of a file has 1 to ${fileNameLengthMax} characters.`)
      }
      requireOpen(batch)
      return await storeFile(caller, upload)
    },

    async complete(caller, batchId) {
      await managedBatch(caller, batchId)
      const isNew = await metadata.transaction(async (tx) => {
        const batch = await lockedBatch(tx, caller, batchId)
        if (batch.state === 'aborted') throw wrongState(batch, 'was aborted and cannot be completed')
        if (batch.state !== 'loading') return false
        if ((await selectBatchFiles(tx, batchId)).length === 0) {
          throw wrongState(batch, 'holds no file', 'Upload one first, or abort the batch.')
        }
        const now = clock.now()
        await updateBatch(tx, batchId, { state: 'queued', at: now })
        await jobs.enqueue(tx, {
          kind: loadKind,
          subjectId: batchId,
          tick: 'load',
          dueAt: now,
          principalId: caller.principal.id,
          sandboxId: caller.sandbox.id,
          payload: {},
        })
        await audit(tx, caller, { action: 'create', batch })
        return true
      })
      if (!isNew) return
      await faultPoint('load.accepted')
      jobs.ring()
    },

    async abort(caller, batchId) {
      await managedBatch(caller, batchId)
      const isNew = await metadata.transaction(async (tx) => {
        const batch = await lockedBatch(tx, caller, batchId)
        if (batch.state === 'aborted') return false
        if (batch.state === 'success' || batch.state === 'failed') {
          throw wrongState(batch, 'is over and cannot be aborted')
        }
        await updateBatch(tx, batchId, { state: 'aborted', at: clock.now(), isComplete: true })
        await deleteBatchFiles(tx, batchId)
        await audit(tx, caller, { action: 'delete', batch })
        return true
      })
      if (!isNew) return
      // From here no attempt can commit; the rest only ends what is under way sooner.
      for (const run of await jobs.runs({ kind: loadKind, subjectId: batchId })) {
        await jobs.cancel(run.id, caller.principal.id)
      }
      await removeBatchFiles(staging, batchId)
    },

    async rejects(caller, batchId, { limit }) {
      const batch = await datasets.batch(caller, batchId)
      const count = Math.min(Math.max(Math.trunc(limit), 0), rejectsKeptMax)
      return await readRejects(staging.rejectsPath(batch.id), count)
    },

    async inferSchema(caller, file) {
      await access.require({
        principal: caller.principal,
        permission: 'view-schemas',
        sandboxId: caller.sandbox.id,
      })
      return await inferSchema(file, { engine, folder })
    },
  }

  async function audit(
    tx: Transaction,
    caller: Caller,
    { action, batch }: { readonly action: string; readonly batch: BatchRow },
  ): Promise<void> {
    await access.audit(
      {
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action,
        assetType: 'batch',
        assetId: batch.id,
        status: 'Allow',
        detail: { datasetId: batch.dataset_id },
      },
      tx,
    )
  }
}

function requireOpen(batch: BatchRow): void {
  if (batch.state === 'loading') return
  throw wrongState(batch, `takes no more files: it is ${batch.state}`, 'Open another batch.')
}

function wrongState(batch: BatchRow, problem: string, hint?: string): AppError {
  return new AppError('batch.state', `The batch ${batch.id} ${problem}.`, { hint })
}
