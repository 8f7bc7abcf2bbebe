import type { Caller } from '#access/access.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import { selectSchema, selectSchemaChanges, selectSchemasOfType } from '#metadata/schemas.ts'
import { composeDocument, resourceOf } from './document.ts'
import { refused, unknown } from './errors.ts'
import { isJson, type Json } from './json.ts'
import { library } from './library.ts'
import { allReferences } from './lineage.ts'
import { toStandard } from './notation.ts'
import { allUnions, findAny, resolveResource } from './read.ts'
import type { Registry } from './registry.ts'
import { altIdOf, type Resource, tenantKinds, type TenantKind, tenantOf } from './resource.ts'
import { sampleOf } from './sample.ts'
import { createResource } from './write.ts'

const placeholder = '<XDM_TENANTID_PLACEHOLDER>'
const importMax = 500
const recentMax = 10
const changesMax = 1_000

export async function statsOf(registry: Registry, db: Db, caller: Caller): Promise<Json> {
  const { organizationId } = caller.sandbox
  const rows = await selectSchemasOfType(db, caller.sandbox.id, { types: tenantKinds })
  const unions = await allUnions(registry, db, caller)
  const count = (kind: TenantKind) => rows.filter((row) => row.resource_type === kind).length
  const schemas = rows.filter((row) => row.resource_type === 'schemas' && row.class_id !== null)
  const summary = (row: (typeof rows)[number]) => ({
    $id: row.id,
    'meta:altId': row.alt_id,
    'meta:resourceType': row.resource_type,
    title: row.title,
    version: row.version,
  })
  const newest = (time: 'created_at' | 'updated_at') =>
    rows
      .toSorted((a, b) => b[time].getTime() - a[time].getTime())
      .slice(0, recentMax)
      .map(summary)
  return {
    imsOrg: organizationId,
    tenantId: tenantOf(organizationId),
    counts: {
      schemas: count('schemas'),
      mixins: count('mixins'),
      datatypes: count('datatypes'),
      classes: count('classes'),
      unions: unions.length,
    },
    recentlyCreatedResources: newest('created_at'),
    recentlyUpdatedResources: newest('updated_at'),
    classUsage: [...Map.groupBy(schemas, (row) => row.class_id!)].map(([classId, members]) => ({
      $id: classId,
      title:
        library().resources.get(classId)?.title ?? rows.find((row) => row.id === classId)?.title ?? classId,
      numberOfSchemas: members.length,
      schemas: members.map((row) => ({ $id: row.id, title: row.title })),
    })),
  }
}

/** Dependencies first, each once; the tenant's name is replaced, so that another organisation can import it. */
export async function exportOf(registry: Registry, db: Db, caller: Caller, id: string): Promise<Json[]> {
  const resource = await findAny(db, caller, id)
  if (!resource || resource.container === 'global') throw unknown('schemas', id)
  const lookup = await registry.lookup(db, caller, [resource.document])
  const ordered = new Map<string, Json>()
  const visiting = new Set<string>()
  const visit = (document: Json): void => {
    const own = String(document['$id'])
    if (ordered.has(own) || visiting.has(own)) return
    visiting.add(own)
    for (const reference of allReferences(document)) {
      const next = library().resources.has(reference) ? undefined : lookup.document(reference)
      if (next) visit(next)
    }
    ordered.set(own, document)
  }
  visit(resource.document)
  const tenant = tenantOf(caller.sandbox.organizationId)
  return [...ordered.values()].map((document) => {
    const { 'meta:sandboxId': _, 'meta:sandboxType': __, imsOrg: ___, ...rest } = document
    return JSON.parse(JSON.stringify(rest).replaceAll(tenant, placeholder)) as Json
  })
}

