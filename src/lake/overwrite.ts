import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { selectLakeCommitOfBatch } from '#metadata/lake.ts'
import { batchProperties, ingestTimeAfter, resultOf } from './append.ts'
import { currentSnapshot, newSnapshotNumber } from './iceberg/table-metadata.ts'
import type { AppendResult, OverwriteRequest } from './lake.ts'
import type { LakeContext } from './lake-context.ts'
import { nextSnapshot, writeAddition } from './next-snapshot.ts'
import { dataFilesOf } from './reachable.ts'
import { writeRemoval } from './rows-to-remove.ts'
import { commitInTurn, runWrite } from './run-write.ts'
import { readBase, type TableBase, unlessMoved } from './table-base.ts'
import { writeDataFiles } from './write-files.ts'

/** Each try writes the rows again: others overtook it, or wrote what is to be replaced. */
const overwriteTriesMax = 10

/**
 * Puts rows in the place of others in one commit: of all rows that are there when it commits, or of those that meet a
 * condition. Earlier snapshots keep what was.
 */
export async function overwrite(context: LakeContext, request: OverwriteRequest): Promise<AppendResult> {
  const { tableId, batchId, signal } = request
  for (let attempt = 1; attempt <= overwriteTriesMax; attempt += 1) {
    signal.throwIfAborted()
    const before = await selectLakeCommitOfBatch(context.metadata.db, tableId, batchId)
    if (before) return resultOf(before, false)
    const outcome = await tryOverwrite(context, request)
    if (outcome.kind === 'committed') return resultOf(outcome.commit, outcome.isNew)
    context.logger.log('info', 'lake.overwrite.again', { tableId, batchId, attempt, why: outcome.kind })
  }
  throw new AppError('lake.conflict', `Others wrote to the table first ${overwriteTriesMax} times.`, {
    hint: 'Try again when less is written to the dataset.',
  })
}

async function tryOverwrite(context: LakeContext, request: OverwriteRequest) {
  const { tableId, batchId, source, columns, replaces, first, within, signal } = request
  const base = await readBase(context, tableId)
  const ingestTimeMs = ingestTimeAfter(base.row.last_ingest_time, context.clock.now())
  return await runWrite(context, base.definition, async (write) => {
    const added = await writeDataFiles(context.engine, base, {
      writeId: write.id,
      part: 'new',
      rows: { kind: 'new', batchId, ingestTimeMs, source, columns },
      onProgress: request.onProgress,
      signal,
    })
    const rows =
      replaces === 'all'
        ? undefined
        : await unlessMoved(context, base, {
            signal,
            work: async () =>
              await writeRemoval(context, base, { condition: replaces, signal, writeId: write.id }),
          })
    if (replaces !== 'all' && !rows) return { kind: 'stale' }
    await faultPoint('lake.rewrite.done')
    const dataFiles = [...added, ...(rows?.kept ?? [])]
    const snapshotId = newSnapshotNumber()
    const addition =
      dataFiles.length === 0
        ? undefined
        : await writeAddition(base.files, base.metadata, { dataFiles, writeId: write.id, snapshotId })
    return await commitInTurn(context, {
      tableId,
      batchId,
      writeId: write.id,
      signal,
      first,
      within: within && (async (tx, commit) => await within(tx, resultOf(commit, true))),
      build: async (now, attempt) => {
        if (rows && !(await rows.isComplete(now))) return undefined
        const next = await nextSnapshot(context.reader, now, {
          operation: addition ? 'overwrite' : 'delete',
          snapshotId,
          writeId: write.id,
          attempt,
          addition,
          removed: rows ? new Set(rows.holding.map(({ file }) => file.path)) : await allFiles(context, now),
          properties: batchProperties(batchId, ingestTimeMs),
          nowMs: context.clock.now().getTime(),
        })
        if (!next) return undefined
        const keptRows = (rows?.kept ?? []).reduce((sum, file) => sum + file.rowCount, 0)
        // What was there before and is still there did not come in with this batch.
        const snapshot = { ...next.snapshot, addedRows: next.snapshot.addedRows - keptRows }
        return { operation: 'overwrite' as const, ingestTimeMs, ...next, snapshot }
      },
    })
  })
}

async function allFiles(
  { reader }: LakeContext,
  { files, metadata }: TableBase,
): Promise<ReadonlySet<string>> {
  const snapshot = currentSnapshot(metadata)
  return snapshot ? await dataFilesOf(reader, files, await reader.manifests(files, snapshot)) : new Set()
}
