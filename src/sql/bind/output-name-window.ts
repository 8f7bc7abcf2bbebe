import { frameBoundText } from '../frame-bound-text.ts'
import type { CallExpression, Expression, SortItem, WindowSpecification } from '../parse/expression-syntax.ts'

/** The text of one expression within another. */
export type TextOf = (expression: Expression) => string

/** By their names in lower case. */
export type Windows = ReadonlyMap<string, WindowSpecification>

const ranks = new Set(['row_number', 'rank', 'dense_rank', 'percent_rank', 'ntile'])

/** What stands in OVER's parentheses, with the frame that holds when none is given. */
export function windowText(
  call: CallExpression,
  over: WindowSpecification,
  windows: Windows,
  textOf: TextOf,
): string {
  const base = over.name === undefined ? undefined : windows.get(over.name.toLowerCase())
  const partitionBy = over.partitionBy.length > 0 ? over.partitionBy : (base?.partitionBy ?? [])
  const orderBy = over.orderBy.length > 0 ? over.orderBy : (base?.orderBy ?? [])
  const parts = [
    ...(over.name !== undefined && !base ? [over.name] : []),
    ...(partitionBy.length > 0 ? [`PARTITION BY ${partitionBy.map(textOf).join(', ')}`] : []),
    ...(orderBy.length > 0 ? [`ORDER BY ${orderBy.map((item) => sortText(item, textOf)).join(', ')}`] : []),
    frameText(call, over.frame ?? base?.frame, orderBy.length > 0, textOf),
  ]
  return parts.join(' ')
}

export function sortText({ value, isDescending, nulls }: SortItem, textOf: TextOf): string {
  const first = nulls === undefined ? !isDescending : nulls === 'first'
  return `${textOf(value)} ${isDescending ? 'DESC' : 'ASC'} NULLS ${first ? 'FIRST' : 'LAST'}`
}

function frameText(
  { name, arguments: [, offset] }: CallExpression,
  frame: WindowSpecification['frame'],
  isOrdered: boolean,
  textOf: TextOf,
): string {
  const lower = name.toLowerCase()
  if (lower === 'lag' || lower === 'lead') {
    const away = offset ? textOf(offset) : '1'
    const rows = lower === 'lead' ? away : away.startsWith('-') ? away.slice(1) : `-${away}`
    return `ROWS BETWEEN ${rows} FOLLOWING AND ${rows} FOLLOWING`
  }
  if (frame) {
    const [start, end] = [frame.start, frame.end].map((bound) => frameBoundText(bound, textOf))
    return `${frame.unit.toUpperCase()} BETWEEN ${start} AND ${end}`
  }
  if (ranks.has(lower)) return 'ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW'
  return isOrdered
    ? 'RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW'
    : 'ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING'
}