/** All or nothing. @throws AppError 'schema.invalid', 'schema.exists' as XDM-3005 */
export async function importOf(
  registry: Registry,
  tx: Transaction,
  caller: Caller,
  body: unknown,
): Promise<Resource[]> {
  const list = Array.isArray(body) ? (body as readonly unknown[]) : [body]
  if (list.length === 0 || list.length > importMax) {
    throw importFailed('#', `1 to ${importMax} resources were expected, ${list.length} came`)
  }
  const tenant = tenantOf(caller.sandbox.organizationId)
  const out: Resource[] = []
  for (const [index, entry] of list.entries()) {
    if (!isJson(entry)) throw importFailed(`#/${index}`, 'a resource was expected')
    const document = JSON.parse(JSON.stringify(entry).replaceAll(placeholder, tenant)) as Json
    const { id, kind } = identityOf(document, index, tenant)
    const there = await selectSchema(tx, caller.sandbox.id, id)
    if (there) {
      const current = resourceOf(there, caller.sandbox)
      const same =
        JSON.stringify(authored(kind, current.document, id)) === JSON.stringify(authored(kind, document, id))
      if (!same)
        throw importFailed(`#/${index}`, `another ${JSON.stringify(there.title)} with this id is there`)
      out.push(current)
    } else out.push(await createImported(registry, tx, caller, { kind, body: document, id, index }))
  }
  return out
}

async function createImported(
  registry: Registry,
  tx: Transaction,
  caller: Caller,
  { kind, body, id, index }: { kind: TenantKind; body: Json; id: string; index: number },
): Promise<Resource> {
  try {
    return await createResource(registry, tx, caller, { kind, body, id })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'schema.exists') {
      throw importFailed(`#/${index}/title`, `the title ${JSON.stringify(String(body['title']))} is taken`)
    }
    throw error
  }
}

function authored(kind: TenantKind, document: Json, id: string): Json {
  return Object.fromEntries(
    Object.entries(composeDocument(kind, document, { id })).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}

function identityOf(document: Json, index: number, tenant: string): { id: string; kind: TenantKind } {
  const id = document['$id']
  const found =
    typeof id === 'string' ? /^https:\/\/ns\.adobe\.com\/([^/]+)\/(\w+)\/[0-9a-f]{8,64}$/.exec(id) : null
  const kind = tenantKinds.find((candidate) => candidate === found?.[2])
  if (typeof id !== 'string' || !kind)
    throw importFailed(`#/${index}/$id`, 'the id of an exported resource was expected')
  if (found?.[1] !== tenant) {
    throw importFailed(`#/${index}/$id`, 'the resource belongs to another organisation; export it again')
  }
  return { id, kind }
}

function importFailed(place: string, message: string) {
  return refused('schema.invalid', 'XDM-3005-400', `${message}.`, { place })
}

export async function sampleFor(registry: Registry, db: Db, caller: Caller, id: string): Promise<Json> {
  const resource = await findAny(db, caller, id)
  if (!resource) throw unknown('schemas', id)
  const resolved = await resolveResource(registry, db, caller, resource)
  const sample = sampleOf(toStandard(resolved), `${resource.id} ${resource.version}`)
  return isJson(sample) ? sample : {}
}

/** Newest first. */
export async function changesOf(db: Db, caller: Caller, id: string): Promise<Json[]> {
  const resource = await findAny(db, caller, id)
  const rows = await selectSchemaChanges(db, caller.sandbox.id, { id: resource?.id ?? id, limit: changesMax })
  if (!resource && rows.length === 0) throw unknown('schemas', id)
  return rows.map((row) => ({
    id: row.schema_id,
    'meta:altId': altIdOf(row.schema_id),
    auditTrails: (row.changes as readonly Json[]).map((change) => ({
      id: row.schema_id,
      xdmType: row.resource_type,
      ...change,
    })),
    updatedUser: row.principal_id,
    clientId: row.principal_id,
    imsOrg: caller.sandbox.organizationId,
    updated: row.at.getTime(),
    sandBoxId: row.sandbox_id,
  }))
}
