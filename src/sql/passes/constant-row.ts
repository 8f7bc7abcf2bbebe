import type { BoundExpression, BoundLiteral, BoundQueryTree } from '../bind/bound.ts'
import type { Literal } from '../compile.ts'

const simpleKinds: readonly string[] = ['boolean', 'byte', 'short', 'integer', 'long', 'double', 'string']

/** The only row of a query that asks for constants and nothing else, as `SELECT 1` does: no engine is needed for it. */
export function constantRow(tree: BoundQueryTree): readonly Literal[] | undefined {
  if (tree.kind !== 'select' || tree.from || tree.limit || tree.offset) return undefined
  if (tree.where || tree.grouping || tree.having || tree.qualify) return undefined
  const values = tree.projections.map(({ value }) => value)
  return values.every(isConstant) ? values.map(({ type, value }) => ({ type, value })) : undefined
}

function isConstant(value: BoundExpression): value is BoundLiteral {
  return value.kind === 'literal' && simpleKinds.includes(value.type.kind)
}
