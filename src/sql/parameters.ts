import type { DataType } from '#types/data-type.ts'
import type { ParsedQuery } from './compile.ts'
import type { Expression } from './parse/expression-syntax.ts'
import type { Query, QueryBody } from './parse/syntax.ts'
import { valueQuery } from './parse/value-query.ts'

/** `SELECT value` as `SELECT CAST(value AS type)`; other queries as they are. */
export function castQuery(query: ParsedQuery, type: DataType): ParsedQuery {
  const [value, ...more] = rowsOf((query.tree as Query).body)[0] ?? []
  if (!value || more.length > 0) return query
  return { ...query, tree: valueQuery({ kind: 'cast', value, type, at: value.at }) }
}

/** For each `$n`, at n − 1, the place among the columns at which it stands by itself, in VALUES or after SELECT. */
export function columnsOfParameters({ tree, parameterCount }: ParsedQuery): readonly (number | undefined)[] {
  const places: (number | undefined)[] = Array.from({ length: parameterCount })
  const { body } = tree as Query
  // A star stands for nobody knows how many columns, and names may put them into another order.
  if (body.kind === 'select' && body.items.some(({ value, alias }) => value.kind === 'star' || alias))
    return []
  for (const row of rowsOf(body)) {
    for (const [column, value] of row.entries()) {
      if (value.kind === 'parameter') places[value.index - 1] ??= column
    }
  }
  return places
}

function rowsOf(body: QueryBody): readonly (readonly Expression[])[] {
  if (body.kind === 'values') return body.rows
  return body.kind === 'select' ? [body.items.map(({ value }) => value)] : []
}
