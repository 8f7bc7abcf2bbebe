import { unreachable } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { CopyForm } from '#encode/encoding.ts'
import { type InlinedText, inlinedNames } from '#sql/inline-templates.ts'
import { postgresStrings, standardStrings } from '#sql/standard-strings.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { analyzedColumns } from './statements/analyze.ts'
import { copyFormOf, formOver } from './rows/copy-out.ts'
import { createdColumns } from './tables/create-table.ts'
import { type Cursors, moved, newCursors } from './statements/cursors.ts'
import { describeColumns } from './statements/describe-table.ts'
import { createdFieldGroupColumns } from './tables/field-groups.ts'
import type { Gate } from './gate.ts'
import type { Focus } from './names/names.ts'
import { outputOf } from './tables/output-text.ts'
import { placedIn } from './placed-in.ts'
import { describeQuery } from './rows/plan-query.ts'
import {
  inPrepared,
  type PreparedStatements,
  preparedStatements,
  refuseNested,
  unknownPrepared,
} from './statements/prepared-statements.ts'
import { SessionProperties } from './properties.ts'
import type { QueryLog, QueryLogEntryWriter } from './background/query-log.ts'
import type {
  Description,
  ExecuteOptions,
  KeptStatement,
  QuerySession,
  QuestionStatement,
  SessionOptions,
  SessionStatement,
  Statement,
  StatementResult,
} from './query.ts'
import { Questions } from './statements/questions.ts'
import { inlinedText } from './background/resolve-text.ts'
import type { ResultRows } from './results.ts'
import { runStatement, type StatementHost } from './statements/run-statement.ts'
import { sampleColumns } from './statements/samples.ts'
import type { Scope } from './scope.ts'
import type { QueryServiceOptions } from './services.ts'
import { sessionJournal } from './session-journal.ts'
import { shownColumns } from './statements/show.ts'
import type { ViewColumns } from './statements/shown.ts'
import { textColumns } from './static-rows.ts'
import { stopReason } from './rows/stop-signal.ts'
import { TemporaryTables } from './names/temporary-tables.ts'
import { Variables } from './variables.ts'
import { insertedTypes } from './tables/write-rows.ts'

export interface SessionServices {
  readonly services: QueryServiceOptions
  readonly gate: Gate
  readonly log: QueryLog
  readonly focus: Focus
  readonly viewColumns: ViewColumns
}

