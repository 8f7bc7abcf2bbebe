import { quoteLiteral } from '#base/sql-text.ts'
import type { DataType } from '#types/data-type.ts'

/** A list of what is to be hashed of a value: `leafOf` of each simple value in it, in the order Spark comes to them. */
export function leavesOf(
  value: string,
  type: DataType,
  leafOf: (value: string, type: DataType) => string,
): string {
  switch (type.kind) {
    case 'array':
      return `coalesce(flatten(list_transform(${value}, lambda e: ${leavesOf('e', type.element, leafOf)})), [])`
    case 'struct':
      return type.fields
        .map(({ name, type: inner }) =>
          leavesOf(`struct_extract(${value}, ${quoteLiteral(name)})`, inner, leafOf),
        )
        .reduce((left, right) => `list_concat(${left}, ${right})`)
    default:
      return `[${leafOf(value, type)}]`
  }
}
