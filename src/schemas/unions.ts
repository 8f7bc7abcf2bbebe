import type { Sandbox } from '#access/access.ts'
import type { SchemaRow } from '#metadata/schemas.ts'
import { resourceOf } from './document.ts'
import { type Json, textOr } from './json.ts'
import { extendsOf } from './lineage.ts'
import { type Lookup, resolveDocument } from './resolve.ts'
import { altIdOf, type Resource } from './resource.ts'
import { lookupIn } from './shipped.ts'

const suffix = '__union'
const added = [
  'https://ns.adobe.com/xdm/context/identitymap',
  'https://ns.adobe.com/xdm/context/profile-segmentation',
]

export function isUnionId(id: string): boolean {
  return id.endsWith(suffix)
}

/**
 * The union of each class that has schemas with the tag `union`: all their fields, identities, segment memberships and
 * events. Generated when asked for.
 */
export function unionsOf(rows: readonly SchemaRow[], sandbox: Sandbox, lookup: Lookup): Resource[] {
  const byClass = Map.groupBy(
    rows.filter((row) => row.class_id !== null),
    (row) => row.class_id!,
  )
  return [...byClass].map(([classId, members]) => unionOf(classId, members, sandbox, lookup))
}

function unionOf(classId: string, members: readonly SchemaRow[], sandbox: Sandbox, lookup: Lookup): Resource {
  const title = textOr(lookup.document(classId)?.['title'], classId)
  const id = `${classId}${suffix}`
  const altId = `${altIdOf(classId)}${suffix}`
  const [first] = members
  const resources = members.map((row) => resourceOf(row, sandbox))
  const references = [classId, ...resources.map((resource) => resource.id), ...added]
  const updatedAt = new Date(Math.max(...members.map((row) => row.updated_at.getTime())))
  const revision = members.reduce((sum, row) => sum + row.revision + 1, 0)
  return {
    id,
    altId,
    kind: 'schemas',
    container: 'tenant',
    title,
    version: '1.0',
    revision,
    createdAt: first?.created_at ?? updatedAt,
    updatedAt,
    document: {
      $id: id,
      'meta:altId': altId,
      'meta:resourceType': 'unions',
      version: '1.0',
      title,
      description: `Union view of all schemas that extend ${title}`,
      type: 'object',
      allOf: references.map((reference) => ({ $ref: reference })),
      properties: { timeSeriesEvents: { type: 'array', items: { type: 'object' } } },
      imsOrg: sandbox.organizationId,
      'meta:class': classId,
      'meta:extends': extendsOf(
        { allOf: references.map((reference) => ({ $ref: reference })) },
        {
          document: (each) =>
            resources.find((resource) => resource.id === each)?.document ?? lookup.document(each),
        },
      ),
      'meta:extensible': false,
      'meta:abstract': false,
      'meta:immutableTags': ['union'],
      'meta:xdmType': 'object',
      'meta:containerId': 'tenant',
      'meta:registryMetadata': {
        'repo:createdDate': (first?.created_at ?? updatedAt).getTime(),
        'repo:lastModifiedDate': updatedAt.getTime(),
        eTag: String(revision),
      },
    },
  }
}

/** Where two schemas disagree on a field, the older one's holds. */
export function resolveUnion(union: Resource, members: readonly Resource[], lookup: Lookup): Json {
  const own = lookupIn(new Map(members.map((member) => [member.id, member.document])))
  return resolveDocument(
    union.document,
    {
      document: (id) => own.document(id) ?? lookup.document(id),
      ...(own.resolved ? { resolved: own.resolved } : {}),
    },
    { isLenient: true },
  )
}
