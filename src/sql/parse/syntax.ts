import type { TextPosition } from '#base/errors.ts'
import type { TableName } from '../compile.ts'
import type { DataType } from '#types/data-type.ts'

/** The syntax tree of queries. Nothing is resolved yet: names are words, types only where the text says one. */
export interface Query {
  readonly kind: 'query'
  readonly with: readonly CommonTable[]
  readonly body: QueryBody
  readonly orderBy: readonly SortItem[]
  readonly limit: Expression | 'all' | undefined
  readonly offset: Expression | undefined
  readonly at: TextPosition
}

export interface CommonTable {
  readonly name: string
  readonly columns: readonly string[] | undefined
  readonly query: Query
  readonly at: TextPosition
}

export type QueryBody =
  | Select
  | {
      readonly kind: 'setOperation'
      readonly operator: 'union' | 'intersect' | 'except'
      readonly isAll: boolean
      readonly left: QueryBody
      readonly right: QueryBody
      readonly at: TextPosition
    }
  | { readonly kind: 'values'; readonly rows: readonly (readonly Expression[])[]; readonly at: TextPosition }
  /** In parentheses, or `TABLE name`. */
  | Query

export interface Select {
  readonly kind: 'select'
  readonly isDistinct: boolean
  readonly items: readonly SelectItem[]
  readonly from: readonly FromItem[]
  readonly lateralViews: readonly LateralView[]
  readonly where: Expression | undefined
  readonly groupBy: readonly GroupingElement[]
  readonly having: Expression | undefined
  readonly qualify: Expression | undefined
  readonly windows: readonly NamedWindow[]
  /** Only in a statement's outermost select. */
  readonly into: { readonly table: TableName; readonly isTemporary: boolean } | undefined
  readonly at: TextPosition
}

export interface SelectItem {
  readonly value: Expression
  readonly alias: string | undefined
  /** `AS (a, b)` behind a generator. */
  readonly aliases: readonly string[] | undefined
}

export type GroupingElement =
  | { readonly kind: 'expression'; readonly value: Expression }
  | { readonly kind: 'rollup' | 'cube'; readonly sets: readonly (readonly Expression[])[] }
  | { readonly kind: 'sets'; readonly sets: readonly (readonly Expression[])[] }

export interface NamedWindow {
  readonly name: string
  readonly window: WindowSpecification
}

export interface Alias {
  readonly name: string
  readonly columns: readonly string[] | undefined
}

export type FromItem =
  | {
      readonly kind: 'table'
      readonly name: TableName
      readonly alias: Alias | undefined
      readonly snapshot: SnapshotSyntax | undefined
      /** `history_meta('name')`: the table's snapshots instead of its rows. */
      readonly isHistory: boolean
      readonly at: TextPosition
    }
  | {
      readonly kind: 'subquery'
      readonly query: Query
      readonly isLateral: boolean
      readonly alias: Alias | undefined
      readonly at: TextPosition
    }
  | {
      readonly kind: 'generator'
      readonly call: CallExpression
      readonly alias: Alias | undefined
      readonly at: TextPosition
    }
  | {
      readonly kind: 'pivot'
      readonly input: FromItem
      readonly aggregates: readonly PivotValue[]
      readonly columns: readonly Identifier[]
      readonly values: readonly PivotValue[]
      readonly alias: Alias | undefined
      readonly at: TextPosition
    }
  | {
      readonly kind: 'join'
      readonly type: JoinType
      readonly left: FromItem
      readonly right: FromItem
      readonly condition: JoinCondition
      readonly alias: Alias | undefined
      readonly at: TextPosition
    }

/** An aggregate or a value of PIVOT, and what its column is called. */
export interface PivotValue {
  readonly value: Expression
  readonly alias: string | undefined
}

export type JoinType = 'inner' | 'left' | 'right' | 'full' | 'cross' | 'semi' | 'anti'
export type JoinCondition =
  | { readonly kind: 'none' }
  | { readonly kind: 'natural' }
  | { readonly kind: 'using'; readonly columns: readonly Identifier[] }
  | { readonly kind: 'on'; readonly value: Expression }

/** Bounds are literals or variables; `HEAD` and `TAIL` may be bare. */
export interface SnapshotSyntax {
  readonly since: Expression | undefined
  readonly asOf: Expression | undefined
}

export interface LateralView {
  readonly call: CallExpression
  readonly isOuter: boolean
  readonly table: string | undefined
  readonly columns: readonly string[]
  readonly at: TextPosition
}

export interface Identifier {
  readonly name: string
  readonly at: TextPosition
}

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
      readonly months: number
      readonly days: number
      readonly micros: bigint
      readonly text: string
      readonly at: TextPosition
    }
  | { readonly kind: 'variable'; readonly name: string; readonly at: TextPosition }
  | { readonly kind: 'parameter'; readonly index: number; readonly at: TextPosition }
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
      readonly operator: 'like' | 'ilike' | 'rlike'
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
