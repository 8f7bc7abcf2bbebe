import type { TextPosition } from '#base/errors.ts'
import type { Literal, ParsedQuery } from './compile.ts'
import type { Expression } from './parse/expression-syntax.ts'
import type { Query } from './parse/syntax.ts'

/** What the outermost LIMIT of a query says; `lifted` is `LIMIT 0`, which here means "no cap", not "no rows". */
export type RowLimit =
  | { readonly kind: 'none' }
  | { readonly kind: 'rows'; readonly rowCount: number; readonly at: TextPosition }
  | { readonly kind: 'lifted'; readonly query: ParsedQuery }
  /** An expression that only the engine can compute. */
  | { readonly kind: 'computed' }

export interface LimitContext {
  readonly parameters: readonly Literal[]
  readonly variables: Readonly<Record<string, Literal>>
}

export function rowLimit(query: ParsedQuery, context: LimitContext): RowLimit {
  const tree = query.tree as Query
  const { limit } = tree
  if (limit === undefined && tree.body.kind === 'query') {
    const inner = rowLimit({ ...query, tree: tree.body }, context)
    if (inner.kind !== 'lifted') return inner
    return { kind: 'lifted', query: { ...query, tree: { ...tree, body: inner.query.tree as Query } } }
  }
  if (limit === undefined || limit === 'all') return { kind: 'none' }
  const value = valueOf(limit, context)
  if (value === undefined) return { kind: 'computed' }
  if (value > 0) return { kind: 'rows', rowCount: value, at: limit.at }
  const lifted: Query = { ...tree, limit: undefined }
  return { kind: 'lifted', query: { ...query, tree: lifted } }
}

/** A whole number not below 0, if the expression is one without computing. */
function valueOf(limit: Expression, { parameters, variables }: LimitContext): number | undefined {
  let value: Literal['value'] | undefined
  if (limit.kind === 'literal') value = limit.value
  else if (limit.kind === 'parameter') value = parameters[limit.index - 1]?.value
  else if (limit.kind === 'variable') value = variables[limit.name]?.value
  const number = typeof value === 'bigint' || typeof value === 'string' ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 ? number : undefined
}
