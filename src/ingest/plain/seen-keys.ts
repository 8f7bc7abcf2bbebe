import type { DataType } from '#types/data-type.ts'
import { isObject } from '../value-readers.ts'

/** In which order the fields of objects were seen, at every depth of a type. */
export interface SeenKeys {
  /** Of a struct. */
  readonly names: string[]
  /** Of a struct by name; of a list's elements and a map's values under an empty one. */
  readonly inside: Map<string, SeenKeys>
}

export function newSeenKeys(): SeenKeys {
  return { names: [], inside: new Map() }
}

/** Takes a value in. A name that is new stands behind the one that it was seen behind. */
export function seeKeys(seen: SeenKeys, value: unknown, type: DataType): void {
  if (type.kind === 'struct' && isObject(value)) {
    let before = -1
    for (const [name, part] of Object.entries(value)) {
      const field = type.fields.find((one) => one.name === name)
      if (!field) continue
      let index = seen.names.indexOf(name)
      if (index === -1) seen.names.splice((index = before + 1), 0, name)
      before = index
      seeKeys(insideOf(seen, name), part, field.type)
    }
  } else if (type.kind === 'array' && Array.isArray(value)) {
    for (const element of value) seeKeys(insideOf(seen, ''), element, type.element)
  } else if (type.kind === 'map' && isObject(value)) {
    for (const part of Object.values(value)) seeKeys(insideOf(seen, ''), part, type.value)
  }
}

export function insideOf({ inside }: SeenKeys, name: string): SeenKeys {
  let found = inside.get(name)
  if (!found) inside.set(name, (found = newSeenKeys()))
  return found
}
