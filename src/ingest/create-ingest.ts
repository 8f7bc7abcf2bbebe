import type { Access } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { type BatchId, type DatasetId, newBatchId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import type { BatchError, Caller, Datasets } from '#datasets/datasets.ts'
import { clearKind } from '#datasets/expire-dataset.ts'
import { requireWritable } from '#datasets/require-writable.ts'
import type { Engine } from '#engine/engine.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import {
  type BatchRow,
  deleteBatchFiles,
  insertBatch,
  insertNamedBatch,
  selectBatchFiles,
  selectNamedBatch,
  updateBatch,
} from '#metadata/batches.ts'
import { deleteBatchUploads, selectOpenUpload } from '#metadata/batch-uploads.ts'
import { hasEnded } from '#metadata/jobs.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { createBatchData } from './batch-data.ts'
import { clearDataset } from './clear-dataset.ts'
import { enqueueLoad, loadKind } from './enqueue-load.ts'
import { inferSchema } from './infer-schema.ts'
import { type Ingest, replacedMax } from './ingest.ts'
import { ingestCodes, shownName } from './ingest-failure.ts'
import { createLoadedFiles } from './loaded-files.ts'
import { loadBatch, loadRetry } from './load-batch.ts'
import { managedBatches, wrongState } from './managed-batch.ts'
import { PlainLooks } from './plain/plain-looks.ts'
import { createPreviews } from './preview.ts'
import { requireSameOptions } from './named-batch.ts'
import { revertBatch } from './revert-batch.ts'
import { removeBatchFiles, removeFile, stagingOf } from './staging.ts'
import { sweepStaging } from './sweep-staging.ts'
import { createUploads } from './uploads.ts'

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

/** A load keeps an engine child busy. */
const parallelLoadsMax = 2
const revertKind = 'revert'
/** A revert rewrites files of its table, one after the other. */
const parallelRevertsMax = 1

