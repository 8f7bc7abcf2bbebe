import type { Caller } from '#datasets/datasets.ts'
import type { CopyForm, Encoding } from '#encode/encoding.ts'
import type { Question, WireForm } from '#shadow/shadow.ts'
import type { Literal } from '#sql/compile.ts'
import type { ParsedStatement } from '#sql/statement.ts'
import type { DataType, Field } from '#types/data-type.ts'
import type { Alerts } from './alerts.ts'
import type { Queries, QueryRequest, Schedules, Templates } from './background.ts'
import type { KeptResults, ResultRows } from './results.ts'
import type { ScheduledWriters } from './scheduled-writers.ts'
import type { ScratchSpace } from './scratch-space.ts'

/** Runs the dialect for people and programs. PostgreSQL sessions, REST and scheduled queries use this one service. */
export interface QueryService {
  openSession(options: SessionOptions): Promise<QuerySession>

  readonly queries: Queries
  readonly schedules: Schedules
  readonly templates: Templates
  readonly alerts: Alerts
  readonly results: KeptResults
  readonly writers: ScheduledWriters
  /** The text of a request that is run at once, with template and parameters. @throws as `Queries.submit` */
  textOf(caller: Caller, request: QueryRequest): Promise<string>

  /** Deletes temporary tables whose sessions or runs ended without doing it; how many. Idempotent. */
  removeLeftTables(): Promise<number>

  /** What COPY statements left for who asked. */
  readonly scratch: Omit<ScratchSpace, 'make'>

  /** Records as failed what earlier lives of this node left as running; how many. Idempotent. */
  failLeftQueries(): Promise<number>

  /**
   * Until it is disposed of statements of sessions here stop that are cancelled at another node. When that is done all
   * that was answered is on record.
   */
  start(): Promise<AsyncDisposable>
}

export interface SessionOptions {
  readonly caller: Caller
  /** The part after `prod:`; `all` is everything the caller may read. */
  readonly database: string
  /** `psql`, `REST`, `Sluice CLI`: shown in the query log. */
  readonly client: string
  /** What the client sets from the start (`application_name`, `DateStyle`, …). @throws AppError 'config.invalid' */
  readonly properties?: ReadonlyMap<string, string>
  readonly onNotice?: (notice: string) => void
  /** What who asks must hold, beside the right to each table; 'manage-queries' by default. Less is for texts that are not his own. */
  readonly permission?: 'view-datasets'
  /** Number by which the client knows the session; any one by default. */
  readonly processId?: number
}

/** A statement of the dialect. */
export type Statement = ParsedStatement
export type StatementOf<K extends Statement['kind']> = Extract<Statement, { readonly kind: K }>

/** A question to PostgreSQL's catalogue, in PostgreSQL's own words. */
export interface QuestionStatement {
  readonly kind: 'question'
  readonly question: Question
}

/** For those who carry statements around without looking into them. */
export type SessionStatement = Statement | QuestionStatement
export type { Literal }

/** One client's state: properties, prepared statements, transaction. Statements run one after another. */
export interface QuerySession extends AsyncDisposable {
  /** All statements of a request, with the templates that it names by `#NAME`. @throws AppError 'query.syntax' */
  parse(text: string): Promise<readonly SessionStatement[]>

  /** What a statement takes and returns; undefined columns: it returns no rows. */
  describe(
    statement: Statement,
    parameterTypes: readonly (DataType | undefined)[],
    signal: AbortSignal,
  ): Promise<Description>

  /** The same for a question. `parameterOids`: as far as the client says them; 0 for those it leaves open. */
  describeQuestion(
    statement: QuestionStatement,
    parameterOids: readonly number[],
    signal: AbortSignal,
  ): Promise<Description>

  /** The columns of a cursor that DECLARE made; undefined: there is no such one. */
  cursorColumns(name: string, signal: AbortSignal): Promise<readonly ResultColumn[] | undefined>

  /** What PREPARE keeps by that name, and what it says of its parameters; undefined: nothing. */
  preparedBySql(name: string): KeptStatement | undefined

  /** Where EXECUTE looks for what PREPARE did not make: statements that the client parsed by the protocol. */
  alsoPrepared(find: (name: string) => KeptStatement | undefined): void

  /** Whether PREPARE kept something by that name. It is gone then. */
  forgetPrepared(name: string): boolean

  /** Begins to carry a statement out. Several results come from a block (its top-level SELECTs, in order). */
  execute(
    statement: SessionStatement,
    options: ExecuteOptions,
  ): AsyncGenerator<StatementResult, void, undefined>

  /** Session properties as SHOW knows them. */
  readonly properties: ReadonlyMap<string, string>
}

/** A statement that was prepared, and as far as it was said the types of its parameters. */
export interface KeptStatement {
  readonly statement: Statement
  readonly types: readonly DataType[]
}

export interface Description {
  readonly parameterTypes: readonly DataType[]
  readonly columns: readonly ResultColumn[] | undefined
  /** Of a question: PostgreSQL's types of its parameters. */
  readonly parameterOids?: readonly number[]
}

/** `wire`: a type of PostgreSQL's that is none of ours; then `type` is that of its text. */
export interface ResultColumn extends Field {
  readonly wire?: WireForm
}

/** Parameters of a question, as PostgreSQL's protocol has them. */
export interface GivenParameters {
  readonly parameterOids: readonly number[]
  readonly parameterFormats: readonly number[]
  readonly parameters: readonly (Buffer | null)[]
}

export interface ExecuteOptions {
  readonly parameters: readonly Literal[]
  /** Of a question. */
  readonly given?: GivenParameters
  /** Of all rights, where it was read for this statement already. */
  readonly rightsRevision?: string | undefined
  /** Whether the client takes the rows of COPY … TO STDOUT. */
  readonly takesCopy?: boolean
  /** Given the columns, how rows are to be encoded. */
  readonly encoding: (columns: readonly Field[]) => Encoding
  /** Told the id under which the statement is on record, before it begins; of what is not recorded nothing. */
  readonly onRecorded?: (queryId: string) => void
  readonly signal: AbortSignal
}

/** Rows must be pulled to the end or disposed before the next result is asked for. */
export type StatementResult =
  /** `copy`: the rows of a COPY … TO STDOUT, encoded as it says. `tag` is PostgreSQL's: `INSERT 0 5`, `CREATE TABLE AS`, `SET`; that of rows is `SELECT n`, n as pulled. */
  | {
      readonly kind: 'rows'
      readonly columns: readonly ResultColumn[]
      readonly rows: ResultRows
      readonly copy?: CopyForm
    }
  | { readonly kind: 'command'; readonly tag: string; readonly rowCount: number | undefined }
