import { quoteSparkIdentifier } from '#base/spark-text.ts'
import type { BoundFrom, CommonRelation, Relation } from '../../bind/bound.ts'
import { printExpression, type PrintPlace } from './print-expression.ts'

export interface QueryPrinter extends PrintPlace {
  readonly textOf: (relation: Relation) => string
  readonly commonName: (common: CommonRelation) => string
}

/** What stands behind FROM. Whether it is the last thing there decides how rows made of a column can be written. */
export function printFrom(from: BoundFrom, printer: QueryPrinter, isLast = true): string {
  switch (from.kind) {
    case 'scan':
      return `(${printer.textOf(from.relation)}) AS ${from.relation.alias}`
    case 'derived': {
      const lateral = from.isLateral ? 'LATERAL ' : ''
      return `${lateral}(${printer.printQuery(from.query)}) AS ${from.relation.alias}`
    }
    case 'common':
      return `${printer.commonName(from.common)} AS ${from.relation.alias}`
    case 'unnest': {
      const { rows, names } = unnested(from, printer)
      return `LATERAL ${rows} AS ${from.relation.alias}(${names})`
    }
    case 'join':
      return (isLast ? lateralView(from, printer) : undefined) ?? printJoin(from, printer)
  }
}

type Unnest = Extract<BoundFrom, { kind: 'unnest' }>

function unnested(
  { relation: { columns }, list }: Unnest,
  printer: QueryPrinter,
): { readonly rows: string; readonly names: string } {
  const names = columns.map((column) => quoteSparkIdentifier(column.key)).join(', ')
  const isRange = list.kind === 'call' && list.entry.names[0] === 'range'
  // Its numbers need not all be there at once.
  const rows =
    isRange && list.arguments.every((value) => value.kind === 'literal')
      ? `range(${list.arguments.map((value) => printExpression(value, printer)).join(', ')})`
      : `inline(${printExpression(list, printer)})`
  return { rows, names }
}

const joinWords = {
  inner: 'JOIN',
  left: 'LEFT JOIN',
  right: 'RIGHT JOIN',
  full: 'FULL JOIN',
  cross: 'CROSS JOIN',
  semi: 'LEFT SEMI JOIN',
  anti: 'LEFT ANTI JOIN',
} as const

/** A join to rows made of a column: Spark takes no map from beside a LATERAL. */
function lateralView(
  { left, right, type, condition }: Extract<BoundFrom, { kind: 'join' }>,
  printer: QueryPrinter,
): string | undefined {
  if (right.kind !== 'unnest' || (type !== 'cross' && type !== 'left')) return undefined
  if (condition && !(condition.kind === 'literal' && condition.value === true)) return undefined
  const { rows, names } = unnested(right, printer)
  if (!rows.startsWith('inline(')) return undefined
  const outer = type === 'left' ? 'OUTER ' : ''
  return `${printFrom(left, printer)} LATERAL VIEW ${outer}${rows} ${right.relation.alias} AS ${names}`
}

function printJoin(join: Extract<BoundFrom, { kind: 'join' }>, printer: QueryPrinter): string {
  const right = printFrom(join.right, printer, false)
  const condition = join.condition ? ` ON ${printExpression(join.condition, printer)}` : ''
  // A cross join takes no condition.
  const word = joinWords[join.type === 'cross' && join.condition ? 'inner' : join.type]
  return `${printFrom(join.left, printer, false)} ${word} ${join.right.kind === 'join' ? `(${right})` : right}${condition}`
}
