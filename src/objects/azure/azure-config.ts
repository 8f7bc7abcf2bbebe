import { z } from 'zod'
import { objectLock } from '../remote/object-lock.ts'
import { prefixText } from '../remote/prefix.ts'

/** Where the blobs are; never a secret. */
export const azureStoreConfig = z.strictObject({
  kind: z.literal('azure'),
  account: z.string().regex(/^[a-z0-9]{3,24}$/, 'expected the name of a storage account'),
  container: z
    .string()
    .regex(/^[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]$/, 'expected the name of a container'),
  prefix: prefixText,
  /** Of the account's blobs; absent: `https://ACCOUNT.blob.core.windows.net`. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  /** By policies of immutability of the blobs' versions. */
  objectLock: objectLock.optional(),
})

export type AzureStoreConfig = z.infer<typeof azureStoreConfig>

export type AzureCredentials =
  /** The account's own, as a connection string has it. */
  | { readonly kind: 'key'; readonly accountKey: string }
  /** A shared access signature that may read, add, create, write, delete and list in the container. */
  | { readonly kind: 'sas'; readonly token: string }
  | ServicePrincipal

export interface ServicePrincipal {
  readonly kind: 'service principal'
  readonly tenant: string
  readonly clientId: string
  readonly clientSecret: string
  /** Who gives tokens; absent: `https://login.microsoftonline.com`. */
  readonly authority?: string | undefined
}
