import type { Clock } from '#base/clock.ts'
import { assert, must } from '#base/assert.ts'
import { faultPoint } from '#base/faults.ts'
import type { BatchId, DatasetId } from '#base/ids.ts'
import type { Jobs } from '#jobs/jobs.ts'
import { insertBatchOnce, lockBatch, putBatchFile, updateBatch } from '#metadata/batches.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { claimStreamKeys } from '#metadata/streaming.ts'
import { derivedBatchId } from '../derived-batch-id.ts'
import { enqueueLoad } from '../enqueue-load.ts'
import { removeFile, type Staging, storeDurably } from '../staging.ts'
import { type Entry, entryOf, flowIdsMax, rowsOf, textOfRows } from './entry.ts'
import { bytesLeftOut, readSegment, type Segment } from './segment.ts'

export interface MicroBatchOptions {
  readonly metadata: Metadata
  readonly jobs: Jobs
  readonly staging: Staging
  readonly clock: Clock
  /** How long an `_id` that came is remembered. */
  readonly duplicateWindowMs: number
}

/** Says of a batch that it is of messages. */
export const streamTag = 'sluice/stream'
const fileName = 'messages.json'
const fileNumber = 1

/**
 * Makes a batch of a segment's rows of each dataset and has it loaded. The batch's id follows from segment and dataset, so
 * that doing it again after a crash, at whatever point, makes nothing that is not there.
 */
export async function batchSegment(
  options: MicroBatchOptions,
  segment: Segment,
  signal: AbortSignal,
): Promise<Batched> {
  const first = new Map<DatasetId, DatasetRows>()
  const read = { count: 0, bytes: 0 }
  for await (const payload of readSegment(segment)) {
    read.count += 1
    read.bytes += payload.byteLength
    const entry = entryOf(payload)
    const known = first.get(entry.datasetId) ?? {
      entry,
      keys: new Set(),
      flowIds: new Set(),
      keyedCount: 0,
      rowCount: 0,
    }
    for (const id of entry.flowIds ?? []) if (known.flowIds.size < flowIdsMax) known.flowIds.add(id)
    known.rowCount += entry.keys.length
    for (const key of entry.keys) {
      if (key === null) continue
      known.keys.add(key)
      known.keyedCount += 1
    }
    first.set(entry.datasetId, known)
  }
  let duplicates = 0
  for (const rows of first.values()) {
    duplicates += await batchRows(options, { ...rows, segment, signal })
    await faultPoint('stream.queued')
  }
  return { duplicates, bytesLeftOut: bytesLeftOut(segment, read) }
}

export interface Batched {
  /** Rows that were left out because their `_id` had come before. */
  readonly duplicates: number
  /** Behind what could be read of the segment. */
  readonly bytesLeftOut: number
}

/** Of a segment. */
interface DatasetRows {
  /** The first one of the dataset. */
  readonly entry: Entry
  readonly keys: Set<string>
  readonly flowIds: Set<string>
  /** Rows that have one. */
  keyedCount: number
  rowCount: number
}

async function batchRows(
  { metadata, jobs, staging, clock, duplicateWindowMs }: MicroBatchOptions,
  {
    segment,
    entry,
    keys,
    flowIds,
    keyedCount,
    rowCount,
    signal,
  }: Readonly<DatasetRows> & { readonly segment: Segment; readonly signal: AbortSignal },
): Promise<number> {
  const { datasetId, sandboxId, principalId } = entry
  const batchId = batchIdOf(segment.id, datasetId)
  const now = clock.now()
  // Known before its file is there: a sweep removes files of batches that nobody knows.
  await insertBatchOnce(metadata.db, {
    id: batchId,
    dataset_id: datasetId,
    sandbox_id: sandboxId,
    state: 'loading',
    format: 'json',
    has_diagnostics: true,
    is_multi_line_json: false,
    files_begun: fileNumber,
    created_at: now,
    updated_at: now,
    completed_at: null,
    record_count: 0,
    failed_record_count: 0,
    bytes: 0,
    errors: '[]',
    tags: JSON.stringify({
      [streamTag]: [segment.id],
      ...(flowIds.size === 0 ? {} : { flowId: [...flowIds] }),
    }),
    created_by: principalId,
    node_id: jobs.nodeId,
  })
  return await metadata.transaction(async (tx) => {
    const batch = must(await lockBatch(tx, sandboxId, batchId), `the batch ${batchId} was just made`)
    if (batch.state !== 'loading') return 0 // By an attempt before this one, or somebody gave it up.
    const fresh = await claimStreamKeys(tx, { datasetId, batchId, keys, windowMs: duplicateWindowMs })
    const areAll = keyedCount === keys.size && fresh.size === keys.size
    const rows = new FreshRows(segment, datasetId, areAll ? 'all' : fresh)
    await removeFile(staging, batchId, fileNumber) // Of an attempt that died.
    const target = { folder: staging.batchFolder(batchId), path: staging.filePath(batchId, fileNumber) }
    const stored = await storeDurably(target, rows.read(), signal)
    assert(
      rows.count + rows.duplicates === rowCount,
      `${rowCount} rows were read, then others of ${segment.path}`,
    )
    await faultPoint('stream.staged')
    await putBatchFile(tx, { batch_id: batchId, file_name: fileName, number: fileNumber, ...stored })
    if (rows.count === 0) {
      await updateBatch(tx, batchId, { state: 'success', at: now, isComplete: true })
      return rows.duplicates
    }
    await updateBatch(tx, batchId, { state: 'queued', at: now })
    await enqueueLoad(jobs, tx, { batchId, nodeId: jobs.nodeId, dueAt: now, principalId, sandboxId })
    return rows.duplicates
  })
}

/** The rows of one dataset in a segment, without those that came before. */
class FreshRows {
  readonly #segment: Segment
  readonly #datasetId: DatasetId
  readonly #fresh: Set<string> | 'all'
  count = 0
  duplicates = 0

  /** @param fresh keys, each of one row; all: no row's key came before, nor twice */
  constructor(segment: Segment, datasetId: DatasetId, fresh: ReadonlySet<string> | 'all') {
    this.#segment = segment
    this.#datasetId = datasetId
    this.#fresh = fresh === 'all' ? fresh : new Set(fresh)
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for await (const payload of readSegment(this.#segment)) {
      const { datasetId, keys } = entryOf(payload)
      if (datasetId !== this.#datasetId) continue
      if (this.#fresh === 'all') {
        this.count += keys.length
        yield textOfRows(payload)
        continue
      }
      const kept: Buffer[] = []
      let index = 0
      for (const row of rowsOf(payload)) {
        const key = keys[index++] ?? null
        // The first row with the key takes it.
        if (key === null || this.#fresh.delete(key)) kept.push(row)
        else this.duplicates += 1
      }
      this.count += kept.length
      if (kept.length > 0) yield Buffer.concat(kept)
    }
  }
}

/** Follows from segment and dataset alone. */
function batchIdOf(segmentId: string, datasetId: DatasetId): BatchId {
  return derivedBatchId(segmentId, `${segmentId} ${datasetId}`)
}
