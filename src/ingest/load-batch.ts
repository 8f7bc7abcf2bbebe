import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { assert, must } from '#base/assert.ts'
import type { Backoff } from '#base/backoff.ts'
import type { Clock } from '#base/clock.ts'
import { AppError, toAppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { type BatchId, parseId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { datasetOf } from '#datasets/rows.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { primaryIdentityOf } from '#datasets/primary-identity.ts'
import type { Engine } from '#engine/engine.ts'
import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import type { AppendRequest, AppendResult, Lake } from '#lake/lake.ts'
import {
  type BatchRow,
  lockBatch,
  selectBatch,
  selectBatchFiles,
  selectBatchStates,
  updateBatch,
} from '#metadata/batches.ts'
import { selectDataset, selectDatasetSandbox } from '#metadata/datasets.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { moveStreamKeys } from '#metadata/streaming.ts'
import { batchErrorOf, hasCode, ingestCodes } from './ingest-failure.ts'
import type { PlainLooks } from './plain/plain-looks.ts'
import { explainParquetFailure } from './prepare-parquet.ts'
import { prepareSource, type Prepared } from './prepare-source.ts'
import { failRefusedMessages } from './refused-messages.ts'
import { errorsBytesMax, keepRejects, RejectLog } from './rejects.ts'
import { rowChecker } from './streaming/message.ts'
import { streamTag } from './streaming/micro-batch.ts'
import type { Constraints } from '#types/constraints.ts'
import type { SourceFile } from './source-text.ts'
import { fullOr, removeBatchFiles, removeEarlierWork, type Staging } from './staging.ts'
import type { RequiredPaths } from './value-readers.ts'

export interface LoadOptions {
  readonly metadata: Metadata
  readonly engine: Engine
  readonly lake: Lake
  readonly staging: Staging
  readonly looks: PlainLooks
  readonly clock: Clock
  readonly logger: Logger
}

/** Failures after which a batch has failed for good; fewer than after which a run has. */
export const loadTriesMax = 5
/** As many of what may pass, such as a disk that is full, where nobody waits for an answer: about a day. */
const messagesTriesMax = 300

/** The batch says when it is enough. */
export const loadRetry = {
  failureCountMax: 2 * messagesTriesMax,
  backoff: { firstMs: 1_000, maxMs: 300_000, jitter: 0.5 } satisfies Backoff,
}

interface Load {
  readonly options: LoadOptions
  readonly context: RunContext
  readonly batch: BatchRow
  readonly dataset: Dataset
  readonly required: RequiredPaths
  readonly constraints: readonly Constraints[]
  readonly identity: readonly string[] | undefined
  readonly files: readonly SourceFile[]
  readonly workFolder: string
}

/**
 * One attempt at a batch: look through the staged files, write down what is refused, append the rest. The append's
 * transaction also sets the batch's state and ends the run, under the fence and the lock of the batch: an attempt that
 * was overtaken, or whose batch was aborted, takes its rows back. Before it nothing is true, so every attempt begins anew.
 */
export async function loadBatch(options: LoadOptions, context: RunContext): Promise<RunOutcome> {
  const batchId = parseId('batch', context.run.subjectId)
  const begun = await begin(options, context)
  if (begun) await attempt(options, context, begun)
  const states = await selectBatchStates(options.metadata.db, [batchId])
  // What failed is kept for whoever wants to mend it, until the sweep finds it old; not of a dataset that is gone.
  if (states.get(batchId)?.state === 'failed') return 'finished'
  await removeBatchFiles(options.staging, batchId).catch((error: unknown) => {
    // The batch is over; the next sweep of the folder finds what is left.
    options.logger.log('warn', 'ingest.staging_left', { batchId, error })
  })
  return 'finished'
}

type Begun = Pick<Load, 'batch' | 'dataset' | 'required' | 'constraints' | 'identity'>

/** Ends with the run over; throws what is to be tried again. */
async function attempt(options: LoadOptions, context: RunContext, begun: Begun): Promise<void> {
  const { staging, looks } = options
  const { fence } = context.lease
  const { id, has_diagnostics: hasDiagnostics } = begun.batch
  const workFolder = staging.workFolder(id, fence)
  const uploads = await selectBatchFiles(options.metadata.db, id)
  const sizes = uploads.map(({ bytes }) => ({ bytes: Number(bytes) }))
  const rejects = new RejectLog(hasDiagnostics ? errorsPathIn(workFolder) : undefined, errorsBytesMax(sizes))
  const files = uploads.map((file) => {
    const path = staging.filePath(id, file.number)
    return { path, fileName: file.file_name, looked: looks.of(path) }
  })
  try {
    await removeEarlierWork(staging, id, fence)
    await mkdir(workFolder, { recursive: true }) // Nothing in it outlives the attempt.
    await load({ options, context, workFolder, files, ...begun }, rejects)
  } catch (error) {
    await rm(workFolder, { recursive: true, force: true })
    await settleFailure(options, context, { batch: begun.batch, rejects, error: fullOr(error) })
  }
}

/** Undefined: there is nothing to do any more, and the run has been told so. */
async function begin(
  { metadata, clock }: LoadOptions,
  { run, lease }: RunContext,
): Promise<Begun | undefined> {
  const batchId = parseId('batch', run.subjectId)
  return await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    const batch = must(await lockBatch(tx, run.sandboxId, batchId), `the batch ${batchId} of a run is there`)
    if (batch.state !== 'queued' && batch.state !== 'processing') {
      await lease.fail(tx, new AppError('job.cancelled', `The batch is ${batch.state}.`))
      return undefined
    }
    const row = await selectDataset(tx, run.sandboxId, batch.dataset_id)
    if (!row) {
      const error = datasetGone()
      await updateBatch(tx, batchId, {
        state: 'failed',
        at: clock.now(),
        isComplete: true,
        errors: [batchErrorOf(error)],
      })
      await lease.fail(tx, error)
      return undefined
    }
    await updateBatch(tx, batchId, { state: 'processing', at: clock.now() })
    return {
      batch,
      dataset: datasetOf(row),
      required: row.required_fields as RequiredPaths,
      constraints: row.constraints as readonly Constraints[],
      identity: await primaryIdentityOf(tx, run.sandboxId, row.schema_id),
    }
  })
}

