import { parseId } from '#base/ids.ts'
import { hasBatches } from '#metadata/batches.ts'
import {
  lockDataset,
  markDatasetDeleted,
  removeTag,
  selectTagged,
  type TaggedDataset,
} from '#metadata/datasets.ts'
import { hasEnded } from '#metadata/jobs.ts'
import type { QueryServiceOptions } from '../services.ts'
import { fillerTag, ownerTag, sessionOwner, temporaryTag } from '../names/temporary-tables.ts'

type Services = Pick<QueryServiceOptions, 'access' | 'clock' | 'jobs' | 'metadata' | 'nodeId' | 'incarnation'>

/**
 * Deletes tables whose end nobody saw to: of sessions of an earlier life of this node, and of runs that have ended.
 * They are temporary ones, and those that CREATE TABLE … AS made and had not filled when a crash came: its next try
 * would find the name taken, and the table empty. Doing it again, or on several nodes at once, does no harm. How many
 * there were.
 */
export async function removeLeftTables(services: Services): Promise<number> {
  const { metadata, access, clock } = services
  const temporary = await selectTagged(metadata.db, temporaryTag)
  const filled = await selectTagged(metadata.db, fillerTag)
  let count = 0
  for (const dataset of [...temporary, ...filled]) {
    if (!(await isLeft(services, dataset))) continue
    await metadata.transaction(async (tx) => {
      const { id, sandboxId, createdBy, tags } = dataset
      // Who stores rows holds the dataset until they are recorded, so what is seen here stays so.
      if (tags[fillerTag]) {
        if (!(await lockDataset(tx, sandboxId, id))) return
        if (await hasBatches(tx, id)) return await removeTag(tx, id, fillerTag)
      }
      if (!(await markDatasetDeleted(tx, sandboxId, id, clock.now()))) return
      count++
      await access.audit(
        {
          principalId: createdBy,
          sandboxId,
          status: 'Allow',
          action: 'delete',
          assetType: 'dataset',
          assetId: id,
        },
        tx,
      )
    })
  }
  return count
}

async function isLeft(services: Services, { tags }: TaggedDataset): Promise<boolean> {
  const owner = tags[ownerTag] ?? tags[fillerTag] ?? []
  const [kind, id = ''] = owner
  if (kind === 'run') {
    const run = await services.jobs.run(parseId('run', id))
    return run === undefined || hasEnded(run)
  }
  const [, , incarnation = ''] = owner
  const own = sessionOwner(services)
  return kind === 'session' && id === own[1] && incarnation !== own[2]
}
