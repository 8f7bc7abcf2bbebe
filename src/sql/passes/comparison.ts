import type { BoundColumn, BoundExpression, BoundLiteral } from '../bind/bound.ts'
import { isIntegral } from '#types/implicit-cast.ts'
import type { ScanPredicate } from '../compile.ts'

/** A column compared with a constant. */
export interface Comparison extends Pick<ScanPredicate, 'operator' | 'value'> {
  readonly path: BoundColumn
}

/** The conjuncts of a condition that compare a column with a constant, the column first. */
export function comparisonsOf(condition: BoundExpression | undefined): readonly Comparison[] {
  if (condition?.kind !== 'call') return []
  const [operator = ''] = condition.entry.names
  const [left, right] = condition.arguments
  if (!left || !right) return []
  if (operator === 'and') return [...comparisonsOf(left), ...comparisonsOf(right)]
  if (condition.arguments.length !== 2 || !isComparison(operator)) return []
  if (right.kind === 'literal') return compared(left, operator, right)
  return left.kind === 'literal' ? compared(right, turned[operator], left) : []
}

const turned = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const

function isComparison(operator: string): operator is ScanPredicate['operator'] {
  return operator in turned
}

function compared(
  side: BoundExpression,
  operator: ScanPredicate['operator'],
  { value, type }: BoundLiteral,
): readonly Comparison[] {
  if (value === null) return []
  if (side.kind === 'column') return [{ path: side, operator, value }]
  if (side.kind !== 'cast' || side.value.kind !== 'column') return []
  const path = side.value
  const from = path.type.kind
  // A whole number widened is the same number; a narrower one would wrap.
  if (isWidened(path, side)) return [{ path, operator, value }]
  // Midnight of a day compares with timestamps as the day does; the day of a timestamp lies at or before it.
  if (from === 'date' && type.kind === 'timestamp') return onDays(path, operator, String(value))
  if (from === 'timestamp' && type.kind === 'date') return onInstants(path, operator, String(value))
  return []
}

const integers = ['byte', 'short', 'integer', 'long']

function isWidened({ type: from }: BoundColumn, { type: to }: BoundExpression): boolean {
  return isIntegral(from) && isIntegral(to) && integers.indexOf(from.kind) <= integers.indexOf(to.kind)
}

function onDays(path: BoundColumn, operator: ScanPredicate['operator'], text: string): readonly Comparison[] {
  const day = text.replace(/T.*$/, '')
  const isMidnight = /T00:00:00(?:\.0+)?Z$/.test(text)
  if (isMidnight) return [{ path, operator, value: day }]
  if (operator === '=') return []
  return [{ path, operator: operator.startsWith('<') ? '<=' : '>=', value: day }]
}

function onInstants(
  path: BoundColumn,
  operator: ScanPredicate['operator'],
  day: string,
): readonly Comparison[] {
  const start = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(start)) return []
  const instant = (days: number): string =>
    new Date(start + days * 86_400_000).toISOString().replace('Z', '000Z')
  const from = { path, operator: '>=', value: instant(0) } as const
  const until = { path, operator: '<', value: instant(1) } as const
  switch (operator) {
    case '=':
      return [from, until]
    case '>=':
      return [from]
    case '>':
      return [{ ...from, value: instant(1) }]
    case '<':
      return [{ ...until, value: instant(0) }]
    case '<=':
      return [until]
  }
}
