import type { Caller } from '#access/access.ts'
import { selectDescriptors } from '#metadata/identities.ts'
import type { Db } from '#metadata/metadata.ts'
import { selectSchema, selectSchemasOfType, selectUnionSchemas } from '#metadata/schemas.ts'
import { descriptorDocument } from './descriptor-document.ts'
import { resourceOf } from './document.ts'
import { unknown } from './errors.ts'
import { type Json, texts } from './json.ts'
import { library, shipped } from './library.ts'
import { type Entry, type ListQuery, type Page, pageOf } from './list.ts'
import type { Registry } from './registry.ts'
import { render } from './render.ts'
import { resolveDocument } from './resolve.ts'
import type { Container, Resource } from './resource.ts'
import type { ReadableKind } from './schemas.ts'
import { resolvedShipped } from './shipped.ts'
import { isUnionId, resolveUnion, unionsOf } from './unions.ts'
import type { View } from './view.ts'

/** @throws AppError 'schema.unknown' */
export async function findResource(
  registry: Registry,
  db: Db,
  caller: Caller,
  { kind, id }: { readonly kind: ReadableKind; readonly id: string },
): Promise<Resource> {
  if (kind === 'unions' || (kind === 'schemas' && isUnionId(id))) {
    const unions = await allUnions(registry, db, caller)
    const union = unions.find((candidate) => candidate.id === id || candidate.altId === id)
    if (union) return union
    throw unknown('unions', id)
  }
  const resource = await findAny(db, caller, id)
  if (resource?.kind === kind) return resource
  throw unknown(kind, id)
}

/** Of whatever kind. */
export async function findAny(db: Db, caller: Caller, id: string): Promise<Resource | undefined> {
  const known = shipped(id)
  if (known) return known
  const row = await selectSchema(db, caller.sandbox.id, id)
  return row && resourceOf(row, caller.sandbox)
}

export async function allUnions(registry: Registry, db: Db, caller: Caller): Promise<Resource[]> {
  const rows = await selectUnionSchemas(db, caller.sandbox.id)
  const lookup = await registry.lookup(
    db,
    caller,
    rows.map((row) => row.document as Json),
  )
  return unionsOf(rows, caller.sandbox, lookup)
}

/** One tree of properties. */
export async function resolveResource(
  registry: Registry,
  db: Db,
  caller: Caller,
  resource: Resource,
): Promise<Json> {
  if (resource.container === 'global') return resolvedShipped(resource.id)
  if (isUnionId(resource.id)) {
    const rows = await selectUnionSchemas(db, caller.sandbox.id)
    const members = rows.map((row) => resourceOf(row, caller.sandbox))
    const lookup = await registry.lookup(
      db,
      caller,
      members.map((member) => member.document),
    )
    return resolveUnion(resource, members, lookup)
  }
  return resolveDocument(resource.document, await registry.lookup(db, caller, [resource.document]))
}

export async function lookAt(
  registry: Registry,
  db: Db,
  caller: Caller,
  { kind, id, view }: { readonly kind: ReadableKind; readonly id: string; readonly view: View },
): Promise<Json> {
  const resource = await findResource(registry, db, caller, { kind, id })
  if (view.form !== 'full') return render(resource.document, view, { resolve: () => resource.document })
  const resolved = await resolveResource(registry, db, caller, resource)
  const rows = await selectDescriptors(db, caller.sandbox.id, [
    resource.id,
    ...texts(resource.document['meta:extends']),
  ])
  return render(resource.document, view, {
    resolve: () => resolved,
    descriptors: rows.map((row) => descriptorDocument(row, caller)),
    deprecatedPaths: new Set(
      rows.filter((row) => row.type === 'xdm:descriptorDeprecated').map((row) => row.source_property),
    ),
  })
}

export async function listResources(
  registry: Registry,
  db: Db,
  caller: Caller,
  given: { container: Container; kind: ReadableKind; view: View; query: ListQuery },
): Promise<Page> {
  const { container, kind, view, query } = given
  const resources = await resourcesIn(registry, db, caller, { container, kind })
  const entries = resources.map((resource): Entry => ({
    whole: resource.document,
    show: () => render(resource.document, view, { resolve: () => resource.document }),
  }))
  // A documented client reads the first page of data types only.
  return pageOf(entries, query, container === 'tenant' && kind === 'datatypes')
}

async function resourcesIn(
  registry: Registry,
  db: Db,
  caller: Caller,
  { container, kind }: { readonly container: Container; readonly kind: ReadableKind },
): Promise<readonly Resource[]> {
  if (container === 'global' || kind === 'behaviors') {
    return [...library().resources.values()].filter((resource) => resource.kind === kind)
  }
  if (kind === 'unions') return await allUnions(registry, db, caller)
  const rows = await selectSchemasOfType(db, caller.sandbox.id, { types: [kind] })
  return rows.map((row) => resourceOf(row, caller.sandbox))
}
