import type { TextPosition } from '#base/errors.ts'
import type { DataType, Field } from '#types/data-type.ts'
import type { ParsedQuery, TableName } from './compile.ts'
import type { ColumnPath, Definition, TableKey } from './definition.ts'

/** What a statement is, for whoever carries it out. `Expression` and `ParsedQuery` are opaque outside `sql`. */
export type ParsedStatement =
  | { readonly kind: 'query'; readonly query: ParsedQuery }
  | {
      readonly kind: 'explain'
      readonly format: 'text' | 'json'
      /** The query is run, and what it took is told. */
      readonly isAnalyzed: boolean
      readonly query: ParsedQuery
    }
  | {
      readonly kind: 'createTableAs'
      readonly table: TableName
      readonly ifNotExists: boolean
      readonly isTemporary: boolean
      readonly options: Readonly<Record<string, string>>
      readonly query: ParsedQuery
    }
  | {
      readonly kind: 'createTable'
      readonly table: TableName
      readonly ifNotExists: boolean
      readonly isTemporary: boolean
      readonly columns: readonly Field[]
      readonly keys: readonly TableKey[]
      readonly options: Readonly<Record<string, string>>
    }
  | {
      readonly kind: 'createView'
      readonly view: TableName
      readonly orReplace: boolean
      readonly ifNotExists: boolean
      /** The query as written. */
      readonly sql: string
      readonly query: ParsedQuery
    }
  | { readonly kind: 'dropView'; readonly view: TableName; readonly ifExists: boolean }
  | { readonly kind: 'addColumns'; readonly table: TableName; readonly columns: readonly Field[] }
  | { readonly kind: 'define'; readonly definition: Definition }
  | {
      readonly kind: 'createFieldGroup'
      readonly name: string
      readonly ifNotExists: boolean
      readonly columns: readonly Field[]
      readonly options: Readonly<Record<string, string>>
      readonly position: TextPosition
    }
  | {
      readonly kind: 'dropFieldGroup'
      readonly id: string
      readonly ifExists: boolean
      readonly position: TextPosition
    }
  /** Statistics of columns. */
  | {
      readonly kind: 'analyze'
      readonly table: TableName
      readonly columns: readonly ColumnPath[] | 'all'
      /** The condition as written. */
      readonly filter: string | undefined
      readonly alias: string | undefined
      /** Else they are printed and gone. */
      readonly isKept: boolean
    }
  | {
      readonly kind: 'takeSample'
      readonly table: TableName
      readonly filter: string | undefined
      readonly percent: number
    }
  /** `SELECT sample_meta('t')` */
  | { readonly kind: 'sampleMeta'; readonly table: TableName }
  | { readonly kind: 'dropSample'; readonly sample: TableName; readonly ifExists: boolean }
  | { readonly kind: 'describe'; readonly table: TableName }
  /** `isHeld`: it outlives the transaction. */
  | {
      readonly kind: 'declareCursor'
      readonly name: string
      readonly query: ParsedQuery
      readonly isHeld: boolean
    }
  /** `isMove`: the rows are passed over, and only counted. */
  | {
      readonly kind: 'fetch'
      readonly name: string
      readonly count: number | 'all'
      readonly isMove: boolean
    }
  | { readonly kind: 'closeCursor'; readonly name: string | 'all' }
  | {
      readonly kind: 'insert'
      readonly table: TableName
      readonly columns: readonly string[] | undefined
      readonly query: ParsedQuery
    }
  /** Rows that leave as text or files. */
  | {
      readonly kind: 'copy'
      readonly query: ParsedQuery
      readonly target: CopyTarget
      /** Names in lower case; of an option that is only named, `true`. */
      readonly options: Readonly<Record<string, CopyOption>>
    }
  | { readonly kind: 'dropTable'; readonly table: TableName; readonly ifExists: boolean }
  | { readonly kind: 'setVariable'; readonly name: string; readonly value: ParsedQuery }
  /** `isLocal`: until the transaction ends. */
  | {
      readonly kind: 'setProperty'
      readonly name: string
      readonly value: string
      readonly isLocal: boolean
    }
  | { readonly kind: 'resetProperty'; readonly name: string | 'all' }
  /** Of the transaction in progress, or, where it says `isSession`, of those to come. */
  | ({ readonly kind: 'setTransaction'; readonly isSession: boolean } & TransactionModes)
  /** `SHOW name`, `SHOW ALL`, `SHOW TABLES`, `SHOW DATABASES`, … with what follows as words. */
  | { readonly kind: 'show'; readonly what: string }
  | {
      readonly kind: 'block'
      readonly body: readonly ParsedStatement[]
      readonly handler: readonly ParsedStatement[] | undefined
      readonly position: TextPosition
    }
  /** Only in blocks. The first branch whose condition, a query of one boolean, is true. */
  | {
      readonly kind: 'if'
      readonly branches: readonly {
        readonly condition: ParsedQuery
        readonly body: readonly ParsedStatement[]
      }[]
      readonly otherwise: readonly ParsedStatement[]
      readonly position: TextPosition
    }
  | ({
      readonly kind: 'transaction'
      readonly action: 'begin'
      /** The words it was said in, which clients find in the answer. */
      readonly words: 'BEGIN' | 'START TRANSACTION'
    } & TransactionModes)
  | {
      readonly kind: 'transaction'
      readonly action: 'commit' | 'rollback'
      /** Another transaction begins at once. */
      readonly isChained: boolean
    }
  /** These stand within a transaction. */
  | {
      readonly kind: 'transaction'
      readonly action: 'savepoint' | 'release' | 'rollbackTo'
      readonly name: string
    }
  /** Nothing is ever listened to. */
  | { readonly kind: 'unlisten' }
  /** `types` are those it declares, for its first parameters. */
  | {
      readonly kind: 'prepare'
      readonly name: string
      readonly types: readonly DataType[]
      readonly statement: ParsedStatement
    }
  | { readonly kind: 'execute'; readonly name: string; readonly arguments: readonly ParsedQuery[] }
  | { readonly kind: 'deallocate'; readonly name: string | 'all' }
  | { readonly kind: 'discard'; readonly what: 'all' | 'plans' | 'sequences' | 'temp' }

/** How isolated a transaction is (accepted: each statement reads one snapshot), and whether it may write; undefined: unsaid. */
export interface TransactionModes {
  readonly isolation: string | undefined
  readonly isReadOnly: boolean | undefined
}

export type CopyTarget =
  /** STDOUT. */
  | { readonly kind: 'client' }
  /** What stands behind `%scratch_space%`, cut at each `/`; not checked. */
  | { readonly kind: 'scratch'; readonly path: readonly string[]; readonly position: TextPosition }

/** A word or text without its quotes; `*` or names where an option takes columns. */
export type CopyOption = string | readonly string[]