async function load(scope: Load, rejects: RejectLog): Promise<void> {
  const { options, batch } = scope
  let prepared: Prepared | undefined
  try {
    prepared = await prepare(scope, rejects)
    await appendRows(scope, prepared, rejects)
  } catch (error) {
    const isTrusting = prepared ? prepared.isTrusting === true : batch.format !== 'parquet'
    if (!isTrusting || !hasCode(error, 'query.failed', 'lake.corrupt')) throw error
    options.logger.log('warn', 'ingest.judged_again', { batchId: batch.id, error })
    await rejects.forget()
    await appendRows(scope, await prepare(scope, rejects, { isJudged: true }), rejects)
  }
}

function isOfMessages({ tags }: BatchRow): boolean {
  return Object.hasOwn(tags as object, streamTag)
}

/** Of the rejects of an attempt. */
function errorsPathIn(workFolder: string): string {
  return join(workFolder, 'errors.jsonl')
}

/** The good rows of the batch's files; what is refused is written down. */
async function prepare(
  { options, context, batch, dataset, required, constraints, identity, files, workFolder }: Load,
  rejects: RejectLog,
  { isJudged = false } = {},
): Promise<Prepared> {
  const { staging, engine } = options
  const keep = async (batchId: BatchId): Promise<void> => {
    if (!batch.has_diagnostics) return
    await keepRejects(rejects, { batchId, staging, errorsPath: errorsPathIn(workFolder), workFolder })
  }
  assert(batch.format !== 'sql', 'a batch that SQL wrote is not loaded')
  const prepared = await prepareSource(files, {
    format: batch.format,
    isMultiLineJson: batch.is_multi_line_json,
    takesNul: batch.takes_nul,
    table: { columns: dataset.schema, required, constraints, identity },
    rejects,
    workFolder,
    engine,
    signal: context.signal,
    isJudged,
  }).catch(async (error: unknown) => {
    await keep(batch.id)
    throw error
  })
  const { rowCount } = prepared
  if (rowCount > 0 && rejects.count > 0 && isOfMessages(batch)) {
    const check = rowChecker(dataset.schema, required)
    await failRefusedMessages(options, { batch, rejects, rowCount, check, keep }, context.signal)
    await rejects.forget()
  } else await keep(batch.id)
  checkShare(batch, rejects, prepared.rowCount)
  return prepared
}

async function appendRows(scope: Load, prepared: Prepared, rejects: RejectLog): Promise<void> {
  const { options, context, batch, dataset } = scope
  const { lake, engine } = options
  const { signal } = context
  await faultPoint('load.staged')
  try {
    const request: AppendRequest = {
      tableId: dataset.tableId,
      batchId: batch.id,
      source: { sql: prepared.sql, files: prepared.files, pool: 'batch' },
      columns: dataset.schema,
      first: async (tx) => {
        if ((await selectDatasetSandbox(tx, dataset.id)) === undefined) throw datasetGone()
      },
      within: (tx, result) => commit(tx, scope, { result, prepared, rejects }),
      signal,
    }
    const ids = await replacedBy(scope)
    if (ids.length === 0) await lake.append(request)
    else {
      const sql = `"_ACP_BATCHID" IN (${ids.map((id) => quoteLiteral(id)).join(', ')})`
      await lake.overwrite({ ...request, replaces: { sql } })
    }
  } catch (error) {
    throw batch.format === 'parquet'
      ? await explainParquetFailure(prepared.plainFiles, error, { engine, signal })
      : error
  }
}

/** Batches that this one replays and that have rows. */
async function replacedBy({ options, batch }: Load): Promise<readonly BatchId[]> {
  const ids: BatchId[] = []
  for (const id of predecessorsOf(batch)) {
    const old = requireLoaded(id, await selectBatch(options.metadata.db, batch.sandbox_id, id))
    if (Number(old.record_count) > 0) ids.push(id)
  }
  return ids
}

