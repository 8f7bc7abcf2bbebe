import type { TextPosition } from '#base/errors.ts'
import type { TableName } from '../compile.ts'
import type { CallExpression, Expression, SortItem, WindowSpecification } from './expression-syntax.ts'

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
  /** `DISTINCT ON (keys)`: the first row of each set of equal keys. */
  readonly distinctOn: readonly Expression[] | undefined
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
