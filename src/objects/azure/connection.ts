import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob'
import type { Remote } from '../remote/ask.ts'
import type { AzureStoreConfig } from './azure-config.ts'
import type { AzureFailure } from './failure.ts'

/** One container, and how it is asked. */
export interface Connection extends Remote<AzureFailure> {
  readonly container: ContainerClient
  readonly objectLock: AzureStoreConfig['objectLock']
  /** What lets the store itself read the blob, to copy from it. */
  readonly copySource: (blob: BlockBlobClient) => Promise<CopySource>
}

export interface CopySource {
  readonly url: string
  readonly authorization?: { readonly scheme: string; readonly value: string }
}
