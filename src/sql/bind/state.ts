import type { DataType } from '#types/data-type.ts'
import type { BindContext } from '../compile.ts'
import type { BoundExpression, CommonRelation } from './bound.ts'
import type { Scope } from './scope.ts'
import type { WindowSpecification } from '../parse/expression-syntax.ts'

/** What one binding of a statement shares. The only mutable part: names given out, types learnt, notices. */
export interface BindState {
  readonly context: BindContext
  readonly nextAlias: () => string
  /** By index − 1; undefined while nothing says it. */
  readonly parameterTypes: (DataType | undefined)[]
  readonly notices: string[]
}

/** Where an expression stands. */
export interface ExpressionPlace {
  readonly state: BindState
  readonly scope: Scope
  readonly commons: ReadonlyMap<string, CommonRelation>
  readonly lambdaVariables: ReadonlyMap<string, BoundExpression>
  readonly windows: ReadonlyMap<string, WindowSpecification>
  /** What may stand here, and how the place is called when it may not. */
  readonly allows: { readonly aggregates: boolean; readonly windows: boolean; readonly generators: boolean }
  readonly placeName: string
}

export function newBindState(context: BindContext): BindState {
  let aliasCount = 0
  return {
    context,
    nextAlias: () => `t${++aliasCount}`,
    parameterTypes: [...(context.parameterTypes ?? [])],
    notices: [],
  }
}
