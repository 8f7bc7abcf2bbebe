import type { Field } from '#types/data-type.ts'
import type { Encoding } from '#encode/encoding.ts'

/**
 * A place where SQL runs. The server hands it text in the engine's own dialect and gets whole encoded rows back, as
 * many as it asks for: portals, cursors, row limits, REST pages and export spools are all this one protocol.
 */
export interface QueryEngine extends AsyncDisposable {
  /**
   * Begins a statement that returns rows.
   * @throws AppError 'query.failed' what the data made impossible (a failed cast, raise_error), 'engine.memory',
   *   'engine.crashed', 'engine.unavailable', 'query.cancelled'
   */
  open(statement: EngineStatement, options: OpenOptions): Promise<Pull>

  /** The columns a statement would return; nothing is read. */
  describe(statement: EngineStatement, options: { readonly signal: AbortSignal }): Promise<readonly Field[]>
}

/** The engine of this machine: it writes files too. */
export interface Engine extends QueryEngine {
  /**
   * Runs a statement and writes its rows to files in a folder of the server. Not atomic: the caller owns the folder,
   * and after a failure what lies there is rubbish. A Parquet file has its name from the first byte on, behind those begun
   * before it, and is only appended to, up to its footer.
   */
  copy(statement: EngineStatement, options: CopyOptions): Promise<CopyResult>

  /** What is running, for status and metrics. */
  status(): EngineStatus

  /** Kills the children that run statements now, as a crash would. For tests of faults only. */
  killChildren(): Promise<void>
}

/** An engine of other machines. Their rows come to this one as a stream, or as files in a folder that all share. */
export interface ClusterEngine extends QueryEngine {
  /**
   * Runs a statement and has the machines that compute its rows write them. Whether all have arrived is for the caller
   * to see: `rowCount` is what was computed, not what lies in the files.
   * @throws AppError as `open`
   */
  write(statement: EngineStatement, options: WriteOptions): Promise<WrittenRows>
}

/** What may compute at a time for one principal: work waits for its turn there. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/** Where nobody counts. */
export const atOnce: InTurn = async (work) => await work()

/**
 * Whoever waits for a place in the engine must hold no turn: those who have places wait for turns to go on. So engines
 * take the turn themselves, once the statement has its place.
 */
interface Turned {
  readonly inTurn?: InTurn
}

export interface WriteOptions extends Turned {
  /** The columns by type as they are to be written; names do not matter. */
  readonly columns: readonly Field[]
  readonly signal: AbortSignal
}

/** Disposing of them removes the files. */
export interface WrittenRows extends AsyncDisposable {
  /** Absolute paths of Parquet files. */
  readonly files: readonly string[]
  /** As the files have them: `c0`, `c1`, … of the types asked for, a bare NULL as a text. */
  readonly columns: readonly Field[]
  readonly rowCount: number
}

export interface EngineStatement {
  /** One statement in the engine's dialect. */
  readonly sql: string
  /** Absolute paths of the only files it may read. */
  readonly files: readonly string[]
  /** What of them stands in the text under names, for a dialect that cannot say field ids. */
  readonly tables?: readonly FileTable[]
  /** All that it reads, where it looks rows up by a key in each. */
  readonly lookups?: readonly KeyedScan[]
  /** Interactive statements share children; batch statements have one to themselves. */
  readonly pool: 'interactive' | 'batch'
}

/** A scan of which a statement wants the rows with one value of a column: others may want those of other values. */
export interface KeyedScan {
  /** As it stands in the statement's text: in parentheses, with its columns between double quotes. */
  readonly sql: string
  /** The same rows with all columns that statements may want of them. */
  readonly whole: string
  /** Those that it has. */
  readonly columns: readonly string[]
  /** Those of which one value is wanted. */
  readonly keys: readonly { readonly name: string; readonly kind: 'integer' | 'text' }[]
}

/** Parquet files that a statement reads as one table. */
export interface FileTable {
  /** As the text calls it. */
  readonly name: string
  /** Absolute paths; at least one. */
  readonly files: readonly string[]
  /** What is read, found by field id at every depth; what a file has not is NULL. */
  readonly columns: readonly Field[]
  readonly fieldIds: FieldIds
}

