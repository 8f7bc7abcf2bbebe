import { rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { newAttemptFolder } from '#base/engine-folder.ts'
import { faultPoint } from '#base/faults.ts'
import type { SnapshotId, TableId } from '#base/ids.ts'
import type { RunContext } from '#jobs/jobs.ts'
import type { CopiedFile } from '#engine/engine.ts'
import type { RunScope } from './run-scope.ts'

export interface Spooled {
  /** Σ record counts of the pinned data files. */
  readonly sourceRowCount: number
  readonly sourceBytes: number
  /** Rows the engine says it wrote. */
  readonly emittedRowCount: number
  readonly files: readonly CopiedFile[]
}

/** Reads the pinned rows once, into files of our own. An attempt has a folder to itself. */
export async function spool({
  engine,
  lake,
  plan,
  context,
  spoolFolder,
  progress,
}: RunScope): Promise<Spooled> {
  const scan = await lake.plan({
    tableId: plan.tableId as TableId,
    snapshotId: plan.snapshotId as SnapshotId | undefined,
    ...(plan.content === 'increment' ? { afterSequence: plan.afterSequence } : {}),
    withSystemColumns: plan.withSystemColumns,
    signal: context.signal,
  })
  await progress.update({ phase: 'reading', rowCountTotal: scan.rowCount })
  const source = { sourceRowCount: scan.rowCount, sourceBytes: scan.bytes }
  if (scan.files.length === 0) {
    await faultPoint('export.spool.done')
    return { ...source, emittedRowCount: 0, files: [] }
  }
  using lease = await lake.lease(scan.files, { signal: context.signal })
  const copied = await engine.copy(
    { sql: scan.sql, files: lease.paths, pool: 'batch' },
    {
      folder: await newAttemptFolder(spoolFolder, context.run.id, context.lease.fence),
      format: { ...plan.format, fileBytesMax: plan.fileBytesMax },
      onProgress: ({ rowCount }) => {
        // Only for people: a lost lease is noticed by the next step.
        progress.update({ rowCount }).catch(() => {})
      },
      signal: context.signal,
    },
  )
  await faultPoint('export.spool.done')
  return {
    ...source,
    emittedRowCount: copied.rowCount,
    // An engine may leave a file without rows behind; it delivers nothing.
    files: copied.files.filter((file) => file.rowCount > 0),
  }
}

export async function removeSpool(spoolFolder: string, runId: string): Promise<void> {
  await rm(join(spoolFolder, runId), { recursive: true, force: true })
}

/** Only what this attempt spooled: another one may be at work beside. */
export async function removeAttemptSpool(spoolFolder: string, { run, lease }: RunContext): Promise<void> {
  const runFolder = join(spoolFolder, run.id)
  await rm(join(runFolder, String(lease.fence)), { recursive: true, force: true })
  await rmdir(runFolder).catch(() => {}) // Another attempt's folder is in it, or there is none.
}
