import type { AzureCredentials } from './azure/azure-config.ts'

/**
 * What a connection string of Azure says. Nothing of it is checked here.
 * @see https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
 */
export function parseConnectionString(text: string): {
  readonly account: string
  readonly endpoint: string | undefined
  readonly credentials: AzureCredentials
} {
  const fields = new Map(
    text.split(';').flatMap((part) => {
      const cut = part.indexOf('=')
      return cut < 0 ? [] : [[part.slice(0, cut).trim().toLowerCase(), part.slice(cut + 1).trim()] as const]
    }),
  )
  const account = fields.get('accountname') ?? ''
  const suffix = fields.get('endpointsuffix')
  const protocol = fields.get('defaultendpointsprotocol') ?? 'https'
  const made = suffix === undefined ? undefined : `${protocol}://${account}.blob.${suffix}`
  const signature = fields.get('sharedaccesssignature')
  return {
    account,
    endpoint: fields.get('blobendpoint') ?? made,
    credentials:
      signature === undefined
        ? { kind: 'key', accountKey: fields.get('accountkey') ?? '' }
        : { kind: 'sas', token: signature },
  }
}
