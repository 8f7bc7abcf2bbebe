import type { DataType, Field } from '#types/data-type.ts'
import type { BoundCall, BoundExpression, BoundWindow } from '../bind/bound.ts'
import type { CatalogueTable, SessionNames } from '../compile.ts'

/** Everything the dialect knows about one function. Reference pages and tests are made from these. */
export interface FunctionEntry {
  /**
   * Lower case; the first is the one shown. Operators are entries too: `or and not = <> < <= > >= <=> | ^ & ~ + - || * / %
   * div`, `negative positive` (signs), `like ilike rlike` (value, pattern, escape), `in` (value, items…), `isnull
   * isnotnull`, `[]` (base, index), `extract` (part as a string literal, value).
   */
  readonly names: readonly string[]
  readonly kind: 'scalar' | 'aggregate' | 'window' | 'generator' | 'adobe'
  /** The first one that fits the arguments is taken. */
  readonly signatures: readonly Signature[]
  /** What is worth knowing beyond Spark's own page. */
  readonly remarks?: string
  /** Of a generator in FROM: the name that its rows are given is its column's, too, as in PostgreSQL. */
  readonly isNamedByRows?: boolean
  /** Gives another value each time it is called: calls are never merged or folded. */
  readonly isVolatile?: boolean
}

/**
 * What a parameter accepts: a type of the model by kind, or a class of types. A value of another type is converted as
 * Spark does on its own, or the signature does not fit. `common` ones are widened to the type they all meet in.
 */
export type Accepts =
  | 'any'
  | 'boolean'
  | 'integer'
  | 'long'
  | 'double'
  | 'string'
  | 'binary'
  | 'date'
  | 'timestamp'
  | 'interval'
  | 'numeric'
  | 'integral'
  | 'fractional'
  | 'decimal'
  | 'array'
  | 'map'
  | 'struct'
  | 'common'
  /** As `common`, where strings meet only strings. */
  | 'comparable'
  /** `x -> …`; what its parameters are says `lambda` of the signature. */
  | 'lambda'

export interface Signature {
  readonly takes: readonly Accepts[]
  /** How many of `takes`, from the end, may be absent. */
  readonly optional?: number
  /** What every further argument must be. */
  readonly rest?: Accepts
  /** Types of the parameters of the lambda at an argument, from the types of the arguments before it. */
  readonly lambda?: (types: readonly DataType[], argument: number) => readonly DataType[]
  /** How many of those, from the last, a lambda need not take. */
  readonly lambdaOptional?: number
  /** Whether it fits at all, from the types as they were written: what the patterns above cannot say. */
  readonly fits?: (types: readonly DataType[]) => boolean
  readonly gives: DataType | ((types: readonly DataType[], values: readonly BoundExpression[]) => DataType)
  /** Last word on the arguments, once the types are known: conversions the patterns above cannot say. */
  readonly converts?: (types: readonly DataType[]) => readonly (DataType | undefined)[]
  /** Places of arguments that must be the same for all rows. */
  readonly constants?: readonly number[]
  readonly lowering: Lowering
}

/** How a call becomes engine text, or a tree of other calls. */
export type Lowering =
  | { readonly kind: 'duckdb'; readonly print: (call: PrintedCall) => string }
  /** At binding: the call is only another way to say something else. */
  | {
      readonly kind: 'rewrite'
      readonly rewrite: (values: readonly BoundExpression[], context: RewriteContext) => BoundExpression
    }
  /** Generators: a list of structs, one a row. */
  | {
      readonly kind: 'rows'
      readonly columns: (types: readonly DataType[], values: readonly BoundExpression[]) => readonly Field[]
      readonly list: (call: PrintedCall) => string
    }
  /** Adobe-defined functions: a tree over windows, which a pass cuts into stages. */
  | {
      readonly kind: 'windows'
      readonly expand: (
        values: readonly BoundExpression[],
        over: BoundWindow,
        context: RewriteContext,
      ) => BoundExpression
    }

export interface PrintedCall {
  /** Engine text of each argument, safe to stand in any place. */
  readonly values: readonly string[]
  readonly types: readonly DataType[]
  readonly type: DataType
  /** The arguments themselves, for those that ask whether one is constant. */
  readonly arguments: readonly BoundExpression[]
  readonly isDistinct: boolean
  readonly ignoresNulls: boolean
  /** ` ORDER BY …` inside an aggregate's parentheses, or nothing. */
  readonly orderBy: string
  /** Condition of an aggregate's `FILTER (WHERE …)`. Aggregates print it and `over` themselves, right behind the engine's call. */
  readonly filter: string | undefined
  /** ` OVER (…)` of an aggregate or window function, or nothing. */
  readonly over: string
  readonly isWindow: boolean
  /** Engine text of an expression inside an argument, for what looks into its arguments. */
  readonly print: (value: BoundExpression) => string
  /** Converts engine text from one type to another. */
  readonly cast: (text: string, from: DataType, to: DataType) => string
}

export interface RewriteContext {
  readonly now: Date
  readonly session: SessionNames | undefined
  /** What stood behind the arguments of the call that is rewritten. */
  readonly extras: CallExtras
  /** A call of another function by name, its arguments converted as if the statement had written it. */
  call(name: string, values: readonly BoundExpression[], extras?: CallExtras): BoundExpression
  table(name: readonly string[]): CatalogueTable | undefined
}

/** What may stand behind a call's arguments. */
export type CallExtras = Partial<
  Pick<BoundCall, 'isDistinct' | 'ignoresNulls' | 'filter' | 'orderBy' | 'over'>
>
