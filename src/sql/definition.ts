import type { TextPosition } from '#base/errors.ts'
import type { TableName } from './compile.ts'

/** Statements that say how tables are grouped and what they mean; rows are not touched. */
export type Definition =
  | {
      readonly kind: 'createDatabase'
      readonly database: DatabaseName
      /** What the reference platform keeps its tables in; here it is a word that SHOW gives back. */
      readonly type: 'ADLS' | 'QSACCEL'
      readonly ifNotExists: boolean
    }
  | { readonly kind: 'dropDatabase'; readonly database: DatabaseName; readonly ifExists: boolean }
  | { readonly kind: 'createSchema'; readonly schema: SchemaName; readonly ifNotExists: boolean }
  | {
      readonly kind: 'dropSchema'
      readonly schema: SchemaName
      readonly ifExists: boolean
      /** Also with tables in it, which stay under their own names. */
      readonly cascades: boolean
    }
  | {
      readonly kind: 'changeMembership'
      readonly asset: TableName
      readonly schema: SchemaName
      readonly isAdded: boolean
    }
  | { readonly kind: 'addKey'; readonly table: TableName; readonly key: TableKey }
  | { readonly kind: 'dropKey'; readonly table: TableName; readonly key: KeyToDrop }
  | {
      readonly kind: 'changeLabel'
      readonly table: TableName
      readonly label: TableLabel
      readonly isAdded: boolean
    }

export const tableLabels = ['PROFILE', 'UPSERT'] as const
export type TableLabel = (typeof tableLabels)[number]

export interface DatabaseName {
  readonly name: string
  readonly position: TextPosition
}

export interface SchemaName {
  /** Undefined: the session's own. */
  readonly database: string | undefined
  readonly name: string
  readonly position: TextPosition
}

/** Columns are paths: `a.b` is `['a', 'b']`. */
export type ColumnPath = readonly string[]

export type TableKey =
  | {
      readonly kind: 'primaryKey'
      readonly columns: readonly ColumnPath[]
      readonly namespace: string | undefined
    }
  | {
      readonly kind: 'primaryIdentity' | 'identity'
      readonly columns: readonly ColumnPath[]
      readonly namespace: string
    }
  | {
      readonly kind: 'foreignKey'
      readonly columns: readonly ColumnPath[]
      readonly table: TableName
      readonly referenced: readonly ColumnPath[]
    }

export interface KeyToDrop {
  readonly kind: TableKey['kind']
  readonly columns: readonly ColumnPath[]
}
