import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#base/clock.ts'
import { type BatchId, isId } from '#base/ids.ts'
import {
  abandonBatches,
  deleteBatchFiles,
  deleteOldBatchFiles,
  selectBatchStates,
} from '#metadata/batches.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { namesIn } from '#objects/names-in.ts'
import { removeBatchFiles, removeRejects, type Staging } from './staging.ts'
import { streamTag } from './streaming/micro-batch.ts'

const dayMs = 86_400_000
/** Rejects, files of batches that failed, the names of all files, and batches for which nothing comes. */
const keptMs = 30 * dayMs
/** No inference and no preview takes as long. */
const lookMsMax = dayMs
const batchesAtOnce = 1_000
const underWay: ReadonlySet<string> = new Set(['loading', 'queued', 'processing'])

/**
 * Ends batches whose clients do not come back, and removes what processes that died left behind: files of batches that
 * are over, and what is kept and old.
 */
export async function sweepStaging({
  metadata,
  staging,
  nodeId,
  clock,
}: {
  readonly metadata: Metadata
  readonly staging: Staging
  readonly nodeId: string
  readonly clock: Clock
}): Promise<void> {
  const oldest = new Date(clock.now().getTime() - keptMs)
  await deleteOldBatchFiles(metadata.db, oldest)
  const abandoned = { nodeId, before: oldest, at: clock.now(), stream: streamTag }
  for (const batchId of await abandonBatches(metadata.db, abandoned)) {
    await deleteBatchFiles(metadata.db, batchId)
  }
  const names = await namesIn(staging.folder)
  const batchIds = names.filter((name): name is BatchId => isId('batch', name))
  for await (const [batchId, batch] of withStates(metadata, batchIds)) {
    const isUnderWay = batch !== undefined && underWay.has(batch.state)
    const isKept = batch?.state === 'failed' && batch.updated_at >= oldest
    if (!isUnderWay && !isKept) await removeBatchFiles(staging, batchId)
  }
  const removeOld = async (path: string, ageMsMax: number): Promise<void> => {
    const { mtimeMs } = await stat(path)
    if (mtimeMs < clock.now().getTime() - ageMsMax) await rm(path, { recursive: true, force: true })
  }
  for (const name of names) {
    if (/^(?:infer|look|preview)-/.test(name)) await removeOld(join(staging.folder, name), lookMsMax)
  }
  const rejectsNames = await namesIn(staging.rejectsFolder)
  for (const name of rejectsNames) await removeOld(join(staging.rejectsFolder, name), keptMs)
  const refusedIds = rejectsNames
    .map((name) => name.replace(/\..*$/, ''))
    .filter((name): name is BatchId => isId('batch', name))
  for await (const [batchId, batch] of withStates(metadata, refusedIds)) {
    if (!batch) await removeRejects(staging, batchId)
  }
}

/** Undefined: nobody knows the batch, or its dataset is deleted. */
async function* withStates(metadata: Metadata, batchIds: readonly BatchId[]) {
  for (let start = 0; start < batchIds.length; start += batchesAtOnce) {
    const some = batchIds.slice(start, start + batchesAtOnce)
    const states = await selectBatchStates(metadata.db, some)
    for (const batchId of some) yield [batchId, states.get(batchId)] as const
  }
}
