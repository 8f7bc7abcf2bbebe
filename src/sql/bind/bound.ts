import type { TextPosition } from '#base/errors.ts'
import type { DataType } from '#types/data-type.ts'
import type { CatalogueTable, Literal, SnapshotClause } from '../compile.ts'
import type { FunctionEntry, Lowering } from '../functions/entry.ts'

/** Bound trees: every name resolved, every expression typed, every conversion written out. Immutable. */
export type BoundExpression =
  | BoundLiteral
  | BoundColumn
  | BoundCall
  | BoundLambda
  /** `$n` while only describing. */
  | { readonly kind: 'parameter'; readonly index: number; readonly type: DataType }
  | { readonly kind: 'lambdaVariable'; readonly name: string; readonly type: DataType }
  | { readonly kind: 'field'; readonly base: BoundExpression; readonly name: string; readonly type: DataType }
  | { readonly kind: 'struct'; readonly values: readonly BoundExpression[]; readonly type: StructKind }
  | {
      readonly kind: 'cast'
      readonly value: BoundExpression
      readonly type: DataType
      readonly isTried?: true
    }
  | {
      readonly kind: 'case'
      readonly branches: readonly { readonly when: BoundExpression; readonly then: BoundExpression }[]
      readonly otherwise: BoundExpression
      readonly type: DataType
    }
  | {
      readonly kind: 'inQuery'
      readonly value: BoundExpression
      readonly query: BoundQueryTree
      readonly type: DataType
    }
  | { readonly kind: 'exists'; readonly query: BoundQueryTree; readonly type: DataType }
  | { readonly kind: 'scalarQuery'; readonly query: BoundQueryTree; readonly type: DataType }

type StructKind = Extract<DataType, { kind: 'struct' }>

export interface BoundLiteral extends Literal {
  readonly kind: 'literal'
}

export interface BoundColumn {
  readonly kind: 'column'
  /** Where it was named. */
  readonly at?: TextPosition
  readonly relation: Relation
  readonly column: RelationColumn
  readonly type: DataType
}

export interface BoundLambda {
  readonly kind: 'lambda'
  readonly parameters: readonly string[]
  readonly body: BoundExpression
  /** The body's. */
  readonly type: DataType
}

/** A call of a function or an operator: operators are functions too. */
export interface BoundCall {
  readonly kind: 'call'
  readonly entry: FunctionEntry
  readonly lowering: Lowering
  readonly arguments: readonly BoundExpression[]
  readonly type: DataType
  readonly isDistinct: boolean
  readonly ignoresNulls: boolean
  readonly filter: BoundExpression | undefined
  readonly orderBy: readonly BoundSort[]
  readonly over: BoundWindow | undefined
  readonly at: TextPosition | undefined
}

export interface BoundSort {
  readonly value: BoundExpression
  readonly isDescending: boolean
  readonly nulls: 'first' | 'last'
}

export interface BoundWindow {
  readonly partitionBy: readonly BoundExpression[]
  readonly orderBy: readonly BoundSort[]
  /** Absent: the function's own default. */
  readonly frame: BoundFrame | undefined
}

export interface BoundFrame {
  readonly unit: 'rows' | 'range'
  readonly start: BoundFrameBound
  readonly end: BoundFrameBound
}

export type BoundFrameBound =
  | { readonly kind: 'unboundedPreceding' | 'unboundedFollowing' | 'currentRow' }
  | { readonly kind: 'preceding' | 'following'; readonly offset: BoundExpression }

/** Something with columns that stands in FROM. The object is its identity; `alias` is its name in printed text. */
export interface Relation {
  readonly alias: string
  readonly columns: readonly RelationColumn[]
}

export interface RelationColumn {
  /** As the statement names it. */
  readonly name: string
  /** As printed text names it: unique in its relation. */
  readonly key: string
  readonly type: DataType
  /** What the column is made of one level further in: several for a set operation, none for a table's own. */
  readonly definitions: readonly BoundExpression[]
}

export type BoundFrom =
  | {
      readonly kind: 'scan'
      readonly relation: Relation
      readonly table: CatalogueTable
      readonly snapshot: SnapshotClause | undefined
      readonly isHistory: boolean
    }
  | {
      readonly kind: 'derived'
      readonly relation: Relation
      readonly query: BoundQueryTree
      readonly isLateral: boolean
    }
  | { readonly kind: 'common'; readonly relation: Relation; readonly common: CommonRelation }
  /** One row for each element of a list of structs, which may use relations to its left. */
  | { readonly kind: 'unnest'; readonly relation: Relation; readonly list: BoundExpression }
  | {
      readonly kind: 'join'
      readonly type: 'inner' | 'left' | 'right' | 'full' | 'cross' | 'semi' | 'anti'
      readonly left: BoundFrom
      readonly right: BoundFrom
      readonly condition: BoundExpression | undefined
    }

/** A table of WITH: bound once, mentioned any number of times. */
export interface CommonRelation {
  readonly name: string
  readonly query: BoundQueryTree
}

export interface Projection {
  readonly name: string
  readonly key: string
  readonly value: BoundExpression
}

export interface BoundGrouping {
  readonly expressions: readonly BoundExpression[]
  /** Index lists into `expressions`; absent: one set of all. */
  readonly sets: readonly (readonly number[])[] | undefined
}

export type BoundQueryTree = BoundSelect | BoundSetOperation | BoundValues

interface Ordered {
  readonly with: readonly CommonRelation[]
  readonly orderBy: readonly BoundOrder[]
  readonly limit: BoundExpression | undefined
  readonly offset: BoundExpression | undefined
}

/** By a column of the result or by an expression of its own. */
export type BoundOrder = { readonly isDescending: boolean; readonly nulls: 'first' | 'last' } & (
  | { readonly output: number }
  | { readonly value: BoundExpression }
)

export interface BoundSelect extends Ordered {
  readonly kind: 'select'
  readonly from: BoundFrom | undefined
  readonly where: BoundExpression | undefined
  readonly grouping: BoundGrouping | undefined
  readonly having: BoundExpression | undefined
  readonly qualify: BoundExpression | undefined
  readonly projections: readonly Projection[]
  readonly isDistinct: boolean
}

export interface BoundSetOperation extends Ordered {
  readonly kind: 'setOperation'
  readonly operator: 'union' | 'intersect' | 'except'
  readonly isAll: boolean
  readonly left: BoundQueryTree
  readonly right: BoundQueryTree
  readonly columns: readonly RelationColumn[]
}

export interface BoundValues extends Ordered {
  readonly kind: 'values'
  readonly rows: readonly (readonly BoundExpression[])[]
  readonly columns: readonly RelationColumn[]
}
