import { quoteLiteral } from '#base/sql-text.ts'
import type { DataType } from '#types/data-type.ts'
import { onceEach } from './once-each.ts'

/** Whether values hold others: of those the engine takes NULL for the greatest where Spark takes it for the smallest. */
export function isNested({ kind }: DataType): boolean {
  return kind === 'array' || kind === 'struct'
}

/**
 * Engine text of what a value is ordered by: the value itself, unless it holds others. Then each of those has before it
 * whether there is one, so that NULL comes first. Equal values have equal keys, and NULL has none.
 */
export function orderKey(text: string, type: DataType): string {
  switch (type.kind) {
    case 'array':
      return `list_transform(${text}, lambda e: struct_pack(${member('e', type.element, 0)}))`
    case 'struct':
      return onceEach([text], (value) => {
        const members = type.fields.map((field, index) =>
          member(`struct_extract(${value}, ${quoteLiteral(field.name)})`, field.type, index),
        )
        return members.length === 0
          ? value
          : `CASE WHEN ${value} IS NOT NULL THEN struct_pack(${members.join(', ')}) END`
      })
    default:
      return text
  }
}

function member(text: string, type: DataType, index: number): string {
  return `n${index} := ${text} IS NOT NULL, v${index} := ${orderKey(text, type)}`
}

/** A list of what holds others, sorted. */
export function sortedByKey(
  list: string,
  element: DataType,
  { isDescending, nulls }: { readonly isDescending: boolean; readonly nulls: 'first' | 'last' },
): string {
  const order = isDescending ? 'DESC' : 'ASC'
  const isThere = isDescending === (nulls === 'first') ? 'IS NULL' : 'IS NOT NULL'
  const keyed = `struct_pack(n := e ${isThere}, k := ${orderKey('e', element)}, e := e)`
  return `list_transform(list_sort(list_transform(${list}, lambda e: ${keyed}), '${order}'), lambda s: (s).e)`
}

/** The greatest or smallest of a list of what holds others, NULLs left out. */
export function extremeByKey(list: string, element: DataType, side: 'max' | 'min'): string {
  const keyed = `struct_pack(k := ${orderKey('e', element)}, e := e)`
  return `list_${side}(list_transform(list_filter(${list}, lambda e: e IS NOT NULL), lambda e: ${keyed})).e`
}
