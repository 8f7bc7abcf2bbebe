import { type Backoff, backoffMs } from '#base/backoff.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { type LakeCommitRow, selectLakeCommitOfBatch } from '#metadata/lake.ts'
import { type CommitRecord, commitChange } from './commit.ts'
import { groupFiles } from './file-groups.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { newSnapshotNumber, schemaOf } from './iceberg/table-metadata.ts'
import type { AppendRequest, AppendResult } from './lake.ts'
import type { LakeContext } from './lake-context.ts'
import { type Addition, nextSnapshot, writeAddition } from './next-snapshot.ts'
import { scanSql } from './scan-sql.ts'
import { readBase } from './table-base.ts'
import { UnknownOutcome, type Write } from './writes.ts'
import { writeDataFiles } from './write-files.ts'

/** A batch is written once, or once more for each node that overtakes it. */
export const writeTriesMax = 12
const writeBackoff: Backoff = { firstMs: 20, maxMs: 2_000, jitter: 0.9 }

type RowsOfRequest = Pick<AppendRequest, 'source' | 'columns'>

interface Written {
  readonly write: Write
  readonly ingestTimeMs: number
  readonly dataFiles: readonly DataFile[]
}

export async function append(context: LakeContext, request: AppendRequest): Promise<AppendResult> {
  const { metadata, clock, engine } = context
  const { tableId, batchId, signal } = request
  signal.throwIfAborted()
  const before = await selectLakeCommitOfBatch(metadata.db, tableId, batchId)
  if (before) return resultOf(before, false)

  /** Records the write, then writes. Nothing is left of a write that fails. */
  async function write({ source, columns }: RowsOfRequest): Promise<Written> {
    const base = await readBase(context, tableId)
    const ingestTimeMs = ingestTimeAfter(base.row.last_ingest_time, clock.now())
    const write = await context.writes.begin(base.definition)
    try {
      const dataFiles = await writeDataFiles(engine, base, {
        writeId: write.id,
        rows: { kind: 'new', batchId, ingestTimeMs, source, columns },
        onProgress: request.onProgress,
        signal,
      })
      return { write, ingestTimeMs, dataFiles }
    } catch (error) {
      await write.discard()
      throw error
    }
  }

  /** The same rows with a newer ingest time, from the files that are there. */
  async function rewrite(old: Written): Promise<Written> {
    const { definition, files, metadata: table } = await readBase(context, tableId)
    const groups = await groupFiles(context.reader, files, table, old.dataFiles)
    const sql = scanSql(groups, definition.schema.fields, schemaOf(table))
    const lakeFiles = groups.flatMap((group) => group.files)
    const source = { ...request.source, sql, files: [], lakeFiles }
    const written = await write({ source, columns: definition.schema })
    await old.write.discard()
    return written
  }

  async function commit(first: Written): Promise<AppendResult> {
    let written = first
    try {
      for (let attempt = 1; attempt <= writeTriesMax; attempt += 1) {
        const outcome = await commitAppend(context, request, written)
        switch (outcome.kind) {
          case 'committed':
            if (outcome.isNew) written.write.leave()
            else await written.write.discard() // Somebody else committed the batch meanwhile.
            return resultOf(outcome.commit, outcome.isNew)
          case 'unknown':
            throw new UnknownOutcome(outcome.error)
          case 'overtaken':
          case 'stale':
            context.logger.log('info', 'lake.append.overtaken', { tableId, batchId, attempt })
            if (attempt > 1) await clock.sleep(backoffMs(writeBackoff, attempt), signal)
            written = await rewrite(written)
            break
          case 'swept':
            context.logger.log('warn', 'lake.append.swept', { tableId, batchId, attempt })
            await written.write.discard()
            written = await write(request)
        }
      }
    } catch (error) {
      if (error instanceof UnknownOutcome) {
        written.write.leave() // If it was not committed, the sweeper finds it in our records.
        throw error.cause
      }
      await written.write.discard()
      throw error
    }
    await written.write.discard()
    throw new AppError('lake.conflict', `Other batches overtook this one ${writeTriesMax} times.`, {
      hint: 'Try again; write fewer, larger batches to one dataset.',
    })
  }

  const written = await write(request)
  await faultPoint('lake.write.done')
  return await context.turns.take(tableId, async () => await commit(written))
}

async function commitAppend(context: LakeContext, request: AppendRequest, written: Written) {
  const { tableId, batchId, first, within, signal } = request
  const { write, dataFiles, ingestTimeMs } = written
  const snapshotId = newSnapshotNumber()
  let addition: Addition | undefined
  return await commitChange(context, {
    tableId,
    batchId,
    writeId: write.id,
    signal,
    first,
    within: within && (async (tx, commit) => await within(tx, resultOf(commit, true))),
    build: async (base, attempt) => {
      const change = { operation: 'append' as const, ingestTimeMs }
      if (dataFiles.length === 0) return { ...change, requirements: [], updates: [], tryFiles: [] }
      addition ??= await writeAddition(base.files, base.metadata, {
        dataFiles,
        writeId: write.id,
        snapshotId,
      })
      const next = await nextSnapshot(context.reader, base, {
        operation: 'append',
        snapshotId,
        writeId: write.id,
        attempt,
        addition,
        properties: batchProperties(batchId, ingestTimeMs),
        nowMs: context.clock.now().getTime(),
      })
      return next && { ...change, ...next }
    },
  })
}

/** What the summary of a snapshot says of the batch that came in with it. */
export function batchProperties(batchId: string, ingestTimeMs: number): Readonly<Record<string, string>> {
  return { 'sluice.batch-id': batchId, 'sluice.ingest-time': String(ingestTimeMs) }
}

/** Above all ingest times of the table, and the time of the clock if that is. */
export function ingestTimeAfter(last: string, now: Date): number {
  return Math.max(now.getTime(), Number(last) + 1)
}

export function resultOf(commit: CommitRecord | LakeCommitRow, isNew: boolean): AppendResult {
  return {
    snapshotId: commit.current_snapshot_id ?? undefined,
    commitSequence: commit.sequence,
    rowCount: Number(commit.added_rows),
    fileCount: commit.added_files,
    bytes: Number(commit.added_bytes),
    ingestTimeMs: Number(commit.ingest_time),
    isNew,
  }
}
