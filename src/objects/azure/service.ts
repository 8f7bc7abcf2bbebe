import type * as Sdk from '@azure/storage-blob'
import { unreachable } from '#base/assert.ts'
import type { Clock } from '#base/clock.ts'
import type { AzureCredentials, AzureStoreConfig } from './azure-config.ts'
import type { CopySource } from './connection.ts'
import { servicePrincipal } from './service-principal.ts'

/** Of the signature by which the store copies from its own blob; clocks differ. */
const copyMsMax = 12 * 3_600_000
const clocksMs = 15 * 60_000

export const endpointOf = ({ endpoint, account }: AzureStoreConfig): string =>
  (endpoint ?? `https://${account}.blob.core.windows.net`).replace(/\/+$/, '')

interface Service {
  readonly service: Sdk.BlobServiceClient
  readonly copySource: (blob: Sdk.BlockBlobClient) => Promise<CopySource>
}

/** The account, and how the store copies within it. */
export function serviceOf(
  sdk: typeof Sdk,
  endpoint: string,
  {
    account,
    credentials,
    clock,
  }: { readonly account: string; readonly credentials: AzureCredentials; readonly clock: Clock },
): Service {
  // We try again ourselves: only we know which answers may be lost, and what a broken body means.
  const pipeline = { retryOptions: { maxTries: 1 }, keepAliveOptions: { enable: true } }
  switch (credentials.kind) {
    case 'key': {
      const key = new sdk.StorageSharedKeyCredential(account, credentials.accountKey)
      return {
        service: new sdk.BlobServiceClient(endpoint, key, pipeline),
        copySource: async (blob) => {
          const now = clock.now().getTime()
          const permissions = sdk.BlobSASPermissions.parse('r')
          const startsOn = new Date(now - clocksMs)
          const expiresOn = new Date(now + copyMsMax)
          return { url: await blob.generateSasUrl({ permissions, startsOn, expiresOn }) }
        },
      }
    }
    case 'sas': {
      const token = credentials.token.replace(/^\?/, '')
      return {
        service: new sdk.BlobServiceClient(`${endpoint}?${token}`, new sdk.AnonymousCredential(), pipeline),
        copySource: async (blob) => ({ url: blob.url }),
      }
    }
    case 'service principal': {
      const token = servicePrincipal(credentials)
      return {
        service: new sdk.BlobServiceClient(endpoint, token, pipeline),
        copySource: async (blob) => {
          const given = await token.getToken('https://storage.azure.com/.default')
          return { url: blob.url, authorization: { scheme: 'Bearer', value: given.token } }
        },
      }
    }
    default:
      return unreachable(credentials)
  }
}