export function createIngest(dependencies: IngestDependencies): Ingest {
  const { metadata, access, engine, datasets, lake, jobs, folder, clock, logger } = dependencies
  const { nodeId } = jobs
  const staging = stagingOf(folder)
  const looks = new PlainLooks()

  jobs.register({
    kind: loadKind,
    parallelRunsMax: parallelLoadsMax,
    retryOf: () => loadRetry,
    run: async (context) =>
      await loadBatch({ metadata, engine, lake, staging, looks, clock, logger }, context),
  })

  jobs.register({
    kind: revertKind,
    parallelRunsMax: parallelRevertsMax,
    run: async (context) => await revertBatch({ metadata, lake, clock }, context),
  })

  jobs.register({
    kind: clearKind,
    parallelRunsMax: 1,
    run: async (context) => await clearDataset({ metadata, staging, nodeId }, context),
  })

  const batches = managedBatches({ metadata, access, nodeId })
  const uploads = createUploads({ metadata, staging, looks, batches, clock })

  /** Ends a batch that is not over. */
  async function end(caller: Caller, batchId: BatchId, state: 'aborted' | 'failed'): Promise<void> {
    await batches.get(caller, batchId)
    const partNumbers = await metadata.transaction(async (tx) => {
      const batch = await batches.lock(tx, caller, batchId)
      if (batch.state === state) return undefined
      if (batch.state !== 'loading' && batch.state !== 'queued' && batch.state !== 'processing') {
        throw wrongState(batch, `is over (${batch.state}) and cannot be ${state}`)
      }
      const error = { code: ingestCodes.failedByClient, description: 'The client gave it up.', rowCount: 0 }
      await updateBatch(tx, batchId, {
        state,
        at: clock.now(),
        isComplete: true,
        ...(state === 'failed' ? { errors: [error] } : {}),
      })
      if (state === 'aborted') await deleteBatchFiles(tx, batchId)
      await audit(tx, caller, { action: 'delete', batch })
      return state === 'aborted' ? [] : await deleteBatchUploads(tx, batchId)
    })
    if (!partNumbers) return
    // From here no attempt can commit; the rest only ends what is under way sooner.
    for (const run of await jobs.runs({ kind: loadKind, subjectId: batchId })) {
      await jobs.cancel(run.id, caller.principal.id)
    }
    if (state === 'aborted') await removeBatchFiles(staging, batchId)
    // Its whole files stay for whoever wants to mend them, as those of a load that failed.
    for (const number of partNumbers) await removeFile(staging, batchId, number)
  }

  return {
    async open(caller, batch) {
      await batches.requireManage(caller, batch.datasetId)
      const dataset = await datasets.get(caller, batch.datasetId)
      requireWritable(dataset)
      const { partialIngestionPercentage = 0 } = batch
      if (!(partialIngestionPercentage >= 0 && partialIngestionPercentage <= 100)) {
        throw new AppError(
          'request.invalid',
          `partialIngestionPercentage is 0 to 100, ${partialIngestionPercentage} came.`,
        )
      }
      const replaces = [...new Set(batch.replaces ?? [])]
      const { externalId } = batch
      const there =
        externalId === undefined ? undefined : await selectNamedBatch(metadata.db, dataset.id, externalId)
      const options = {
        format: batch.format,
        partial_ingestion_percentage: partialIngestionPercentage,
        has_diagnostics: batch.hasDiagnostics ?? true,
        is_multi_line_json: batch.isMultiLineJson ?? false,
        takes_nul: batch.takesNul ?? false,
      }
      if (there) {
        // What it replaces may be gone by now.
        requireSameOptions(there, { ...options, predecessors: replaces })
        return await datasets.batch(caller, there.id)
      }
      await checkReplaced(caller, dataset.id, replaces)
      const id = newBatchId()
      const now = clock.now()
      const row = {
        id,
        dataset_id: dataset.id,
        sandbox_id: caller.sandbox.id,
        state: 'loading' as const,
        ...options,
        created_at: now,
        updated_at: now,
        completed_at: null,
        record_count: 0,
        failed_record_count: 0,
        bytes: 0,
        errors: '[]',
        tags: JSON.stringify(batch.tags ?? {}),
        created_by: caller.principal.id,
        predecessors: JSON.stringify(replaces),
        ...(batch.replayReason === undefined ? {} : { replay_reason: batch.replayReason }),
      }
      if (externalId === undefined) {
        await insertBatch(metadata.db, row)
        return await datasets.batch(caller, id)
      }
      const named = await insertNamedBatch(metadata.db, { ...row, external_id: externalId })
      requireSameOptions(named, { ...options, predecessors: replaces })
      return await datasets.batch(caller, named.id)
    },

    ...uploads,
    ...createBatchData({ metadata, access, datasets, staging, nodeId }),
    ...createLoadedFiles({ access, datasets, lake }),
    ...createPreviews({ metadata, access, datasets, engine, staging, nodeId }),

    async complete(caller, batchId) {
      await batches.get(caller, batchId)
      const isNew = await metadata.transaction(async (tx) => {
        const batch = await batches.lock(tx, caller, batchId)
        if (batch.state === 'aborted' || batch.state === 'abandoned' || isGivenUp(batch)) {
          throw wrongState(batch, 'was given up by its client and cannot be completed', 'Open another batch.')
        }
        if (batch.state !== 'loading') return false
        const open = await selectOpenUpload(tx, batchId)
        if (open !== undefined) {
          throw wrongState(
            batch,
            `has a file that is not whole: ${shownName(open)}`,
            'Complete the file with action=COMPLETE first.',
          )
        }
        if ((await selectBatchFiles(tx, batchId)).length === 0) {
          throw wrongState(batch, 'holds no file', 'Upload one first, or abort the batch.')
        }
        const now = clock.now()
        await updateBatch(tx, batchId, { state: 'queued', at: now })
        await enqueueLoad(jobs, tx, {
          batchId,
          nodeId: batch.node_id ?? undefined,
          dueAt: now,
          principalId: caller.principal.id,
          sandboxId: caller.sandbox.id,
        })
        await audit(tx, caller, { action: 'create', batch })
        return true
      })
      if (!isNew) return
      await faultPoint('load.accepted')
      jobs.ring()
    },

    abort: async (caller, batchId) => await end(caller, batchId, 'aborted'),
    fail: async (caller, batchId) => await end(caller, batchId, 'failed'),

    async revert(caller, batchId) {
      const { dataset_id: datasetId } = await batches.get(caller, batchId)
      requireWritable(await datasets.get(caller, datasetId))
      const isNew = await metadata.transaction(async (tx) => {
        const batch = await batches.lock(tx, caller, batchId)
        if (batch.state === 'inactive') return false
        if (batch.state !== 'success') {
          throw wrongState(
            batch,
            `is ${batch.state}: only a loaded batch can be reverted`,
            'Abort one that is not over.',
          )
        }
        const tries = await jobs.runs({ kind: revertKind, subjectId: batchId })
        if (tries.some((run) => !hasEnded(run))) return false
        await jobs.enqueue(tx, {
          kind: revertKind,
          subjectId: batchId,
          tick: `revert-${1 + Math.max(0, ...tries.map(({ tick }) => Number(tick.slice('revert-'.length))))}`,
          dueAt: clock.now(),
          principalId: caller.principal.id,
          sandboxId: caller.sandbox.id,
          payload: {},
        })
        await audit(tx, caller, { action: 'delete', batch })
        return true
      })
      if (isNew) jobs.ring()
    },

    sweep: async () => await sweepStaging({ metadata, staging, nodeId, clock }),

    async inferSchema(caller, file) {
      await access.require({
        principal: caller.principal,
        permission: 'view-schemas',
        sandboxId: caller.sandbox.id,
      })
      return await inferSchema(file, { engine, folder })
    },
  }

  async function checkReplaced(
    caller: Caller,
    datasetId: DatasetId,
    replaces: readonly BatchId[],
  ): Promise<void> {
    if (replaces.length > replacedMax) {
      throw new AppError('request.invalid', `A batch replays at most ${replacedMax} others.`)
    }
    for (const batchId of replaces) {
      const old = await batches.get(caller, batchId)
      if (old.dataset_id !== datasetId) {
        throw new AppError('request.invalid', `The batch ${batchId} belongs to another dataset.`)
      }
      if (old.state !== 'success') throw wrongState(old, `is ${old.state}: only a loaded batch is replayed`)
    }
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

/** By `action=FAIL`. */
function isGivenUp({ errors }: BatchRow): boolean {
  return (errors as readonly BatchError[]).some(({ code }) => code === ingestCodes.failedByClient)
}
