import { quoteIdentifier } from '#base/sql-text.ts'
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
    case 'unnest': {
      const { alias, columns } = from.relation
      const names = columns.map((column) => quoteIdentifier(column.key)).join(', ')
      return `LATERAL (SELECT unnest(${printExpression(from.list, printer)}, max_depth := 2)) AS ${alias}(${names})`
    }
    case 'join':
      return printJoin(from, printer)
  }
}

const joinWords = {
  inner: 'JOIN',
  left: 'LEFT JOIN',
  right: 'RIGHT JOIN',
  full: 'FULL JOIN',
  cross: 'CROSS JOIN',
  semi: 'SEMI JOIN',
  anti: 'ANTI JOIN',
} as const

function printJoin(join: Extract<BoundFrom, { kind: 'join' }>, printer: QueryPrinter): string {
  const right = printFrom(join.right, printer)
  const condition = join.condition ? ` ON ${printExpression(join.condition, printer)}` : ''
  // A cross join takes no condition, every other needs one.
  const word = joinWords[join.type === 'cross' && join.condition ? 'inner' : join.type]
  return `${printFrom(join.left, printer)} ${word} ${join.right.kind === 'join' ? `(${right})` : right}${condition}`
}