export class Session implements QuerySession {
  readonly #services: SessionServices
  readonly #options: SessionOptions
  readonly #properties: SessionProperties
  readonly #prepared = preparedStatements((statement) => this.#textOf(statement).length)
  #parsed: (name: string) => KeptStatement | undefined = () => undefined
  /** What EXECUTE finds. */
  readonly #executable: PreparedStatements = {
    ...this.#prepared,
    get: (name) => this.#prepared.get(name) ?? this.#parsed(name),
  }
  readonly #cursors: Cursors = newCursors()
  readonly #temporaries = new TemporaryTables()
  /** What a statement was written as, for the log. */
  readonly #texts = new WeakMap<Statement, string>()
  /** Of statements whose text is not as it was sent. */
  readonly #inlinedTexts = new WeakMap<SessionStatement, InlinedText>()
  readonly #closing = new AbortController()
  readonly #questions: Questions

  constructor(services: SessionServices, options: SessionOptions) {
    this.#services = services
    this.#options = options
    this.#questions = new Questions({
      viewColumns: services.viewColumns,
      processId: options.processId,
      otherCursors: () => this.#cursors.all(),
    })
    this.#properties = new SessionProperties(
      new Map([
        ['session_authorization', options.caller.principal.name],
        ['application_name', options.client],
      ]),
      options.properties ?? new Map(),
    )
  }

  get properties(): ReadonlyMap<string, string> {
    return this.#properties.values
  }

  async parse(text: string): Promise<readonly SessionStatement[]> {
    const isStandard = this.#properties.get('standard_conforming_strings') === 'on'
    const doubled = isStandard ? standardStrings(text) : undefined
    if (!doubled) return await this.#parseFilled(text)
    // PostgreSQL's catalogue is asked in its own words, which these are.
    const asked = this.#questions.parse(text, (from, to) => {
      const part = partOf(text, from, to)
      return this.#parse(standardStrings(part)?.text ?? part)
    })
    if (asked) return asked
    try {
      const statements = await this.#parseFilled(doubled.text)
      for (const statement of statements) {
        this.#inlinedTexts.set(statement, within(this.#inlinedTexts.get(statement), doubled))
      }
      return statements
    } catch (error) {
      throw placedIn(doubled, error)
    }
  }

  /** With the templates that the text names in their places. */
  async #parseFilled(text: string): Promise<readonly SessionStatement[]> {
    const inlined = await this.#inlined(text)
    if (!inlined) return this.#statements(text)
    try {
      const statements = this.#statements(inlined.text)
      for (const statement of statements) this.#inlinedTexts.set(statement, inlined)
      return statements
    } catch (error) {
      throw placedIn(inlined, error)
    }
  }

  #statements(text: string): readonly SessionStatement[] {
    // A client that is told so doubles backslashes also where it asks the catalogue, which does not take them for escapes.
    const escaped = postgresStrings(text)
    const offsetOf = escaped?.offsetOf ?? ((offset: number) => offset)
    const asked = this.#questions.parse(escaped?.text ?? text, (from, to) =>
      this.#parse(partOf(text, offsetOf(from), offsetOf(to))),
    )
    return asked ?? this.#parse(text)
  }

  /** Undefined for a text that names no template. */
  async #inlined(text: string): Promise<InlinedText | undefined> {
    if (inlinedNames(text).length === 0) return undefined
    await this.#requireRight()
    return await inlinedText(this.#services.services.metadata.db, this.#options.caller, text)
  }

  /** Rights may have been taken since the session was opened. */
  async #requireRight(rightsRevision?: string): Promise<void> {
    const { caller, permission = 'manage-queries' } = this.#options
    await this.#services.services.access.require({
      principal: caller.principal,
      permission,
      sandboxId: caller.sandbox.id,
      rightsRevision,
    })
  }

  #parse(text: string): readonly Statement[] {
    const { sql } = this.#services.services
    return sql.split(text).map((scanned) => {
      const statement = sql.parse(scanned)
      this.#texts.set(statement, scanned.text)
      return statement
    })
  }

  async describe(
    statement: Statement,
    parameterTypes: readonly (DataType | undefined)[],
    signal: AbortSignal,
  ): Promise<Description> {
    try {
      return await this.#describe(statement, { parameterTypes, signal, depth: 0 })
    } catch (error) {
      throw placedIn(this.#inlinedTexts.get(statement), error)
    }
  }

  async describeQuestion(
    statement: QuestionStatement,
    parameterOids: readonly number[],
    signal: AbortSignal,
  ): Promise<Description> {
    const scope = this.#scope({ parameters: [], signal })
    return { parameterTypes: [], ...(await this.#questions.describe(scope, statement, parameterOids)) }
  }

  preparedBySql(name: string): ReturnType<QuerySession['preparedBySql']> {
    const prepared = this.#prepared.get(name)
    if (!prepared) return undefined
    const { statement, types } = prepared
    // For the log, which has it as it was written.
    this.#texts.set(statement, this.#textOf(prepared))
    return { statement, types }
  }

  alsoPrepared(find: (name: string) => KeptStatement | undefined): void {
    this.#parsed = find
  }

  forgetPrepared(name: string): boolean {
    return this.#prepared.remove(name)
  }

  async cursorColumns(name: string, signal: AbortSignal): Promise<readonly Field[] | undefined> {
    const scope = this.#scope({ parameters: [], signal })
    const ofQuestion = await this.#questions.cursorColumns(scope, name)
    if (ofQuestion) return ofQuestion
    return this.#cursors.has(name) ? this.#cursors.columns(name) : undefined
  }

  async #describe(
    statement: Statement,
    options: {
      readonly parameterTypes: readonly (DataType | undefined)[]
      readonly signal: AbortSignal
      readonly depth: number
    },
  ): Promise<Description> {
    const { parameterTypes, signal, depth } = options
    if (signal.aborted) throw stopReason(signal)
    const scope = this.#scope({ parameters: [], signal })
    const columnsOnly = (columns: readonly Field[] | undefined): Description => ({
      parameterTypes: [],
      columns,
    })
    switch (statement.kind) {
      case 'query':
        return await describeQuery(scope, statement.query, parameterTypes, {
          complexAsJson: this.#properties.isTrue('auto_to_json'),
        })
      case 'insert': {
        const known = await insertedTypes(scope, statement, parameterTypes)
        const bound = await describeQuery(scope, statement.query, known)
        return { parameterTypes: bound.parameterTypes, columns: undefined }
      }
      case 'copy':
      case 'declareCursor':
      case 'createTableAs': {
        const bound = await describeQuery(scope, statement.query, parameterTypes)
        return { parameterTypes: bound.parameterTypes, columns: undefined }
      }
      case 'explain': {
        const bound = await describeQuery(scope, statement.query, parameterTypes)
        return { parameterTypes: bound.parameterTypes, columns: textColumns('QUERY PLAN') }
      }
      case 'show':
        return columnsOnly(shownColumns(scope, statement.what))
      case 'analyze':
        return columnsOnly(analyzedColumns(statement))
      case 'sampleMeta':
        return columnsOnly(sampleColumns)
      case 'takeSample':
        return columnsOnly(textColumns('Sample Table'))
      case 'createTable':
        return columnsOnly(createdColumns(statement))
      case 'createFieldGroup':
        return columnsOnly(createdFieldGroupColumns)
      case 'execute': {
        const prepared = this.#executable.get(statement.name)
        if (!prepared) throw unknownPrepared(statement.name)
        refuseNested(depth)
        try {
          const { statement: inner, types } = prepared
          const { columns } = await this.#describe(inner, { parameterTypes: types, signal, depth: depth + 1 })
          return columnsOnly(columns)
        } catch (error) {
          throw inPrepared(error)
        }
      }
      case 'describe':
        return columnsOnly(describeColumns)
      case 'fetch':
        if (statement.isMove) return columnsOnly(undefined)
        return columnsOnly(
          (await this.#questions.cursorColumns(scope, statement.name)) ??
            this.#cursors.columns(statement.name),
        )
      case 'addColumns':
      case 'block':
      case 'closeCursor':
      case 'createView':
      case 'deallocate':
      case 'define':
      case 'discard':
      case 'dropFieldGroup':
      case 'dropSample':
      case 'dropTable':
      case 'dropView':
      case 'if':
      case 'prepare':
      case 'resetProperty':
      case 'setProperty':
      case 'setTransaction':
      case 'setVariable':
      case 'transaction':
      case 'unlisten':
        return columnsOnly(undefined)
      default:
        return unreachable(statement)
    }
  }

  async *execute(
    statement: SessionStatement,
    options: ExecuteOptions,
  ): AsyncGenerator<StatementResult, void, undefined> {
    try {
      yield* this.#execute(statement, options)
    } catch (error) {
      throw placedIn(this.#inlinedTexts.get(statement), error)
    }
  }

  async *#execute(
    statement: SessionStatement,
    { parameters, given, takesCopy = false, encoding, rightsRevision, onRecorded, signal }: ExecuteOptions,
  ): AsyncGenerator<StatementResult, void, undefined> {
    const cancelling = new AbortController()
    const stopped = AbortSignal.any([signal, this.#closing.signal, cancelling.signal])
    const [reads, made] = [new Set<string>(), new Set<string>()]
    const plain = this.#scope({ parameters, signal: stopped })
    const scope: Scope = {
      ...plain,
      // A statement of several steps asks for each anew.
      caller: statement.kind === 'query' ? { ...plain.caller, rightsRevision } : plain.caller,
      onRead: (datasetIds) => datasetIds.forEach((id) => reads.add(id)),
      onMade: (datasetId) => void made.add(datasetId),
    }
    const [prepared, cursors] = [this.#executable, this.#cursors]
    await this.#requireRight(rightsRevision)
    const results = (asked: SessionStatement, host: StatementHost) =>
      asked.kind === 'question'
        ? this.#answer(scope, asked, { encoding: host.encoding, ...(given ? { given } : {}) })
        : this.#results(scope, asked, host)
    if (!isLogged(statement)) {
      yield* results(statement, { prepared, cursors, encoding, onWritten: () => {} })
      return
    }
    const sent = takesCopy ? sentToClient(statement) : undefined
    if (!takesCopy && statement.kind === 'question' && statement.question.copied) throw forClients()
    const { log } = this.#services
    const { caller, client } = this.#options
    const isOfCatalogue = catalogueKinds.includes(statement.kind)
    const entry = log.entry(caller, {
      sql: this.#textOf(statement),
      client,
      output: this.#outputOf(statement),
      isHidden: isOfCatalogue || statement.kind === 'fetch',
      isAudited: !isOfCatalogue,
      reads,
      made,
      cancelling,
    })
    onRecorded?.(entry.id)
    const onWritten = (count: number): void => entry.addRows(count)
    const host: StatementHost = {
      prepared,
      cursors,
      encoding,
      queryId: entry.id,
      onWritten,
      onCopied: async (copy) => await log.copied(entry.id, copy),
      onPlanned: async ({ constants }) => (constants ? entry.defer() : await entry.begin()),
      ...sent?.host,
    }
    let isEnded = false
    try {
      // Of a SELECT its plan tells whether it reads anything at all.
      if (isOfCatalogue) entry.defer()
      else if (statement.kind !== 'query') await entry.begin()
      for await (const result of results(sent?.asked ?? statement, host)) {
        yield result.kind === 'rows'
          ? { ...result, rows: countedRows(result.rows, entry), ...(sent ? { copy: sent.form } : {}) }
          : result
      }
      isEnded = true
      await entry.end({})
    } catch (error) {
      isEnded = true
      await entry.end({ error, isStopped: stopped.aborted })
      throw error
    } finally {
      // Whoever asked went away before the end.
      if (!isEnded) await entry.end({ isStopped: stopped.aborted })
    }
  }

  async *#answer(
    scope: Scope,
    question: QuestionStatement,
    options: Pick<ExecuteOptions, 'encoding' | 'given'>,
  ): AsyncGenerator<StatementResult, void, undefined> {
    yield await this.#questions.execute(scope, question, options)
  }

  /** Of a statement of the dialect, which may be about cursors of questions. */
  async *#results(
    scope: Scope,
    statement: Statement,
    host: StatementHost,
  ): AsyncGenerator<StatementResult, void, undefined> {
    if (statement.kind === 'fetch') {
      const answer = await this.#questions.fetch(scope, statement, { encoding: host.encoding })
      if (answer) return yield statement.isMove ? await moved(answer) : answer
    }
    if (statement.kind === 'discard' && statement.what === 'all') this.#questions.close('all')
    if (statement.kind === 'transaction') {
      this.#questions.transaction(statement.action)
      if ('isChained' in statement && statement.isChained) this.#questions.transaction('begin')
    }
    if (statement.kind === 'closeCursor' && this.#questions.close(statement.name)) {
      return yield { kind: 'command', tag: 'CLOSE CURSOR', rowCount: undefined }
    }
    if (statement.kind === 'prepare') {
      // Names and types are looked up now; of a parameter without a type anything may come.
      const { statement: inner, types } = statement
      await this.#describe(inner, { parameterTypes: types, signal: scope.signal, depth: 0 })
    }
    yield* runStatement(scope, statement, host)
  }

  #textOf(statement: SessionStatement): string {
    if (statement.kind === 'question') return statement.question.text.trim()
    return this.#texts.get(statement) ?? statement.kind
  }

  #outputOf(statement: SessionStatement): 'ctas' | 'insert' | undefined {
    if (statement.kind === 'question') return undefined
    const meant = statement.kind === 'execute' ? this.#executable.get(statement.name)?.statement : statement
    return outputOf(meant ? [meant] : [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new AppError('query.cancelled', 'The session was closed.'))
    this.#prepared.clear()
    await this.#cursors[Symbol.asyncDispose]()
    const { caller } = this.#options
    const { datasets } = this.#services.services
    await this.#temporaries.clear(({ id }) => datasets.delete(caller, id))
  }

  #scope({ parameters, signal }: Pick<ExecuteOptions, 'parameters' | 'signal'>): Scope {
    const { services, gate, focus } = this.#services
    const { caller, database, onNotice } = this.#options
    return {
      services,
      gate,
      caller,
      database,
      focus,
      properties: this.#properties,
      temporaries: this.#temporaries,
      variables: new Variables(),
      parameters,
      journal: sessionJournal(services),
      step: '0',
      pool: 'interactive',
      notice: (text) => onNotice?.(text),
      signal,
    }
  }
}

/** Places of `inner` in the text that `outer` was made of. */
function within(inner: InlinedText | undefined, outer: InlinedText): InlinedText {
  if (!inner) return outer
  return {
    text: inner.text,
    placeOf: (position) => {
      const place = inner.placeOf(position)
      return { ...place, position: outer.placeOf(place.position).position }
    },
  }
}

interface SentToClient {
  readonly form: CopyForm
  readonly asked: SessionStatement
  readonly host: Pick<StatementHost, 'encoding' | 'isWhole'>
}

/** Of COPY … TO STDOUT the query whose rows are sent, and how. @throws AppError for its options */
function sentToClient(statement: SessionStatement): SentToClient | undefined {
  const sent = copiedRows(statement)
  if (!sent) return undefined
  const form = copyFormOf(sent.options, sent.position)
  const encoding = (columns: readonly Field[]) => ({ kind: 'copy', form: formOver(form, columns) }) as const
  return { form, asked: sent.asked, host: { encoding, isWhole: true } }
}

function copiedRows(statement: SessionStatement) {
  if (statement.kind === 'question') {
    const { copied } = statement.question
    return copied && { options: copied, position: undefined, asked: statement }
  }
  if (statement.kind !== 'copy' || statement.target.kind !== 'client') return undefined
  const { options, query } = statement
  return { options, position: query.position, asked: { kind: 'query', query } as const }
}

function forClients(): AppError {
  return new AppError('query.unsupported', 'COPY … TO STDOUT is for clients of the PostgreSQL protocol.', {
    hint: 'Ask for the rows with SELECT, in the format you want.',
  })
}

/** What asks of what there is, and a cursor's declaration, which reads nothing yet. */
const catalogueKinds: readonly SessionStatement['kind'][] = ['declareCursor', 'describe', 'question', 'show']

const loggedKinds: readonly SessionStatement['kind'][] = [
  ...catalogueKinds,
  'addColumns',
  'analyze',
  'block',
  'copy',
  'createFieldGroup',
  'createTable',
  'createTableAs',
  'createView',
  'define',
  'dropFieldGroup',
  'dropSample',
  'dropTable',
  'dropView',
  'execute',
  'fetch',
  'insert',
  'query',
  'sampleMeta',
  'setVariable',
  'takeSample',
]

/** What reads or writes data, or asks of it. */
function isLogged(statement: SessionStatement): boolean {
  return loggedKinds.includes(statement.kind) || (statement.kind === 'explain' && statement.isAnalyzed)
}

function countedRows(rows: ResultRows, entry: QueryLogEntryWriter): ResultRows {
  return {
    pull: async (limit) => {
      try {
        const chunk = await rows.pull(limit)
        entry.addRows(chunk.rowCount)
        return chunk
      } catch (error) {
        await entry.end({ error })
        throw error
      }
    },
    [Symbol.asyncDispose]: () => rows[Symbol.asyncDispose](),
  }
}

/** A part of a request, at its place: blanks in front keep the places that errors name. */
function partOf(text: string, from: number, to: number): string {
  return text.slice(0, from).replaceAll(/[^\n]/g, ' ') + text.slice(from, to)
}
