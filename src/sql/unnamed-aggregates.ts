import { AppError } from '#base/errors.ts'
import { findFunction } from './functions/registry.ts'
import { innerStatements } from './inner-statements.ts'
import type { CallExpression, Expression } from './parse/expression-syntax.ts'
import type { Query, QueryBody, Select } from './parse/syntax.ts'
import type { ParsedStatement } from './statement.ts'

/**
 * Aggregates that become columns of a table need a name of their own: `count(1)` is none that others would write.
 * @throws AppError 'query.syntax'
 */
export function refuseUnnamedAggregates(statement: ParsedStatement): void {
  for (const inner of innerStatements(statement)) {
    if (inner.kind !== 'createTableAs') continue
    const unnamed = firstSelect(inner.query.tree as Query)?.items.filter(
      ({ alias, aliases }) => (alias ?? aliases) === undefined,
    )
    const aggregate = aggregateIn(unnamed)
    if (!aggregate) continue
    throw new AppError('query.syntax', 'An aggregate that becomes a column of a table needs a name.', {
      position: aggregate.at,
      hint: 'Write AS and a name behind it, as in count(*) AS events.',
    })
  }
}

/** The one that names the columns. */
function firstSelect(body: QueryBody): Select | undefined {
  switch (body.kind) {
    case 'select':
      return body
    case 'setOperation':
      return firstSelect(body.left)
    case 'query':
      return firstSelect(body.body)
    case 'values':
      return undefined
  }
}

/** The first one outside of queries, which have their own. */
function aggregateIn(value: unknown): CallExpression | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const node = value as Expression | Query
  if (node.kind === 'query') return undefined
  if (node.kind === 'call' && node.over === undefined && findFunction(node.name)?.kind === 'aggregate')
    return node
  for (const child of Object.values(value)) {
    const found = aggregateIn(child)
    if (found) return found
  }
  return undefined
}
