import type { TextPosition } from '#base/errors.ts'
import {
  booleanType,
  longType,
  structType,
  timestampType,
  type DataType,
  type Field,
  type StructType,
} from '#types/data-type.ts'
import type { ParsedStatement } from './statement.ts'

/**
 * The SQL front end, seen from outside: text in; a typed statement and, for queries, engine text out. Pure: it reads
 * no file, no clock and no database. The catalogue is given; tables are printed as the scans the caller planned.
 *
 *   scan → lex → parse → bind (names, Spark's types) → passes (ADFs to windows, snapshots, policies) → print
 */
export interface SqlFrontEnd {
  /** Cuts a request into statements (`;`, quotes, comments and `$$` blocks respected); empty ones are dropped. */
  split(text: string): readonly ScannedStatement[]

  /** @throws AppError 'query.syntax' with the position in the text */
  parse(statement: ScannedStatement): ParsedStatement

  /**
   * Resolves names and types.
   * @throws AppError 'query.unknown_table', 'query.unknown_column', 'query.unknown_function', 'query.type',
   *   'query.unsupported', each with position and, where one is near, a suggestion as hint
   */
  bind(query: ParsedQuery, context: BindContext): BoundQuery
}

export interface ScannedStatement {
  readonly text: string
  /** Where it begins in the request, so that positions are the request's. */
  readonly start: TextPosition
}

export interface TableName {
  readonly parts: readonly string[]
  readonly position: TextPosition
}

/** A query's syntax tree. Variables (`@v`) and parameters (`$1`) stand in it by name. */
export interface ParsedQuery {
  /** For tools; only `sql` looks inside. */
  readonly tree: unknown
  /** Every table it names, each once, so that the catalogue can be loaded before binding. */
  readonly tables: readonly TableName[]
  readonly variables: readonly string[]
  /** Highest `$n`. */
  readonly parameterCount: number
  readonly position: TextPosition
  /** `WITHAPPROXIMATE`: its tables' newest samples are read in their place. */
  readonly isApproximate?: boolean
}

export type EngineName = 'duckdb' | 'spark'

export interface BindContext {
  /** Whose text will be printed; absent: DuckDB's. */
  readonly engine?: EngineName
  readonly catalogue: Catalogue
  /** Values of `@variables`, by name as written. */
  readonly variables: Readonly<Record<string, Literal>>
  /** Values of `$n` at n − 1; absent while only describing: then types are inferred and `parameterTypes` says them. */
  readonly parameters?: readonly Literal[]
  /** Types the client declared for `$n`, where it did. */
  readonly parameterTypes?: readonly (DataType | undefined)[]
  /** When false, system columns are part of `*` and can be named (`SET drop_system_columns = false`). */
  readonly dropsSystemColumns: boolean
  /** What `current_timestamp` and `current_date` are, for the whole statement. */
  readonly now: Date
  /** Absent: `current_user` and `current_database` are NULL. */
  readonly session?: SessionNames
  /** Complex columns of the result become JSON texts, behind the simple ones. */
  readonly complexAsJson?: boolean
  /** Each field of a struct is a column, named by its path with dots. */
  readonly flattens?: boolean
  /** It is the text of a view: made where structs are flattened or where not, and read in both. */
  readonly isOfView?: boolean
}

/** What a session goes by. */
export interface SessionNames {
  readonly user: string
  readonly database: string
}

/**
 * A constant with its type. Timestamps are ISO 8601 UTC text with µs, dates `YYYY-MM-DD`, binary is hex, intervals are
 * `months days micros`: `0 1 3600000000`.
 */
export interface Literal {
  readonly type: DataType
  readonly value: string | number | bigint | boolean | null
  /** Of an array that is not NULL, whose `value` is its text. */
  readonly elements?: readonly Literal[]
}

export interface Catalogue {
  table(name: readonly string[]): CatalogueTable | undefined
  /** A query under a name; its tables are of this catalogue too. */
  view?(name: readonly string[]): ParsedQuery | undefined
  /** Names to suggest from. */
  readonly tableNames: readonly string[]
}

export interface CatalogueTable {
  /** What the caller knows the table by. */
  readonly key: string
  readonly name: string
  readonly columns: StructType
  readonly systemColumns: StructType
}

export interface BoundQuery {
  readonly columns: readonly Field[]
  readonly parameterTypes: readonly DataType[]
  /** One entry a mention of a table. */
  readonly scans: readonly TableScan[]
  /** Whether it says in which order its rows come. */
  readonly isOrdered: boolean
  /** The only row, where it is known without an engine: numbers and texts, a column each. */
  readonly constants?: readonly Literal[] | undefined
  /** What the caller should be told, one sentence each. */
  readonly notices?: readonly string[]
  /** Text of the engine it was bound for, with each scan replaced by the parenthesised query planned for it. */
  print(engine: EngineName, scans: ReadonlyMap<TableScan, string>): string
}

/** One mention of a table in a query, and what it needs of it. */
export interface TableScan {
  readonly table: CatalogueTable
  /** Top-level columns used, system columns included. */
  readonly columns: readonly string[]
  /** Conjuncts of the form column-operator-constant that every row used must satisfy: for skipping files only. */
  readonly predicates: readonly ScanPredicate[]
  readonly snapshot: SnapshotClause | undefined
  /** The table's snapshots are read, not its rows: one row each, with the columns of `historyColumns`. */
  readonly isHistory: boolean
}

/** What `history_meta` tells of a snapshot. */
export const historyColumns: StructType = structType([
  { name: 'made_current_at', type: timestampType },
  { name: 'snapshot_id', type: longType },
  { name: 'parent_id', type: longType },
  { name: 'is_current', type: booleanType },
])

export interface ScanPredicate {
  readonly column: string
  readonly operator: '=' | '<' | '<=' | '>' | '>='
  readonly value: string | number | bigint | boolean
}

export interface SnapshotClause {
  readonly since?: SnapshotBound
  readonly asOf?: SnapshotBound
}

export interface SnapshotBound {
  readonly text: string
  /** Absent where it stands in the text of a view. */
  readonly at: TextPosition | undefined
}
