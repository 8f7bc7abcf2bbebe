import { isId, type SandboxId } from '#base/ids.ts'
import {
  openRemoteStore,
  openStore,
  type RemoteStoreConfig,
  storeConfig,
  type StoreCredentials,
} from '#objects/open-store.ts'
import { landingMoved } from './landing-moved.ts'
import { invalidLandingPath, landingPath } from './landing-path.ts'
import { landingKeptMs, type LandingPlace } from './landing-place.ts'
import { zoneIn } from './zone-in.ts'

/** Of a bucket, or the part of one below a prefix. @throws AppError 'store.refused', 'store.unreachable' */
export async function landingInBucket(
  bucket: RemoteStoreConfig,
  options: {
    readonly credentials: StoreCredentials
    /** All that there are or were: nothing else in the bucket is ours to remove. */
    readonly sandboxIds: () => Promise<readonly SandboxId[]>
  },
): Promise<LandingPlace> {
  const { credentials, sandboxIds } = options
  const store = await openRemoteStore(bucket, credentials)
  const above = bucket.prefix === '' ? '' : `${bucket.prefix}/`
  const isInZone = (prefix: string) =>
    prefix.startsWith(above) && isId('sandbox', prefix.slice(above.length).split('/')[0] ?? '')
  return {
    target: (sandboxId, path) => {
      const prefix = [`${above}${sandboxId}`, landingPath(path)].filter((part) => part !== '').join('/')
      const target = storeConfig.safeParse({ ...bucket, prefix })
      if (target.success) return target.data
      throw invalidLandingPath('it is too long, or has characters that no key has')
    },
    openTarget: async (target) => {
      // Our credentials are for this place alone, and go to where the server is now.
      if (target.kind !== 's3' || target.bucket !== bucket.bucket || !isInZone(target.prefix))
        throw landingMoved(target)
      return await openStore({ ...bucket, prefix: target.prefix }, credentials)
    },
    openZone: async (sandboxId) => zoneIn(store, `${sandboxId}/`),
    sweep: async (now, { signal }) => {
      const before = new Date(now.getTime() - landingKeptMs)
      let fileCount = 0
      for (const id of await sandboxIds()) fileCount += await store.removeOlder(id, { before, signal })
      return fileCount
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
