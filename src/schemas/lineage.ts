import { isJson, type Json } from './json.ts'
import type { Lookup } from './resolve.ts'

export const adHoc = 'https://ns.adobe.com/xdm/data/adhoc'
export const modelBased = 'https://ns.adobe.com/xdm/data/adhoc-v2'

/** More are not followed: a chain of tenant resources this long is refused elsewhere. */
const extendsMax = 2_000

/** The resources a document takes whole, by `allOf` at its top. */
export function directReferences(document: Json): string[] {
  const { allOf } = document
  if (!Array.isArray(allOf)) return []
  return allOf.flatMap((part: unknown) => {
    const reference = isJson(part) ? part['$ref'] : undefined
    return typeof reference === 'string' && reference !== '' && !reference.startsWith('#')
      ? [idOf(reference)]
      : []
  })
}

/** Every other resource a document refers to anywhere, by `$id`. */
export function allReferences(document: unknown): Set<string> {
  const found = new Set<string>()
  const todo: unknown[] = [document]
  while (todo.length > 0) {
    const value = todo.pop()
    if (Array.isArray(value)) todo.push(...(value as unknown[]))
    else if (isJson(value)) {
      const reference = value['$ref']
      if (typeof reference === 'string' && reference !== '' && !reference.startsWith('#'))
        found.add(idOf(reference))
      todo.push(...Object.values(value))
    }
  }
  return found
}

/** `meta:extends`: class, behaviour and groups, with all they extend themselves, in order. */
export function extendsOf(document: Json, lookup: Lookup): string[] {
  const found = new Set<string>()
  const visit = (references: readonly string[]): void => {
    for (const id of references) {
      if (found.has(id) || found.size >= extendsMax) continue
      found.add(id)
      const next = lookup.document(id)
      if (next) visit(directReferences(next))
    }
  }
  visit(directReferences(document))
  return [...found]
}

function idOf(reference: string): string {
  return reference.split('#', 1)[0] ?? reference
}