export interface OpenOptions extends Turned {
  readonly encoding: Encoding
  /** The columns by name and type as the binder knows them, in order: encoders follow these, not the engine's own. */
  readonly columns: readonly Field[]
  /** No more rows than this are ever pulled, so that an engine that works ahead may stop there. */
  readonly rowCountMax?: number
  readonly signal: AbortSignal
}

/** A statement under way: rows are produced only when pulled. Disposing it ends the statement. */
export interface Pull extends AsyncDisposable {
  /** At most so many rows, and about so many bytes (a single row may be larger). One pull at a time. */
  pull(limit: PullLimit): Promise<Chunk>
}

export interface PullLimit {
  readonly rowCountMax: number
  readonly bytesMax: number
  /** The next pull will not ask for less, so its rows may be produced before it comes. */
  readonly goesOn?: boolean
}

export interface Chunk {
  /** Whole encoded rows. */
  readonly bytes: Uint8Array
  readonly rowCount: number
  readonly state: 'more' | 'done'
  /** The memory of `bytes` is nobody else's: who has used them may give it back. */
  readonly isOwn?: true
}

export interface CopyOptions extends Turned {
  /** Absolute path of an existing, empty folder. */
  readonly folder: string
  readonly format: CopyFormat
  /**
   * The files, by name, hold the rows in the statement's order. Of Parquet that is split by size they are written by one
   * thread, which takes longer.
   */
  readonly isOrdered?: boolean
  /** Called about once a second; rows are those read so far. */
  readonly onProgress?: (progress: { readonly rowCount: number }) => void
  readonly signal: AbortSignal
}

export type CopyFormat =
  | {
      readonly kind: 'parquet'
      readonly compression: 'zstd' | 'gzip' | 'snappy' | 'none'
      /** Iceberg field ids by path; absent: none are written. */
      readonly fieldIds?: FieldIds
      /**
       * SQL expressions over the statement's columns, which are not in the files. Each combination of their values is one
       * file.
       */
      readonly partitionBy?: readonly { readonly name: string; readonly expression: string }[]
      /** SQL expressions; rows of each file are sorted by them. */
      readonly orderBy?: readonly string[]
      /**
       * The files' columns: items of a select list over the sorted rows, so that no sort carries what is the same for all
       * of them. Absent: the statement's columns.
       */
      readonly columns?: readonly string[]
      /** Start another file at about this size; not heeded with `partitionBy`. */
      readonly fileBytesMax?: number
      /** Rows that are written at a time: files end where such a group does. */
      readonly groupRowsMax?: number
    }
  | { readonly kind: 'json'; readonly compression: 'gzip' | 'zstd' | 'none'; readonly fileBytesMax?: number }
  | { readonly kind: 'csv'; readonly compression: 'gzip' | 'zstd' | 'none'; readonly fileBytesMax?: number }

/** Field ids nested as the type is: `{ id, fields }` for structs, `element`, `key`, `value` inside lists and maps. */
export interface FieldIds {
  readonly [name: string]: { readonly id: number; readonly fields?: FieldIds }
}

export interface CopyResult {
  readonly rowCount: number
  readonly files: readonly CopiedFile[]
}

export interface CopiedFile {
  /** Absolute path. */
  readonly path: string
  readonly rowCount: number
  readonly bytes: number
  /** Value of each `partitionBy` as the engine prints it, null for NULL. */
  readonly partition: Readonly<Record<string, string | null>>
  /** By column path (`"a"."b"`, quoted), as the engine prints values in UTC; absent for text formats. */
  readonly statistics: Readonly<Record<string, ColumnStatistics>>
}

export interface ColumnStatistics {
  readonly columnBytes?: number
  readonly valueCount?: number
  readonly nullCount?: number
  readonly min?: string
  readonly max?: string
  readonly hasNan?: boolean
}

export interface EngineStatus {
  readonly children: readonly {
    readonly pid: number
    readonly pool: 'interactive' | 'batch'
    readonly statements: number
  }[]
  readonly restarts: number
}
