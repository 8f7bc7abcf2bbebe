import { z } from 'zod'
import { unreachable } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { checkAzureAccount } from './azure/check-account.ts'
import { type AzureCredentials, azureStoreConfig } from './azure/azure-config.ts'
import { openAzureStore } from './azure/azure-store.ts'
import { checkGcsAccount } from './gcs/check-account.ts'
import { type GcsCredentials, gcsStoreConfig } from './gcs/gcs-config.ts'
import { openGcsStore } from './gcs/gcs-store.ts'
import { localStoreConfig, openLocalStore } from './local/local-store.ts'
import type { FolderStore } from './folder-store.ts'
import type { ObjectStore } from './object-store.ts'
import type { RemoteStore } from './remote-store.ts'
import { type S3Credentials, type S3Policy, s3Policy, s3StoreConfig } from './s3/s3-config.ts'
import { checkS3Account } from './s3/check-account.ts'
import { openS3Store } from './s3/s3-store.ts'
import { type SftpCredentials, sftpStoreConfig } from './sftp/sftp-config.ts'
import { openSftpStore } from './sftp/sftp-store.ts'

/** To add a store: write its folder, then one line here and one case below. The compiler finds the rest. */
export const storeConfig = z.discriminatedUnion('kind', [
  localStoreConfig,
  s3StoreConfig,
  azureStoreConfig,
  gcsStoreConfig,
  sftpStoreConfig,
])

export type { S3Credentials } from './s3/s3-config.ts'

/** Where a store is; never a secret. */
export type StoreConfig = z.infer<typeof storeConfig>

/** What opens it, by kind; absent: what the machine itself has. */
export interface StoreCredentials {
  readonly s3?: S3Credentials | undefined
  readonly azure?: AzureCredentials | undefined
  readonly gcs?: GcsCredentials | undefined
  readonly sftp?: SftpCredentials | undefined
}

export interface StoreHooks {
  /** Told the key of a server when none was known: whoever keeps the configuration pins it. */
  readonly onHostKey?: (fingerprint: string) => void
  /** Makes nothing, not even the folder. */
  readonly isReadOnly?: boolean
  /** Gives up opening. */
  readonly signal?: AbortSignal | undefined
}

/** Stores that a lake can live in. */
export type RemoteStoreConfig = Extract<StoreConfig, { readonly kind: 's3' }>

/** @throws AppError 'store.refused', 'store.unreachable' */
export async function openRemoteStore(
  config: RemoteStoreConfig,
  credentials: StoreCredentials = {},
  /** How it is asked otherwise than others. */
  policy: Partial<Pick<S3Policy, 'socketsMax'>> = {},
  { signal }: Pick<StoreHooks, 'signal'> = {},
): Promise<RemoteStore> {
  return await openS3Store(config, {
    credentials: credentials.s3,
    policy: { ...s3Policy, ...policy },
    signal,
  })
}

/** @param folder absolute path; made when missing. @throws AppError 'store.refused', 'store.unreachable' */
export async function openFolderStore(folder: string): Promise<FolderStore> {
  return await openLocalStore({ kind: 'local', folder })
}

/** @throws AppError 'store.refused', 'store.unreachable' */
export async function openStore(
  config: StoreConfig,
  credentials: StoreCredentials = {},
  hooks: StoreHooks = {},
): Promise<ObjectStore> {
  const { signal } = hooks
  switch (config.kind) {
    case 'local':
      return await openLocalStore(config)
    case 's3':
      return await openRemoteStore(config, credentials, {}, hooks)
    case 'azure':
      return await openAzureStore(config, { credentials: given(credentials.azure), signal })
    case 'gcs':
      return await openGcsStore(config, { credentials: given(credentials.gcs), signal })
    case 'sftp':
      return await openSftpStore(config, { credentials: given(credentials.sftp), ...hooks })
    default:
      return unreachable(config)
  }
}

/**
 * Whether the credentials are right, whatever the bucket or container; false: nobody could be asked without one.
 * @throws AppError 'store.refused', 'store.unreachable'
 */
export async function checkAccount(
  config: Extract<StoreConfig, { readonly kind: 's3' | 'azure' | 'gcs' }>,
  credentials: StoreCredentials,
  { signal }: { readonly signal: AbortSignal },
): Promise<boolean> {
  switch (config.kind) {
    case 's3':
      await checkS3Account(config, { credentials: credentials.s3, signal })
      return true
    case 'azure':
      return await checkAzureAccount(config, { credentials: given(credentials.azure), signal })
    case 'gcs':
      await checkGcsAccount(given(credentials.gcs), { signal })
      return true
    default:
      return unreachable(config)
  }
}

/** These servers have no credentials that come with the machine. */
function given<T>(credentials: T | undefined): T {
  if (credentials) return credentials
  throw new AppError('store.refused', 'There are no credentials for the destination.', {
    hint: 'Give the connection its credentials.',
  })
}
