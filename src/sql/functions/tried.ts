import type { BoundExpression } from '../bind/bound.ts'
import { someExpression } from '../bind/walk.ts'
import { isGroupKey } from './group-keys.ts'

/**
 * Engine text that is NULL where the engine would raise an error. The engine tries no aggregates, windows, volatile
 * calls, subqueries or keys of groups: values that are or hold some are computed before and stand under a name.
 */
export function tried(
  values: readonly string[],
  given: readonly BoundExpression[],
  body: (...names: readonly string[]) => string,
): string {
  if (given.every(canBeTried)) return `TRY(${body(...values)})`
  const members = values.map((value, index) => `v${index} := ${value}`)
  const names = values.map((_value, index) => `(given).v${index}`)
  return `list_transform([struct_pack(${members.join(', ')})], lambda given: TRY(${body(...names)}))[1]`
}

/** Whether the engine's TRY takes the expression: also a key of groups it does not find there. */
export function canBeTried(value: BoundExpression): boolean {
  return !someExpression(value, (inner) => {
    if (isGroupKey(inner)) return true
    if (inner.kind === 'scalarQuery' || inner.kind === 'exists' || inner.kind === 'inQuery') return true
    if (inner.kind !== 'call') return false
    return inner.over !== undefined || inner.entry.kind !== 'scalar' || inner.entry.isVolatile === true
  })
}
