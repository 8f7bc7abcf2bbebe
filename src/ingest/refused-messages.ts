import type { Clock } from '#base/clock.ts'
import { assert, must } from '#base/assert.ts'
import { faultPoint } from '#base/faults.ts'
import { type BatchId, parseId } from '#base/ids.ts'
import { type BatchRow, insertBatchOnce, putBatchFile, updateBatch } from '#metadata/batches.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { deleteStreamKeys } from '#metadata/streaming.ts'
import { derivedBatchId } from './derived-batch-id.ts'
import { linesOf, type RejectLog } from './rejects.ts'
import { removeFile, type Staging, storeDurably } from './staging.ts'
import type { CheckedRow } from './streaming/message.ts'
import { parseStrictJson } from './strict-json.ts'

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
    check,
    keep,
  }: {
    batch: BatchRow
    rejects: RejectLog
    rowCount: number
    /** As a message was looked at when it came. */
    check: (entity: object) => CheckedRow
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
  const keys = new Set<string>()
  const lines = refusedLines(staging.errorsPath(id), rejects.count, (record) => {
    const key = keyIn(record, check)
    if (key !== null) keys.add(key)
  })
  const stored = await storeDurably(target, lines, signal)
  await faultPoint('stream.refused')
  await metadata.transaction(async (tx) => {
    await putBatchFile(tx, { batch_id: id, file_name: fileName, number: fileNumber, ...stored })
    // Mended, they may come again.
    await deleteStreamKeys(tx, {
      datasetId: parseId('dataset', dataset_id),
      batchId: batch.id,
      keys: [...keys],
    })
    await updateBatch(tx, id, {
      state: 'failed',
      at: now,
      failedRecordCount: rejects.count,
      errors: rejects.errors(rowCount + rejects.count),
    })
  })
}

/** @throws Error when there are not as many as were refused: one that is lost would be lost for good */
async function* refusedLines(
  path: string,
  countWanted: number,
  onRecord: (record: string) => void,
): AsyncGenerator<Uint8Array> {
  let count = 0
  for await (const line of linesOf(path)) {
    count += 1
    const { _corrupt_record: record } = JSON.parse(line) as { readonly _corrupt_record?: string }
    onRecord(must(record, 'a refused row has its record'))
    yield Buffer.from(`${record}\n`)
  }
  assert(count === countWanted, 'every refused message is in the file of them')
}

/** What a message that only a constraint refuses was known by. One that does not fit was known by nothing, whatever its `_id`. */
function keyIn(record: string, check: (entity: object) => CheckedRow): string | null {
  try {
    return check(parseStrictJson(record) as object).key
  } catch {
    return null // It is no object, or was too long to be kept whole.
  }
}
