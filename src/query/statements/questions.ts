import { randomInt } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import type { Encoding } from '#encode/encoding.ts'
import { copiedBinary } from '#encode/copy.ts'
import { partsOf } from '#shadow/route.ts'
import type { Answer, AnswerColumn, AskOptions, OpenCursor, Question, Shown } from '#shadow/shadow.ts'
import { readTexts } from '#shadow/wire.ts'
import { cursorExists, type FetchRequest } from './cursors.ts'
import type { ExecuteOptions, QuestionStatement, SessionStatement, StatementResult } from '../query.ts'
import type { ResultRows } from '../results.ts'
import type { Scope } from '../scope.ts'
import { shownOf, type ViewColumns } from './shown.ts'
import { staticResult } from '../static-rows.ts'

const cursorsMax = 20

interface Asking {
  readonly encoding: ExecuteOptions['encoding']
  readonly given?: ExecuteOptions['given']
}

interface QuestionCursor {
  readonly name: string
  readonly question: Question
  readonly given: ExecuteOptions['given']
  isKept: boolean
  answer:
    | {
        readonly columns: readonly AnswerColumn[]
        readonly formats: readonly (0 | 1)[]
        readonly rows: Buffer[]
        /** What could be seen then. */
        readonly shown: readonly string[]
      }
    | undefined
}

/** The questions of one session to PostgreSQL's catalogue, and the cursors it declared for some. */
export class Questions {
  readonly #cursors = new Map<string, QuestionCursor>()
  #isInTransaction = false
  readonly #viewColumns: ViewColumns
  readonly #processId: number
  readonly #otherCursors: () => readonly OpenCursor[]

  /** `otherCursors`: those of the session whose rows are no answers to questions. */
  constructor(options: {
    readonly viewColumns: ViewColumns
    readonly processId: number | undefined
    readonly otherCursors: () => readonly OpenCursor[]
  }) {
    this.#viewColumns = options.viewColumns
    this.#processId = options.processId ?? randomInt(1, 2 ** 31)
    this.#otherCursors = options.otherCursors
  }

  /**
   * The statements of a request, as `parse` gives those that are no questions; undefined: it has no question in it.
   * @param text in PostgreSQL's words
   * @throws AppError 'query.unsupported'
   */
  parse(
    text: string,
    parse: (from: number, to: number) => readonly SessionStatement[],
  ): SessionStatement[] | undefined {
    return partsOf(text)?.flatMap((part) =>
      part.kind === 'question'
        ? [{ kind: 'question', question: part.question } as const]
        : parse(part.from, part.to),
    )
  }

  async describe(
    scope: Scope,
    { question }: QuestionStatement,
    parameterOids: readonly number[],
  ): Promise<{
    readonly parameterOids: readonly number[]
    readonly columns: readonly AnswerColumn[] | undefined
  }> {
    const options = await this.#options(scope)
    const described = await scope.services.shadow.describe(question, { ...options, parameterOids })
    const givesRows = question.cursor === undefined && question.copied === undefined
    return givesRows ? described : { ...described, columns: undefined }
  }

  /** The columns of a cursor for a question; undefined: there is no such one. */
  async cursorColumns(scope: Scope, name: string): Promise<readonly AnswerColumn[] | undefined> {
    const cursor = this.#cursors.get(name.toLowerCase())
    if (!cursor) return undefined
    if (cursor.answer) return cursor.answer.columns
    const options = await this.#options(scope)
    const parameterOids = cursor.given?.parameterOids ?? []
    return (await scope.services.shadow.describe(cursor.question, { ...options, parameterOids })).columns
  }

