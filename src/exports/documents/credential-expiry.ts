import type { DestinationAuth } from './destination-auth.ts'
import { isStorable } from '#base/storable-moment.ts'

/**
 * When credentials end, as far as they say so: a shared access signature by its `se`, others by the `expiresAt` that
 * whoever gave them has said. Undefined: nobody knows, or lives to see it.
 * @see https://learn.microsoft.com/rest/api/storageservices/create-service-sas
 */
export function credentialsExpireAt({
  params,
  secret,
}: Pick<DestinationAuth, 'params' | 'secret'>): string | undefined {
  const said = params['expiresAt']
  if (typeof said === 'string') return storable(new Date(said))
  const [, within] =
    /(?:^|;)\s*SharedAccessSignature\s*=([^;]*)/i.exec(secret?.['connectionString'] ?? '') ?? []
  const signature = secret?.['sasToken'] ?? within
  if (signature === undefined) return undefined
  return storable(new Date(new URLSearchParams(signature.trim().replace(/^\?/, '')).get('se') ?? ''))
}

function storable(moment: Date): string | undefined {
  return isStorable(moment) ? moment.toISOString() : undefined
}
