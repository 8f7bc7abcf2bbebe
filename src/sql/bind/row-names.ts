import { structType, type DataType } from '#types/data-type.ts'
import type { BoundExpression } from './bound.ts'
import { castTo } from './build.ts'

/** Rows compare by place: `(a, b) = (1, 2)`. Their fields take the names of the other side's. */
export function namedAs(value: BoundExpression, wanted: DataType): BoundExpression {
  const { type } = value
  if (type.kind !== 'struct' || wanted.kind !== 'struct' || type.fields.length !== wanted.fields.length)
    return value
  const named = structType(
    type.fields.map((field, index) => ({ ...field, name: wanted.fields[index]?.name ?? field.name })),
  )
  return value.kind === 'struct' ? { ...value, type: named } : castTo(value, named)
}
