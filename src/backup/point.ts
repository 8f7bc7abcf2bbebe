import { link, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '#base/system-error.ts'
import { stagingOf } from '#ingest/staging.ts'
import { type HomeStateRow, selectHomeState } from '#metadata/home-state.ts'
import { type StagedFile, selectUnfinishedBatchFiles } from '#metadata/batches.ts'
import { lockLakeTables, type LakeTableRow, putBackupPins } from '#metadata/lake.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'

/** Everything at one moment. */
export interface Point {
  readonly home: HomeStateRow
  readonly tables: readonly LakeTableRow[]
  /** Snapshots that are pinned. */
  readonly pinCount: number
  /** Uploads that are not loaded yet, held in a folder of ours. */
  readonly uploads: readonly StagedFile[]
}

export interface PointOptions {
  readonly metadata: Metadata
  readonly stagingFolder: string
  /** Of this backup; receives links to the uploads. */
  readonly holdFolder: string
  readonly pinOwner: string
  readonly pinnedUntil: Date
}

const triesMax = 5

/**
 * Finds a moment at which database, lake and uploads agree, and works in a transaction that sees the database as it was
 * then. While all tables are locked, for milliseconds, no commit moves a pointer and no load ends: the transaction's
 * view is taken, every snapshot is pinned and every waiting upload linked. Then everybody goes on.
 */
export async function atOnePoint<T>(
  options: PointOptions,
  work: (view: Transaction, point: Point) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let hasBegun = false
    try {
      return await options.metadata.db
        .transaction()
        .setIsolationLevel('repeatable read')
        .setAccessMode('read only')
        .execute(async (view) => {
          const point = await standStill(options, view)
          hasBegun = true
          return await work(view, point)
        })
    } catch (error) {
      const isConflict = ['40001', '40P01'].includes(codeOf(error))
      if (hasBegun || !isConflict || attempt >= triesMax) throw error
    }
  }
}

async function standStill(options: PointOptions, view: Transaction): Promise<Point> {
  const { metadata, holdFolder, stagingFolder, pinOwner, pinnedUntil } = options
  await rm(holdFolder, { recursive: true, force: true })
  return await metadata.db.transaction().execute(async (tx) => {
    await lockLakeTables(tx)
    // The first statement of a REPEATABLE READ transaction is what its view is of.
    const home = await selectHomeState(view)
    const pinCount = await putBackupPins(tx, { owner: pinOwner, until: pinnedUntil })
    const uploads: StagedFile[] = []
    for (const file of await selectUnfinishedBatchFiles(view)) {
      if (await hold(stagingOf(stagingFolder), stagingOf(holdFolder), file)) uploads.push(file)
    }
    return { home, tables: await lakeTablesOf(view), pinCount, uploads }
  })
}

async function lakeTablesOf(view: Transaction): Promise<LakeTableRow[]> {
  return await view.selectFrom('lake_tables').selectAll().orderBy('id').execute()
}

type Staging = ReturnType<typeof stagingOf>

/** @returns false when the batch was given up in this moment: its load will say so */
async function hold(from: Staging, to: Staging, { batch_id: batchId, number }: StagedFile): Promise<boolean> {
  await mkdir(join(to.batchFolder(batchId)), { recursive: true, mode: 0o700 })
  try {
    await link(from.filePath(batchId, number), to.filePath(batchId, number))
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}
