import type { SandboxId } from '#base/ids.ts'
import type { StoreCredentials } from '#objects/open-store.ts'
import { remoteStoreOf } from '#objects/remote-location.ts'
import { landingInBucket } from './landing-in-bucket.ts'
import { landingInHome } from './landing-in-home.ts'
import type { LandingPlace } from './landing-place.ts'

/**
 * @param location `s3://bucket/prefix`; undefined: the zones are in our home
 * @throws AppError 'config.invalid', 'store.refused', 'store.unreachable'
 */
export async function openLandingPlace(
  location: string | undefined,
  options: {
    readonly home: string
    readonly server: { readonly region: string; readonly endpoint?: string | undefined }
    readonly credentials: StoreCredentials
    readonly sandboxIds: () => Promise<readonly SandboxId[]>
  },
): Promise<LandingPlace> {
  const inHome = landingInHome(options.home)
  if (location === undefined) return inHome
  const inBucket = await landingInBucket(remoteStoreOf(location, options.server), options)
  return {
    ...inBucket,
    // What was delivered before there was a bucket goes in its time, too.
    sweep: async (now, stop) => (await inHome.sweep(now, stop)) + (await inBucket.sweep(now, stop)),
  }
}
