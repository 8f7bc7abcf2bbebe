import type { Field } from '#types/data-type.ts'

/**
 * Answers questions to PostgreSQL's catalogue (`pg_catalog`, `information_schema`), as clients ask them to learn what
 * there is, by a PostgreSQL that holds empty copies of what the one who asks may see, and nothing else.
 */
export interface Shadow extends AsyncDisposable {
  /** Questions can be recognised (`questionsIn`) once this has resolved. */
  ready(): Promise<void>
  /** What the question takes and gives. @throws AppError as PostgreSQL's own error */
  describe(
    question: Question,
    options: AskOptions & { readonly parameterOids: readonly number[] },
  ): Promise<QuestionDescription>
  ask(question: Question, options: AskOptions & { readonly given: GivenParameters }): Promise<Answer>
}

/** A question as it was asked, and as the shadow is to be asked it. */
export interface Question {
  readonly text: string
  readonly sql: string
  /** Where `sql` differs from `text`: from that offset of `sql` on, offsets are so much greater. */
  readonly shifts: readonly { readonly from: number; readonly by: number }[]
  /** Declared as a cursor of that name. */
  readonly cursor?: string
  /** Whether the cursor outlives its transaction. */
  readonly isHeld?: boolean
  /** Its rows leave by COPY … TO STDOUT with these options. */
  readonly copied?: CopyOptions
}

/** By names in lower case, as the grammar reads them. */
export type CopyOptions = Readonly<Record<string, string | readonly string[]>>

export interface AskOptions {
  readonly shown: Shown
  readonly asker: AskingSession
  readonly signal: AbortSignal
}

/** What the asking session is called, in PostgreSQL's words. */
export interface AskingSession {
  readonly user: string
  readonly database: string
  readonly processId: number
  readonly client: string
  readonly cursors: readonly OpenCursor[]
  /** What SHOW says of it, by names in lower case. */
  readonly settings: ReadonlyMap<string, string>
}

/** As it was declared. */
export interface OpenCursor {
  readonly name: string
  readonly isHeld: boolean
}

/** Everything the one who asks may see, in the order in which it is made. */
export interface Shown {
  readonly schemas: readonly string[]
  readonly tables: readonly ShownTable[]
}

export interface ShownTable {
  readonly schema: string
  readonly name: string
  readonly columns: readonly Field[]
  readonly comment: string
  /** Of a view: what it was made with. */
  readonly definition?: string
}

/** How the protocol names a column's type. */
export interface WireForm {
  readonly oid: number
  readonly byteCount: number
  readonly modifier: number
  readonly tableOid: number
  readonly columnNumber: number
}

export interface AnswerColumn extends Field {
  readonly wire: WireForm
}

export interface QuestionDescription {
  readonly parameterOids: readonly number[]
  readonly columns: readonly AnswerColumn[]
}

/** Parameters and formats just as the client sent them. */
export interface GivenParameters {
  readonly parameterOids: readonly number[]
  readonly parameterFormats: readonly number[]
  readonly parameters: readonly (Buffer | null)[]
  /** One for each column. */
  readonly resultFormats: (columns: readonly AnswerColumn[]) => readonly (0 | 1)[]
}

/** Rows as whole DataRow messages. An answer is small: one that is not is refused. */
export interface Answer {
  readonly columns: readonly AnswerColumn[]
  readonly rows: readonly Buffer[]
}
