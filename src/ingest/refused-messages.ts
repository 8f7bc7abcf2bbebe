import type { Clock } from '#base/clock.ts'
import { assert, must } from '#base/assert.ts'
import { faultPoint } from '#base/faults.ts'
import type { BatchId } from '#base/ids.ts'
import { type BatchRow, insertBatchOnce, putBatchFile, updateBatch } from '#metadata/batches.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { derivedBatchId } from './derived-batch-id.ts'
import { linesOf, type RejectLog } from './rejects.ts'
import { removeFile, type Staging, storeDurably } from './staging.ts'

const fileName = 'messages.json'
const fileNumber = 1

/** Of a batch of messages: the one, always the same, that has those of them which are refused. */
function refusedBatchId({ id }: Pick<BatchRow, 'id'>): BatchId {
  return derivedBatchId(id, `${id} refused`)
}

/**
 * Nobody waits for what becomes of messages: those that are refused beside others that are loaded make a batch that has
 * failed, with a file of them as they came. Doing it again, by another attempt at the load, changes nothing.
 */
export async function failRefusedMessages(
  { metadata, staging, clock }: { metadata: Metadata; staging: Staging; clock: Clock },
  {
    batch,
    rejects,
    rowCount,
    keep,
  }: {
    batch: BatchRow
    rejects: RejectLog
    rowCount: number
    /** Puts what was refused where that of a batch lies. */
    keep: (batchId: BatchId) => Promise<void>
  },
  signal: AbortSignal,
): Promise<void> {
  const id = refusedBatchId(batch)
  const now = clock.now()
  const { dataset_id, sandbox_id, created_at, created_by, node_id } = batch
  // Known before its file is there: a sweep removes files of batches that nobody knows.
  await insertBatchOnce(metadata.db, {
    id,
    dataset_id,
    sandbox_id,
    created_at,
    created_by,
    node_id,
    state: 'failed',
    format: 'json',
    files_begun: fileNumber,
    updated_at: now,
    completed_at: now,
    record_count: 0,
    failed_record_count: rejects.count,
    bytes: 0,
    errors: '[]',
    tags: JSON.stringify({ ...(batch.tags as object), 'sluice/refused': [batch.id] }),
  })
  await keep(id)
  await removeFile(staging, id, fileNumber) // Of an attempt before.
  const target = { folder: staging.batchFolder(id), path: staging.filePath(id, fileNumber) }
  const stored = await storeDurably(target, refusedLines(staging.errorsPath(id), rejects.count), signal)
  await faultPoint('stream.refused')
  await metadata.transaction(async (tx) => {
    await putBatchFile(tx, { batch_id: id, file_name: fileName, number: fileNumber, ...stored })
    await updateBatch(tx, id, {
      state: 'failed',
      at: now,
      failedRecordCount: rejects.count,
      errors: rejects.errors(rowCount + rejects.count),
    })
  })
}

/** @throws Error when there are not as many as were refused: one that is lost would be lost for good */
async function* refusedLines(path: string, countWanted: number): AsyncGenerator<Uint8Array> {
  let count = 0
  for await (const line of linesOf(path)) {
    count += 1
    const { _corrupt_record: record } = JSON.parse(line) as { readonly _corrupt_record?: string }
    yield Buffer.from(`${must(record, 'a refused row has its record')}\n`)
  }
  assert(count === countWanted, 'every refused message is in the file of them')
}
