import { quoteSparkIdentifier } from '#base/spark-text.ts'
import type { BoundFrom, CommonRelation, Relation } from '../../bind/bound.ts'
import { printExpression, type PrintPlace } from './print-expression.ts'

export interface QueryPrinter extends PrintPlace {
  readonly textOf: (relation: Relation) => string
  readonly commonName: (common: CommonRelation) => string
}

/** What stands behind FROM. */
export function printFrom(from: BoundFrom, printer: QueryPrinter): string {
  switch (from.kind) {
    case 'scan':
      return `(${printer.textOf(from.relation)}) AS ${from.relation.alias}`
    case 'derived': {
      const lateral = from.isLateral ? 'LATERAL ' : ''
      return `${lateral}(${printer.printQuery(from.query)}) AS ${from.relation.alias}`
    }
    case 'common':
      return `${printer.commonName(from.common)} AS ${from.relation.alias}`
    case 'unnest':
      return `LATERAL ${printUnnest(from, printer)}`
    case 'join':
      return printJoin(from, printer)
  }
}

function printUnnest(
  { relation: { alias, columns }, list }: Extract<BoundFrom, { kind: 'unnest' }>,
  printer: QueryPrinter,
): string {
  const names = columns.map((column) => quoteSparkIdentifier(column.key)).join(', ')
  const isRange = list.kind === 'call' && list.entry.names[0] === 'range'
  // Its numbers need not all be there at once.
  const rows =
    isRange && list.arguments.every((value) => value.kind === 'literal')
      ? `range(${list.arguments.map((value) => printExpression(value, printer)).join(', ')})`
      : `inline(${printExpression(list, printer)})`
  return `${rows} AS ${alias}(${names})`
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

function printJoin(join: Extract<BoundFrom, { kind: 'join' }>, printer: QueryPrinter): string {
  const right = printFrom(join.right, printer)
  const condition = join.condition ? ` ON ${printExpression(join.condition, printer)}` : ''
  // A cross join takes no condition.
  const word = joinWords[join.type === 'cross' && join.condition ? 'inner' : join.type]
  return `${printFrom(join.left, printer)} ${word} ${join.right.kind === 'join' ? `(${right})` : right}${condition}`
}
