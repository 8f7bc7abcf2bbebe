import { unreachable } from '#base/assert.ts'
import type { ParsedQuery } from '#sql/compile.ts'
import { type RowLimit, rowLimit } from '#sql/limit.ts'
import { checkLimit, type RowCap } from './rows/engine-rows.ts'
import type { Scope } from './scope.ts'

/** An interactive SELECT, and how many of its rows are given. */
export function capped(
  scope: Scope,
  query: ParsedQuery,
): { readonly query: ParsedQuery; readonly cap: RowCap | undefined } {
  const limit = limitOf(scope, query)
  if (limit.kind === 'lifted') return { query: limit.query, cap: undefined }
  if (scope.pool === 'batch') return { query, cap: undefined }
  const { rowsDefault, rowsMax } = scope.services.limits
  switch (limit.kind) {
    case 'rows':
      checkLimit(scope, limit)
      return { query, cap: undefined }
    case 'computed':
      return { query, cap: { rowCountMax: rowsMax } }
    case 'none':
      return { query, cap: { rowCountMax: rowsDefault } }
    default:
      return unreachable(limit)
  }
}

/** A query all of whose rows are given: `LIMIT 0` says so too, and is not taken for none. */
export function uncapped(scope: Scope, query: ParsedQuery): ParsedQuery {
  const limit = limitOf(scope, query)
  return limit.kind === 'lifted' ? limit.query : query
}

function limitOf({ parameters, variables }: Scope, query: ParsedQuery): RowLimit {
  return rowLimit(query, { parameters, variables: variables.all() })
}
