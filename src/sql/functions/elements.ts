import { must } from '#base/assert.ts'
import { voidType, type DataType } from '#types/data-type.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'

/** `array[place]`, from 0, and `map[key]`; NULL where there is none. */
export const elementFunctions: readonly FunctionEntry[] = [
  scalar(
    '[]',
    on(['array', 'integer'], ([type]) => (type?.kind === 'array' ? type.element : voidType), elementAt),
    on(['map', 'any'], ([type]) => (type?.kind === 'map' ? type.value : voidType), '$1[$2]', {
      converts: ([type]) => [undefined, keyType(must(type, 'a map'))],
    }),
  ),
]

function elementAt({ values: [list = '', place = ''], arguments: [, index] }: PrintedCall): string {
  if (index?.kind !== 'literal') return `list_extract(${list}, CASE WHEN ${place} >= 0 THEN ${place} + 1 END)`
  const known = Number(index.value)
  return index.value !== null && known >= 0
    ? `list_extract(${list}, ${known + 1})`
    : `list_extract(${list}, NULL)`
}

function keyType(type: DataType): DataType {
  return type.kind === 'map' ? type.key : voidType
}
