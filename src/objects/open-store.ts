import { z } from 'zod'
import { unreachable } from '#base/assert.ts'
import { localStoreConfig, openLocalStore } from './local/local-store.ts'
import type { ObjectStore } from './object-store.ts'
import type { RemoteStore } from './remote-store.ts'
import { type S3Credentials, s3StoreConfig } from './s3/s3-config.ts'
import { openS3Store } from './s3/s3-store.ts'

/** To add a store: write its folder, then one line here and one case below. The compiler finds the rest. */
export const storeConfig = z.discriminatedUnion('kind', [localStoreConfig, s3StoreConfig])

/** Where a store is; never a secret. */
export type StoreConfig = z.infer<typeof storeConfig>

/** What opens it, by kind; absent: what the machine itself has. */
export interface StoreCredentials {
  readonly s3?: S3Credentials | undefined
}

/** Stores that a lake can live in. */
export type RemoteStoreConfig = Extract<StoreConfig, { readonly kind: 's3' }>

/** @throws AppError 'store.refused', 'store.unreachable' */
export async function openRemoteStore(
  config: RemoteStoreConfig,
  credentials: StoreCredentials = {},
): Promise<RemoteStore> {
  return await openS3Store(config, { credentials: credentials.s3 })
}

/** @throws AppError 'store.refused', 'store.unreachable' */
export async function openStore(
  config: StoreConfig,
  credentials: StoreCredentials = {},
): Promise<ObjectStore> {
  switch (config.kind) {
    case 'local':
      return await openLocalStore(config)
    case 's3':
      return await openRemoteStore(config, credentials)
    default:
      return unreachable(config)
  }
}
