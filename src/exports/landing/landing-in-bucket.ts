import { AppError } from '#base/errors.ts'
import { isId, type SandboxId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { openRemoteStore, type StoreCredentials, storeConfig } from '#objects/open-store.ts'
import { remoteStoreOf } from '#objects/remote-location.ts'
import { landingPath, invalidLandingPath } from './landing-path.ts'
import type { LandingPlace } from '../destinations/landing-place.ts'
import { landingKeptMs } from './landing-sweep.ts'
import { isLandingTarget, landingMoved } from './landing-target.ts'
import { locationOf, type Target } from '../destinations/target.ts'
import { zoneIn } from './zone-in.ts'

export interface LandingBucket extends LandingPlace, AsyncDisposable {
  /**
   * Removes what has lain in the zones for seven days by this machine's clock, and returns how many files it removed.
   * What cannot be removed, and a zone that cannot be listed, is told of and passed over.
   * @throws AppError 'store.unreachable' when nothing answers
   */
  sweep(now: Date, options: { readonly signal: AbortSignal; readonly logger: Logger }): Promise<number>
}

/** As many as the HTTP server has connections: how many a sandbox may read at a time bounds its readers, not this. */
const readSocketsMax = 1_000
/** Zones one after the other that don't answer, before the rest waits for the next sweep. */
const silentZonesMax = 3

/**
 * Landing zones in a bucket, or the part of one below a prefix, beside the bucket of a lake and on its server. Deliveries
 * have connections of their own, and so have those who read: however slowly they do, lists and the sweep go on.
 * @param location `s3://bucket/prefix`
 * @throws AppError 'config.invalid', 'store.refused', 'store.unreachable'
 */
export async function openLandingBucket(
  location: string,
  options: {
    readonly home: string
    readonly server: { readonly region: string; readonly endpoint?: string | undefined }
    readonly credentials: StoreCredentials
    /** All that there are or were: nothing else in the bucket is ours to remove. */
    readonly sandboxIds: () => Promise<readonly SandboxId[]>
  },
): Promise<LandingBucket> {
  const { home, server, credentials, sandboxIds } = options
  const bucket = remoteStoreOf(location, server)
  await using opening = new AsyncDisposableStack()
  const store = opening.use(await openRemoteStore(bucket, credentials))
  const readers = opening.use(await openRemoteStore(bucket, credentials, { socketsMax: readSocketsMax }))
  const opened = opening.move()
  const above = bucket.prefix === '' ? '' : `${bucket.prefix}/`

  const isHere = (target: Target): target is Extract<Target, { readonly kind: 'landing' }> =>
    target.kind === 'landing' &&
    target.bucket === bucket.bucket &&
    target.prefix.startsWith(above) &&
    isId('sandbox', target.prefix.slice(above.length).split('/')[0] ?? '')

  return {
    target: (sandboxId, path) => {
      const prefix = [`${above}${sandboxId}`, landingPath(path)].filter((part) => part !== '').join('/')
      if (storeConfig.safeParse({ ...bucket, prefix }).success)
        return { kind: 'landing', bucket: bucket.bucket, prefix }
      throw invalidLandingPath('it is too long, or has characters that no key has')
    },
    isZone: (target) => isLandingTarget(home, target),
    openTarget: async (target, { signal }) => {
      if (!isHere(target)) throw landingMoved(target)
      const there = await openRemoteStore({ ...bucket, prefix: target.prefix }, credentials, {}, { signal })
      return { ...there, location: locationOf(target) }
    },
    openZone: async (sandboxId) =>
      zoneIn({ ...store, read: (name, options) => readers.read(name, options) }, `${sandboxId}/`),
    test: async (sandboxId, { signal }) => {
      for await (const _first of store.list(`${sandboxId}/`, { signal })) break
    },
    sweep: async (now, { signal, logger }) => {
      const before = new Date(now.getTime() - landingKeptMs)
      let [filesRemoved, silentZones] = [0, 0]
      for (const sandboxId of await sandboxIds()) {
        let filesLeft = 0
        let error: unknown
        const onFailure = (failure: AppError) => {
          filesLeft += 1
          error ??= failure
        }
        try {
          filesRemoved += await store.removeOlder(sandboxId, { before, signal, onFailure })
          silentZones = 0
        } catch (failure) {
          if (!(failure instanceof AppError)) throw failure
          silentZones = failure.code === 'store.unreachable' ? silentZones + 1 : 0
          if (silentZones === silentZonesMax) throw failure
          error = failure
        }
        if (error !== undefined) logger.log('warn', 'landing.sweep_failed', { sandboxId, filesLeft, error })
      }
      return filesRemoved
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
