import { fieldsIn, piecesIn } from './column-rows.ts'

/**
 * Whether values of a type are values of another one, too, with nothing lost: the same, or with more fields in its
 * structs. Types as SQL writes them.
 */
export function containsType(has: string, wanted: string): boolean {
  if (has === wanted) return true
  for (const kind of ['array', 'map', 'struct'] as const) {
    const [its, asked] = [insideOf(has, kind), insideOf(wanted, kind)]
    if (its !== undefined && asked !== undefined) return contains[kind](its, asked)
  }
  return false
}

const contains: Readonly<Record<'array' | 'map' | 'struct', (has: string, wanted: string) => boolean>> = {
  array: containsType,
  map: (has, wanted) => {
    const [[key, value = ''], [askedKey, asked = '']] = [piecesIn(has), piecesIn(wanted)]
    return key === askedKey && containsType(value, asked)
  },
  struct: (has, wanted) => {
    const types = new Map(fieldsIn(has).map(({ name, type }) => [name, type]))
    return fieldsIn(wanted).every(({ name, type }) => containsType(types.get(name) ?? '', type))
  },
}

function insideOf(type: string, kind: string): string | undefined {
  return type.startsWith(`${kind}<`) ? type.slice(kind.length + 1, -1) : undefined
}
