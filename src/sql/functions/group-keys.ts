import type { BoundExpression, BoundGrouping } from '../bind/bound.ts'
import { keyOf, mapChildren } from '../bind/walk.ts'

const groupKeys = new WeakSet<BoundExpression>()

/** Whether it is read from a group: what it was computed of is not there any more. */
export function isGroupKey(expression: BoundExpression): boolean {
  return groupKeys.has(expression)
}

/** The same expression, in which the keys of the groups are known to be such; what aggregates take is left as it is. */
export function withGroupKeys(expression: BoundExpression, { expressions }: BoundGrouping): BoundExpression {
  const keys = new Set(expressions.map(keyOf))
  const marked = (inner: BoundExpression): BoundExpression => {
    if (keys.has(keyOf(inner))) {
      const key = { ...inner }
      groupKeys.add(key)
      return key
    }
    const isAggregate = inner.kind === 'call' && inner.entry.kind === 'aggregate' && inner.over === undefined
    return isAggregate ? inner : mapChildren(inner, marked)
  }
  return keys.size === 0 ? expression : marked(expression)
}
