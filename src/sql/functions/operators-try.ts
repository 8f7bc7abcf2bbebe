import { longType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral, wider } from '#types/implicit-cast.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry, Signature } from './entry.ts'

/** Arithmetic that gives NULL where whole numbers would wrap around. */
export const tryOperatorFunctions: readonly FunctionEntry[] = [
  scalar('try_add', exact('+'), as('+')),
  scalar('try_subtract', exact('-'), as('-')),
  scalar('try_multiply', exact('*'), as('*')),
  scalar('try_divide', as('/')),
  scalar('try_mod', as('%')),
]

function exact(operator: '+' | '-' | '*'): Signature {
  return on(
    ['integral', 'integral'],
    ([left = longType, right = longType]) => wider(left, right) ?? longType,
    ({ values: [left = '', right = ''], type }) =>
      `TRY_CAST(CAST(${left} AS HUGEINT) ${operator} CAST(${right} AS HUGEINT) AS ${duckdbType(type)})`,
    { fits: (types) => types.every(isIntegral) },
  )
}

function as(operator: string): Signature {
  return rewritten(['any', 'any'], (values, context) => context.call(operator, values))
}
