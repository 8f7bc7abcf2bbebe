import { AppError, type TextPosition } from '#base/errors.ts'
import type { DataType } from '#types/data-type.ts'
import type { BindContext } from '../compile.ts'
import type { BoundExpression, CommonRelation } from './bound.ts'
import type { Scope } from './scope.ts'
import type { TimeWindows } from './time-windows.ts'
import { sizeOf } from './walk.ts'
import type { WindowSpecification } from '../parse/expression-syntax.ts'

/** What one binding of a statement shares. The only mutable part: names given out, sizes, types learnt, notices. */
export interface BindState {
  readonly context: BindContext
  /** @throws AppError 'query.limit' */
  readonly nextAlias: () => string
  /** To be told of each expression that was written. @throws AppError 'query.limit' where it stands for too much */
  readonly checkSize: (value: BoundExpression, at: TextPosition) => void
  /** To be told what each use of a window's name stands for. @throws AppError 'query.limit' where that is too much */
  readonly checkCopies: (values: readonly BoundExpression[], at: TextPosition) => void
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
  /** Absent where no SELECT makes the rows. */
  readonly timeWindows?: TimeWindows | undefined
  /** What may stand here, and how the place is called when it may not. */
  readonly allows: { readonly aggregates: boolean; readonly windows: boolean; readonly generators: boolean }
  readonly placeName: string
}

/** Inside an expression: a generator is a whole item, or none. */
export function withoutGenerators(place: ExpressionPlace): ExpressionPlace {
  return place.allows.generators ? { ...place, allows: { ...place.allows, generators: false } } : place
}

/** A view of views stands for more tables than anybody wrote: then planning would never end. */
const aliasesMax = 10_000
/**
 * So does an alias that is used twice by an alias that is used twice: one expression may stand for so many, and for some
 * more for each that was written.
 */
const sizeMax = { ofAny: 50_000, forEach: 4 }
/** A window of many keys that many name stands for their product: all its copies together may be so large. */
const copiesSizeMax = 50_000

export function newBindState(context: BindContext): BindState {
  let aliasCount = 0
  let writtenCount = 0
  let copiesSize = 0
  return {
    context,
    nextAlias: () => {
      if (aliasCount === aliasesMax) {
        throw new AppError('query.limit', `The statement reads more than ${aliasesMax} tables and queries.`, {
          hint: 'Those of its views count, each time they are named. Store what is read often in a table.',
        })
      }
      return `t${++aliasCount}`
    },
    checkSize: (value, at) => {
      writtenCount += 1
      if (sizeOf(value) <= sizeMax.ofAny + sizeMax.forEach * writtenCount) return
      throw new AppError('query.limit', 'The expression is too large when its aliases are written out.', {
        position: at,
        hint: 'Compute its parts in a subquery, and use their columns.',
      })
    },
    checkCopies: (values, at) => {
      copiesSize += values.reduce((sum, value) => sum + sizeOf(value), 0)
      if (copiesSize <= copiesSizeMax) return
      throw new AppError(
        'query.limit',
        'The statement is too large when the windows it names are written out.',
        {
          position: at,
          hint: 'Compute what a window is partitioned and ordered by in a subquery, as one column.',
        },
      )
    },
    parameterTypes: [...(context.parameterTypes ?? [])],
    notices: [],
  }
}
