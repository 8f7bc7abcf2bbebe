import type { Caller } from '#access/access.ts'
import type { DescriptorRow } from '#metadata/identities.ts'
import { etagOf } from './document.ts'
import type { Json } from './json.ts'

/** A descriptor as clients see it. */
export function descriptorDocument(row: DescriptorRow, caller: Caller): Json {
  return {
    '@id': row.id,
    ...(row.document as Json),
    version: '1',
    imsOrg: caller.sandbox.organizationId,
    'meta:containerId': 'tenant',
    'meta:sandboxId': row.sandbox_id,
    'meta:sandboxType': caller.sandbox.type,
    'meta:registryMetadata': {
      'repo:createdDate': row.created_at.getTime(),
      'repo:lastModifiedDate': row.updated_at.getTime(),
      'xdm:createdUserId': row.created_by,
      'xdm:lastModifiedUserId': row.updated_by,
      eTag: etagOf(row.revision, row.updated_at),
    },
  }
}
