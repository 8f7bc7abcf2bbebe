import type { TextPosition } from '#base/errors.ts'
import type { DataType, IntervalType } from '#types/data-type.ts'
import type { Query } from './syntax.ts'

export interface SortItem {
  readonly value: Expression
  readonly isDescending: boolean
  /** Absent: first when ascending, last when descending. */
  readonly nulls: 'first' | 'last' | undefined
}

export interface WindowSpecification {
  readonly name: string | undefined
  readonly partitionBy: readonly Expression[]
  readonly orderBy: readonly SortItem[]
  readonly frame: Frame | undefined
  readonly at: TextPosition
}

export interface Frame {
  readonly unit: 'rows' | 'range'
  readonly start: FrameBound
  readonly end: FrameBound
}

export type FrameBound =
  | { readonly kind: 'unboundedPreceding' | 'unboundedFollowing' | 'currentRow' }
  | { readonly kind: 'preceding' | 'following'; readonly offset: Expression }

export interface CallExpression {
  readonly kind: 'call'
  readonly name: string
  readonly arguments: readonly Expression[]
  readonly isDistinct: boolean
  readonly filter: Expression | undefined
  readonly orderBy: readonly SortItem[]
  readonly ignoresNulls: boolean
  readonly over: WindowSpecification | undefined
  readonly at: TextPosition
}

export type BinaryOperator =
  | 'or'
  | 'and'
  | '='
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | '<=>'
  | '|'
  | '^'
  | '&'
  | '<<'
  | '>>'
  | '>>>'
  | '+'
  | '-'
  | '||'
  | '*'
  | '/'
  | '%'
  | 'div'

export type UnaryOperator = 'not' | '-' | '+' | '~'

/** The syntax tree of expressions. */
export type Expression =
  | {
      readonly kind: 'literal'
      readonly type: DataType
      readonly value: string | bigint | number | boolean | null
      /** As the text has it, for names of result columns. */
      readonly text: string
      readonly at: TextPosition
    }
  | {
      readonly kind: 'interval'
      readonly type: IntervalType
      readonly months: number
      readonly days: number
      readonly micros: bigint
      readonly text: string
      readonly at: TextPosition
    }
  | { readonly kind: 'variable'; readonly name: string; readonly at: TextPosition }
  | { readonly kind: 'parameter'; readonly index: number; readonly at: TextPosition }
  /** `value = ANY (array)`, `value <> ALL (array)`. */
  | {
      readonly kind: 'inArray'
      readonly value: Expression
      readonly array: Expression
      readonly isNegated: boolean
      readonly at: TextPosition
    }
  | {
      readonly kind: 'name'
      readonly name: string
      readonly quote: '`' | '"' | undefined
      readonly at: TextPosition
    }
  | { readonly kind: 'field'; readonly base: Expression; readonly name: string; readonly at: TextPosition }
  | {
      readonly kind: 'element'
      readonly base: Expression
      readonly index: Expression
      readonly at: TextPosition
    }
  | {
      readonly kind: 'star'
      readonly qualifier: readonly string[]
      readonly except: readonly string[]
      readonly at: TextPosition
    }
  | {
      readonly kind: 'unary'
      readonly operator: UnaryOperator
      readonly value: Expression
      readonly at: TextPosition
    }
  | {
      readonly kind: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
      readonly at: TextPosition
    }
  | {
      readonly kind: 'like'
      /** The last two: patterns of PostgreSQL, with and without case. */
      readonly operator: 'like' | 'ilike' | 'rlike' | 'posix' | 'iposix'
      readonly value: Expression
      readonly pattern: Expression
      readonly escape: Expression | undefined
      readonly isNegated: boolean
      readonly at: TextPosition
    }
  | {
      readonly kind: 'between'
      readonly value: Expression
      readonly low: Expression
      readonly high: Expression
      readonly isNegated: boolean
      readonly at: TextPosition
    }
  | {
      readonly kind: 'inList'
      readonly value: Expression
      readonly list: readonly Expression[]
      /** They are texts, each to be read as the value's type. */
      readonly areTexts?: boolean
      readonly isNegated: boolean
      readonly at: TextPosition
    }
  | {
      readonly kind: 'inQuery'
      readonly value: Expression
      readonly query: Query
      readonly isNegated: boolean
      readonly at: TextPosition
    }
  | {
      readonly kind: 'is'
      readonly value: Expression
      readonly what: 'null' | 'true' | 'false' | 'unknown'
      readonly isNegated: boolean
      readonly at: TextPosition
    }
  | {
      readonly kind: 'isDistinct'
      readonly left: Expression
      readonly right: Expression
      readonly isNegated: boolean
      readonly at: TextPosition
    }
  | { readonly kind: 'exists'; readonly query: Query; readonly at: TextPosition }
  | { readonly kind: 'subquery'; readonly query: Query; readonly at: TextPosition }
  | {
      readonly kind: 'case'
      readonly operand: Expression | undefined
      readonly branches: readonly { readonly when: Expression; readonly then: Expression }[]
      readonly otherwise: Expression | undefined
      readonly at: TextPosition
    }
  | {
      readonly kind: 'cast'
      readonly value: Expression
      readonly type: DataType
      /** `DATE '2024-01-05'`: the text of a constant behind its type. */
      readonly isTyped?: true
      /** `TRY_CAST`: NULL where CAST would make something else of the value. */
      readonly isTried?: true
      readonly at: TextPosition
    }
  | { readonly kind: 'extract'; readonly part: string; readonly value: Expression; readonly at: TextPosition }
  /** `(a, b)`: a struct without names. */
  | { readonly kind: 'row'; readonly items: readonly Expression[]; readonly at: TextPosition }
  /** `value AS name`, allowed inside `struct(…)` only. */
  | { readonly kind: 'named'; readonly value: Expression; readonly name: string; readonly at: TextPosition }
  | {
      readonly kind: 'lambda'
      readonly parameters: readonly string[]
      readonly body: Expression
      readonly at: TextPosition
    }
  | CallExpression