/** In one order for all: two that replay the same ones wait for one another, never both. */
function predecessorsOf(batch: BatchRow): readonly BatchId[] {
  return (batch.predecessors as readonly BatchId[]).toSorted()
}

/** What was reverted or replayed meanwhile has no rows whose place the new ones could take: they would be there twice. */
function requireLoaded(id: BatchId, batch: BatchRow | undefined): BatchRow {
  if (batch?.state === 'success') return batch
  throw new AppError(
    'ingest.invalid',
    `The batch ${id}, which this one replays, is ${batch?.state ?? 'gone'}: only a loaded batch is replayed.`,
    { hint: 'Somebody reverted or replayed it meanwhile. Replay the batches that have the rows now.' },
  )
}

function checkShare(batch: BatchRow, rejects: RejectLog, goodCount: number): void {
  const rowCount = goodCount + rejects.count
  const percentage = batch.partial_ingestion_percentage
  // A share such as 0.57 is a little less than that in binary: what is exactly so many must not be one too many.
  const refusedMax = ((rowCount * percentage) / 100) * (1 + Number.EPSILON * 4)
  if (rejects.count === 0 || rejects.count <= refusedMax) return
  throw new AppError(
    'ingest.invalid',
    `${rejects.count} of ${rowCount} rows were refused; the batch allows ${percentage} %.`,
    {
      hint: batch.has_diagnostics
        ? 'List the rejects to see the reasons.'
        : 'Send the batch with enableErrorDiagnostics to see the reasons.',
      detail: { batchCode: ingestCodes.tooManyRejects },
    },
  )
}

/** The moment a batch becomes visible: all of this or nothing. */
async function commit(
  tx: Transaction,
  { options, context, batch }: Load,
  loaded: { readonly result: AppendResult; readonly prepared: Prepared; readonly rejects: RejectLog },
): Promise<void> {
  const { result, prepared, rejects } = loaded
  if (result.rowCount !== prepared.rowCount) {
    const problem = `${prepared.rowCount} rows were found and ${result.rowCount} appended`
    assert(prepared.isTrusting === true, problem)
    throw new AppError('query.failed', `${problem}.`)
  }
  await context.lease.assertHeld(tx)
  const current = await lockBatch(tx, context.run.sandboxId, batch.id)
  if (current?.state !== 'processing') throw new AppError('job.cancelled', 'The batch was aborted.')
  const replaced = predecessorsOf(batch)
  for (const id of replaced) {
    const { tags } = requireLoaded(id, await lockBatch(tx, context.run.sandboxId, id))
    await updateBatch(tx, id, {
      state: 'inactive',
      at: options.clock.now(),
      // By it the reference platform's client finds the batch that has the rows now.
      tags: { ...(tags as object), acp_successor: [batch.id] },
    })
  }
  if (replaced.length > 0) {
    await moveStreamKeys(tx, {
      datasetId: parseId('dataset', batch.dataset_id),
      from: replaced,
      to: batch.id,
    })
  }
  await updateBatch(tx, batch.id, {
    state: 'success',
    at: options.clock.now(),
    isComplete: true,
    recordCount: result.rowCount,
    failedRecordCount: rejects.count,
    bytes: result.bytes,
    errors: rejects.errors(result.rowCount + rejects.count, batch.has_diagnostics),
  })
  await context.lease.finish(tx, { rowCount: result.rowCount, rejectCount: rejects.count })
}

/** Throws what is to be tried again or was stopped; a failure for good is written into batch and run. */
async function settleFailure(
  { metadata, clock, logger }: LoadOptions,
  { run, lease, signal }: RunContext,
  {
    batch,
    rejects,
    error,
  }: { readonly batch: BatchRow; readonly rejects: RejectLog; readonly error: unknown },
): Promise<void> {
  signal.throwIfAborted()
  if (hasCode(error, 'job.fenced', 'job.cancelled')) throw error
  const failure = toAppError(error)
  const tries = Number(run.progress['failures'] ?? 0) + 1
  const triesMax = failure.meaning.retry && isOfMessages(batch) ? messagesTriesMax : loadTriesMax
  if ((failure.meaning.retry || failure.code === 'internal') && tries < triesMax) {
    await lease.saveProgress({ failures: tries })
    throw error
  }
  logger.log(failure.code === 'internal' ? 'error' : 'info', 'ingest.batch_failed', {
    batchId: batch.id,
    error,
  })
  await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    const current = await lockBatch(tx, run.sandboxId, batch.id)
    if (current?.state === 'processing') {
      const rest = rejects
        .errors(rejects.count, batch.has_diagnostics)
        .filter(({ code }) => code !== ingestCodes.tooManyRejects)
      await updateBatch(tx, batch.id, {
        state: 'failed',
        at: clock.now(),
        isComplete: true,
        failedRecordCount: rejects.count,
        errors: [batchErrorOf(failure, rejects.count), ...rest],
      })
    }
    await lease.fail(tx, failure)
  })
}

function datasetGone(): AppError {
  return new AppError('dataset.unknown', 'The dataset was deleted before the batch was loaded.')
}