  async execute(scope: Scope, { question }: QuestionStatement, options: Asking): Promise<StatementResult> {
    if (question.cursor !== undefined) {
      this.#declare(question.cursor, question, options.given)
      return { kind: 'command', tag: 'DECLARE CURSOR', rowCount: undefined }
    }
    const { answer, encoding } = await this.#ask(scope, question, {
      ...(await this.#options(scope)),
      ...options,
    })
    return resultOf(answer, answer.rows, encoding)
  }

  /** The next rows of a cursor for a question; undefined: there is no such one. */
  async fetch(
    scope: Scope,
    { name, count, isMove }: Omit<FetchRequest, 'encoding'>,
    options: Pick<ExecuteOptions, 'encoding'>,
  ): Promise<StatementResult | undefined> {
    const cursor = this.#cursors.get(name.toLowerCase())
    if (!cursor) return undefined
    const now = await this.#options(scope)
    const shown = namesOf(now.shown)
    if (!cursor.answer) {
      const { question, given } = cursor
      const { answer, encoding } = await this.#ask(scope, question, { ...now, ...options, given })
      cursor.answer = { columns: answer.columns, formats: formatsOf(encoding), rows: [...answer.rows], shown }
    }
    // Rights may have been taken since it was asked.
    const names = new Set(shown)
    if (!cursor.answer.shown.every((shownThen) => names.has(shownThen))) throw goneSince(name)
    const { columns, formats, rows } = cursor.answer
    const encoding = options.encoding(columns)
    if (!isMove && formatsOf(encoding).join() !== formats.join()) {
      throw new AppError('query.unsupported', 'A cursor gives all its rows in the format of its first FETCH.')
    }
    return resultOf({ columns }, rows.splice(0, count === 'all' ? rows.length : count), encoding)
  }

  /** Whether there was one. */
  close(name: string): boolean {
    if (name !== 'all') return this.#cursors.delete(name.toLowerCase())
    this.#cursors.clear()
    return false
  }

  /** Closes cursors that do not outlive the transaction, as `Cursors.endTransaction`. */
  transaction(action: string): void {
    if (action === 'begin') this.#isInTransaction = true
    if (action !== 'commit' && action !== 'rollback') return
    this.#isInTransaction = false
    for (const [key, cursor] of this.#cursors) {
      if (action === 'commit') cursor.isKept = cursor.question.isHeld === true
      if (!cursor.isKept) this.#cursors.delete(key)
    }
  }

  #declare(name: string, question: Question, given: ExecuteOptions['given']): void {
    const key = name.toLowerCase()
    if (this.#cursors.has(key)) {
      throw cursorExists(name)
    }
    if (this.#cursors.size >= cursorsMax) {
      throw new AppError('query.limit', `A session has at most ${cursorsMax} cursors.`)
    }
    const isKept = question.isHeld === true && !this.#isInTransaction
    this.#cursors.set(key, { name, question, given, isKept, answer: undefined })
  }

  async #ask(
    { services }: Scope,
    question: Question,
    { encoding, given, ...asked }: Asking & AskOptions,
  ): Promise<{ readonly answer: Answer; readonly encoding: Encoding }> {
    let chosen: Encoding = { kind: 'jsonRows' }
    const answer = await services.shadow.ask(question, {
      ...asked,
      given: {
        parameterOids: given?.parameterOids ?? [],
        parameterFormats: given?.parameterFormats ?? [],
        parameters: given?.parameters ?? [],
        resultFormats: (columns) => {
          chosen = encoding(columns)
          if (chosen.kind === 'postgres') return chosen.formats
          const format = isBinaryCopy(chosen) ? 1 : 0
          return columns.map(() => format)
        },
      },
    })
    return { answer, encoding: chosen }
  }

  async #options(scope: Scope): Promise<AskOptions> {
    const { caller, database, properties, signal } = scope
    return {
      shown: await shownOf(scope, this.#viewColumns),
      asker: {
        user: caller.principal.name,
        database: `${caller.sandbox.name}:${database}`,
        processId: this.#processId,
        client: properties.get('application_name'),
        cursors: [
          ...this.#otherCursors(),
          ...Array.from(this.#cursors.values(), ({ name, question }) => ({
            name,
            isHeld: question.isHeld === true,
          })),
        ],
        // Where names are looked for, the shadow is told otherwise.
        settings: new Map([...properties.values].filter(([name]) => name !== 'search_path')),
      },
      signal,
    }
  }
}

function namesOf({ tables }: Shown): string[] {
  return tables.map((table) => JSON.stringify([table.schema, table.name]))
}

function goneSince(name: string): AppError {
  return new AppError(
    'query.ended',
    `Something that the cursor ${JSON.stringify(name)} may list is not there any more, or not open to you.`,
    { hint: 'CLOSE and declare it again.' },
  )
}

function formatsOf(encoding: Encoding): readonly (0 | 1)[] {
  return encoding.kind === 'postgres' ? encoding.formats : []
}

function isBinaryCopy(encoding: Encoding): boolean {
  return encoding.kind === 'copy' && encoding.form.kind === 'binary'
}

/** Rows in the protocol's own form go on as they came; others are made of their texts. */
function resultOf(
  { columns }: Pick<Answer, 'columns'>,
  rows: readonly Buffer[],
  encoding: Encoding,
): StatementResult {
  if (isBinaryCopy(encoding)) {
    const whole = { bytes: copiedBinary(rows), rowCount: rows.length, state: 'done' } as const
    return { kind: 'rows', columns, rows: { pull: async () => whole, [Symbol.asyncDispose]: async () => {} } }
  }
  if (encoding.kind !== 'postgres') return staticResult(columns, rows.map(readTexts), () => encoding)
  let next = 0
  const result: ResultRows = {
    pull: async ({ rowCountMax, bytesMax }) => {
      const taken: Buffer[] = []
      let byteCount = 0
      while (next < rows.length && taken.length < rowCountMax && byteCount < bytesMax) {
        const row = rows[next++]!
        taken.push(row)
        byteCount += row.length
      }
      return {
        bytes: Buffer.concat(taken),
        rowCount: taken.length,
        state: next >= rows.length ? 'done' : 'more',
      }
    },
    [Symbol.asyncDispose]: async () => {},
  }
  return { kind: 'rows', columns, rows: result }
}
