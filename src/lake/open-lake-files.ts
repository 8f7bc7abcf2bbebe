import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '#base/log.ts'
import { openFileCache } from '#objects/open-file-cache.ts'
import { openRemoteStore, type StoreCredentials } from '#objects/open-store.ts'
import { remoteStoreOf } from '#objects/remote-location.ts'
import { claimLake, type LakeOwner } from './claim-lake.ts'
import type { LakeFiles } from './lake-files.ts'
import { localLakeFiles } from './local-lake-files.ts'
import { remoteLakeFiles } from './remote-lake-files.ts'

export interface LakePlace {
  /** Absolute path: of the lake, or of files on their way to its location. */
  readonly folder: string
  /** `s3://bucket/prefix`; absent: the folder. */
  readonly location?: string | undefined
  readonly cacheFolder: string
  readonly cacheBytes: number
}

/**
 * What an earlier life of this server left on its way to the location is removed: its writes never ended.
 * @throws AppError 'config.invalid', 'store.refused', 'store.unreachable'
 */
export async function openLakeFiles(
  place: LakePlace,
  options: {
    readonly server: { readonly region: string; readonly endpoint?: string | undefined }
    readonly credentials: StoreCredentials
    readonly logger: Logger
    /** Absent: nobody asks whose the lake is. */
    readonly owner?: LakeOwner
  },
): Promise<LakeFiles> {
  if (place.location === undefined) return localLakeFiles(place.folder)
  await using opening = new AsyncDisposableStack()
  const store = opening.use(
    await openRemoteStore(remoteStoreOf(place.location, options.server), options.credentials),
  )
  if (options.owner) await claimLake(store, options.owner)
  const cache = opening.use(
    await openFileCache({
      store,
      folder: place.cacheFolder,
      bytesMax: place.cacheBytes,
      logger: options.logger,
    }),
  )
  const outboxFolder = join(place.folder, 'outbox')
  await rm(outboxFolder, { recursive: true, force: true })
  opening.move()
  return remoteLakeFiles({ store, cache, outboxFolder })
}
