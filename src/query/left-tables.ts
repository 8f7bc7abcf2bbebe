import { parseId } from '#base/ids.ts'
import { markDatasetDeleted, selectTagged, type TaggedDataset } from '#metadata/datasets.ts'
import { hasEnded } from '#metadata/jobs.ts'
import type { QueryServiceOptions } from './services.ts'
import { ownerTag, sessionOwner, temporaryTag } from './temporary-tables.ts'

type Services = Pick<QueryServiceOptions, 'access' | 'clock' | 'jobs' | 'metadata' | 'nodeId' | 'incarnation'>

/**
 * Deletes temporary tables whose end nobody saw to: of sessions of an earlier life of this node, and of runs that have
 * ended. Doing it again, or on several nodes at once, does no harm. How many there were.
 */
export async function removeLeftTables(services: Services): Promise<number> {
  const { metadata, access, clock } = services
  let count = 0
  for (const dataset of await selectTagged(metadata.db, temporaryTag)) {
    if (!(await isLeft(services, dataset))) continue
    await metadata.transaction(async (tx) => {
      const { id, sandboxId, createdBy } = dataset
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
  const [kind, id = ''] = tags[ownerTag] ?? []
  if (kind === 'run') {
    const run = await services.jobs.run(parseId('run', id))
    return run === undefined || hasEnded(run)
  }
  const [, , incarnation = ''] = tags[ownerTag] ?? []
  const own = sessionOwner(services)
  return kind === 'session' && id === own[1] && incarnation !== own[2]
}
