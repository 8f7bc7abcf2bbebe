import { randomBytes } from 'node:crypto'
import type { Caller, Sandbox } from '#access/access.ts'
import type { SchemaRow } from '#metadata/schemas.ts'
import { isJson, type Json, texts } from './json.ts'
import { directReferences } from './lineage.ts'
import { altIdOf, type Resource, tenantOf, type TenantKind } from './resource.ts'

/** Set by us; what a client sends back of them is ignored. */
const ownedKeys = new Set([
  '$id',
  'meta:altId',
  'meta:resourceType',
  'version',
  'imsOrg',
  'meta:containerId',
  'meta:sandboxId',
  'meta:sandboxType',
  'meta:registryMetadata',
  'meta:tenantNamespace',
  'meta:extends',
  'meta:xdmType',
  'meta:extensible',
  'meta:abstract',
  'meta:datasetNamespace',
  'meta:descriptors',
])

export function newIdentity(
  caller: Caller,
  kind: TenantKind,
): { readonly id: string; readonly altId: string } {
  const id = `https://ns.adobe.com/${tenantOf(caller.sandbox.organizationId)}/${kind}/${randomBytes(24).toString('hex')}`
  return { id, altId: altIdOf(id) }
}

/** What an author wrote, as it is stored and checked: their keys in their order, ours around. */
export function composeDocument(
  kind: TenantKind,
  author: Json,
  { id, datasetNamespace }: { readonly id: string; readonly datasetNamespace?: string | undefined },
): Json {
  const isSchema = kind === 'schemas'
  return {
    $id: id,
    'meta:altId': altIdOf(id),
    'meta:resourceType': kind,
    type: 'object',
    ...Object.fromEntries(Object.entries(author).filter(([key]) => isKept(author, key))),
    'meta:extensible': !isSchema,
    'meta:abstract': !isSchema,
    'meta:xdmType': 'object',
    ...(datasetNamespace === undefined ? {} : { 'meta:datasetNamespace': datasetNamespace }),
  }
}

/** `meta:class` of a schema is kept only when nothing else says it. */
function isKept(author: Json, key: string): boolean {
  if (ownedKeys.has(key)) return false
  if (key === 'meta:class') return directReferences(author).length === 0
  return key !== 'meta:immutableTags' || texts(author[key]).length > 0 || !Array.isArray(author[key])
}

/** Whether a change at this JSON pointer would be of what is ours. */
export function isOwned(path: string): boolean {
  return ownedKeys.has(path.split('/')[1] ?? '')
}

/** An ad hoc class calls its wrapper `_adhoc`; we name it after the class. */
export function nameWrapper(author: Json, id: string): Json {
  const name = `_${id.slice(id.lastIndexOf('/') + 1)}`
  const rename = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rename)
    if (!isJson(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === 'properties' && isJson(inner) && isJson(inner['_adhoc'])
          ? Object.fromEntries(Object.entries(inner).map(([k, v]) => [k === '_adhoc' ? name : k, v]))
          : key === 'allOf' || key === 'definitions' || isJson(inner)
            ? rename(inner)
            : inner,
      ]),
    )
  }
  return rename(author) as Json
}

/** Opaque; changes with every stored change. */
export function etagOf(revision: number, updatedAt: Date): string {
  return `${revision.toString(16).padStart(4, '0')}${updatedAt.getTime().toString(16)}`
}

export function resourceOf(row: SchemaRow, sandbox: Sandbox): Resource {
  const stored = row.document as Json
  const { sandbox_id: sandboxId } = row
  const tenant = /^https:\/\/ns\.adobe\.com\/([^/]+)\//.exec(row.id)?.[1] ?? ''
  return {
    id: row.id,
    altId: row.alt_id,
    kind: row.resource_type,
    container: 'tenant',
    title: row.title,
    version: row.version,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    document: {
      ...stored,
      version: row.version,
      imsOrg: sandbox.organizationId,
      ...(row.resource_type === 'schemas' && row.class_id !== null ? { 'meta:class': row.class_id } : {}),
      'meta:extends': row.extends,
      'meta:immutableTags': texts(stored['meta:immutableTags']),
      'meta:containerId': 'tenant',
      'meta:sandboxId': sandboxId,
      'meta:sandboxType': sandbox.type,
      'meta:tenantNamespace': `_${tenant}`,
      'meta:registryMetadata': {
        'repo:createdDate': row.created_at.getTime(),
        'repo:lastModifiedDate': row.updated_at.getTime(),
        'xdm:createdClientId': row.created_by,
        'xdm:lastModifiedClientId': row.updated_by,
        'xdm:createdUserId': row.created_by,
        'xdm:lastModifiedUserId': row.updated_by,
        eTag: etagOf(row.revision, row.updated_at),
      },
    },
  }
}
