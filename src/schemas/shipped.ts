import { must } from '#base/assert.ts'
import type { Json } from './json.ts'
import { library } from './library.ts'
import { type Lookup, resolveDocument } from './resolve.ts'

const resolved = new Map<string, Json>()

/** A shipped resource as one tree, made once. Where the public model contradicts itself, the first definition holds. */
export function resolvedShipped(id: string): Json {
  const known = resolved.get(id)
  if (known) return known
  const { document } = must(library().resources.get(id), `${id} is shipped`)
  const made = resolveDocument(document, { document: shippedLookup.document }, { isLenient: true })
  resolved.set(id, made)
  return made
}

/** Finds what is shipped and nothing else. */
export const shippedLookup: Lookup = {
  document: (id) => library().resources.get(id)?.document,
  resolved: (id) => (library().resources.has(id) ? resolvedShipped(id) : undefined),
}

/** Finds the documents given, then what is shipped. */
export function lookupIn(documents: ReadonlyMap<string, Json>): Lookup {
  return {
    document: (id) => documents.get(id) ?? shippedLookup.document(id),
    ...(shippedLookup.resolved ? { resolved: shippedLookup.resolved } : {}),
  }
}

/** Whether the resource is a class, of the product or, by its type, of the organisation. */
export function isClass(id: string, lookup: Lookup): boolean {
  const resource = library().resources.get(id)
  if (resource) return resource.kind === 'classes' || resource.kind === 'behaviors'
  return lookup.document(id)?.['meta:resourceType'] === 'classes'
}
