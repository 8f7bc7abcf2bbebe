import { AppError, toAppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import type { Encoding } from '#encode/encoding.ts'
import { requirePreparedRoom } from '#query/prepared-room.ts'
import type {
  KeptStatement,
  QuerySession,
  ResultColumn,
  SessionStatement,
  StatementResult,
} from '#query/query.ts'
import type { ResultRows } from '#query/results.ts'
import { type DataType, stringType } from '#types/data-type.ts'
import {
  bindComplete,
  closeComplete,
  commandComplete,
  copyDone,
  copyOutResponse,
  emptyQueryResponse,
  errorResponse,
  noData,
  noticeResponse,
  parameterDescription,
  parameterStatus,
  parseComplete,
  portalSuspended,
  readyForQuery,
  rowDescription,
  type TransactionStatus,
  warningResponse,
} from './backend-messages.ts'
import type { FrontendMessage } from './frontend-messages.ts'
import type { Output } from './output.ts'
import { literalOfParameter } from './parameter.ts'
import { closePortal, formatsFor, type Portal, type Prepared } from './prepared.ts'
import { reportedProperties } from './reported-properties.ts'
import { parameterOid, typeOfOid, wireTypeOf } from './wire-type.ts'

const preparedMax = 1_000
/** Each open portal may hold a statement in the engine. */
const portalsMax = 10
const savepointsMax = 10_000
const nameCharactersMax = 63
/** One pull. Of a result there are three in memory at most: one that is sent, the next, and one that the engine makes ahead. */
const pullRowCountMax = 4_096
const pullBytesMax = 512 * 1024

type Message<K extends FrontendMessage['kind']> = Extract<FrontendMessage, { kind: K }>

/**
 * A client that signed in. Its state is the product of
 *
 * - the transaction: `idle`, `inTransaction`, `failed` (an error happened in it; only its end is accepted). There are no
 *   real transactions: BEGIN and its like are accepted so that clients work, and nothing is ever undone;
 * - the pipeline: after an error in the extended protocol everything up to the next Sync is skipped.
 */
export class Session {
  readonly #query: QuerySession
  readonly #checkLogin: () => Promise<string | undefined>
  readonly #output: Output
  readonly #closed: AbortSignal
  readonly #logger: Logger
  readonly #prepared = new Map<string, Prepared>()
  readonly #portals = new Map<string, Portal>()
  readonly #reported = new Map<string, string>()
  #transaction: TransactionStatus = 'idle'
  readonly #savepoints: string[] = []
  #skipsToSync = false
  #isInPipeline = false
  #current: AbortController | undefined

  constructor(options: {
    readonly query: QuerySession
    /** Asked before each statement; what it throws ends the session. Gives the revision of all rights, if it saw it. */
    readonly checkLogin: () => Promise<string | undefined>
    readonly output: Output
    readonly closed: AbortSignal
    readonly logger: Logger
  }) {
    this.#query = options.query
    this.#query.alsoPrepared((name) => this.#parsedAs(name))
    this.#checkLogin = options.checkLogin
    this.#output = options.output
    this.#closed = options.closed
    this.#logger = options.logger
  }

  begin(): void {
    this.#reportProperties()
    this.#output.write(readyForQuery('idle'))
  }

  /** Nothing is under way: the session may be ended without harm. */
  get isAtRest(): boolean {
    return !this.#isInPipeline
  }

  /** Stops what is running now, if anything is. */
  cancel(reason: AppError): void {
    this.#current?.abort(reason)
  }

  notice(text: string): void {
    this.#output.write(noticeResponse(text))
  }

  /** @throws AppError 'access.ended' when the session is over */
  async handle(message: FrontendMessage): Promise<void> {
    this.#isInPipeline = true
    if (message.kind === 'sync') return await this.#sync()
    if (this.#skipsToSync) return
    if (message.kind === 'query') return await this.#simpleQuery(message.sql)
    if (message.kind === 'functionCall') {
      this.#fail(new AppError('query.unsupported', 'The function call message is not supported.'), undefined)
      return this.#ready()
    }
    const sql = this.#sqlOf(message)
    try {
      const isChecked = message.kind === 'parse' || message.kind === 'execute'
      const rightsRevision = isChecked ? await this.#checkLogin() : undefined
      await this.#extended(message, rightsRevision)
    } catch (error) {
      this.#fail(error, sql)
      this.#skipsToSync = true
    }
  }

  /** Answers a message that could not be read as one that failed. */
  refuse(type: string, error: AppError): void {
    this.#isInPipeline = true
    if (this.#skipsToSync) return
    this.#fail(error, undefined)
    if (type === 'Q') this.#ready()
    else this.#skipsToSync = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closePortals()
    await this.#query[Symbol.asyncDispose]()
  }

  async #simpleQuery(sql: string): Promise<void> {
    try {
      await this.#closePortal('')
      const statements = await this.#query.parse(sql)
      if (statements.length === 0) this.#output.write(emptyQueryResponse)
      for (const statement of statements) {
        await this.#runSimple(statement)
        await this.#output.room()
      }
    } catch (error) {
      this.#fail(error, sql)
    }
    if (this.#transaction === 'idle') await this.#closePortals()
    this.#ready()
  }

  async #runSimple(statement: SessionStatement): Promise<void> {
    const rightsRevision = await this.#checkLogin()
    if (await this.#handledHere(statement)) return
    const stopping = new AbortController()
    using _running = this.#running(stopping)
    const stopped = AbortSignal.any([stopping.signal, this.#closed])
    const results = this.#query.execute(statement, {
      takesCopy: true,
      parameters: [],
      encoding: (columns) => this.#encoding(columns.map(() => 0)),
      rightsRevision,
      signal: stopped,
    })
    for await (const result of results) {
      if (result.kind === 'command') {
        this.#complete(statement, result.tag)
        continue
      }
      await using rows = result.rows
      if (result.copy) {
        const count = await this.#copyOut(result, stopped)
        this.#output.write(commandComplete(`COPY ${count}`))
        continue
      }
      this.#output.write(rowDescription(result.columns, []))
      const { rowCount } = await this.#send(rows, Number.POSITIVE_INFINITY, stopped)
      this.#output.write(commandComplete(rowsTag(statement, rowCount)))
    }
  }

  async #extended(message: FrontendMessage, rightsRevision: string | undefined): Promise<void> {
    switch (message.kind) {
      case 'parse':
        return await this.#parse(message)
      case 'bind':
        return await this.#bind(message)
      case 'describe':
        return await this.#describe(message)
      case 'execute':
        return await this.#execute(message, rightsRevision)
      case 'close':
        if (message.target === 'portal') await this.#closePortal(message.name)
        else if (!this.#prepared.delete(message.name)) this.#query.forgetPrepared(message.name)
        return this.#output.write(closeComplete)
      case 'flush':
        return await this.#output.flush()
      case 'copy': // Left over from a COPY that failed: PostgreSQL ignores it too.
      case 'terminate':
      case 'functionCall':
      case 'query':
      case 'sync':
        return undefined
    }
  }

  async #parse({ name, sql, parameterOids }: Message<'parse'>): Promise<void> {
    if (name !== '' && (this.#prepared.has(name) || this.#query.preparedBySql(name))) {
      throw statementExists(name)
    }
    if (this.#prepared.size >= preparedMax) {
      throw new AppError('query.limit', `A session has at most ${preparedMax} prepared statements.`, {
        hint: 'Close those you no longer need.',
      })
    }
    this.#prepared.delete(name)
    const held = Iterator.from(this.#prepared).reduce(
      (sum, [key, one]) => sum + key.length + (one.sql?.length ?? 0),
      name.length + sql.length,
    )
    requirePreparedRoom(held)
    const [statement, second] = await this.#query.parse(sql)
    if (second) {
      throw new AppError('query.syntax', 'A prepared statement is one statement; several came.', {
        hint: 'Send them one at a time, or without parameters.',
      })
    }
    this.#refuseInFailed(statement)
    if (statement?.kind === 'question') {
      const description = await this.#cancellable((signal) =>
        this.#query.describeQuestion(statement, parameterOids, signal),
      )
      this.#prepared.set(name, { sql, statement, declaredOids: [], description })
      return this.#output.write(parseComplete)
    }
    const declaredTypes = parameterOids.map(declaredType)
    const described = statement
      ? await this.#cancellable((signal) => this.#query.describe(statement, declaredTypes, signal))
      : { parameterTypes: [], columns: undefined }
    // Values come for all that were declared, also those the text does not use.
    const unused = declaredTypes.slice(described.parameterTypes.length).map((type) => type ?? stringType)
    const description = { ...described, parameterTypes: [...described.parameterTypes, ...unused] }
    this.#prepared.set(name, { sql, statement, declaredOids: parameterOids, description })
    this.#output.write(parseComplete)
  }

  async #bind(message: Message<'bind'>): Promise<void> {
    const prepared = await this.#preparedNamed(message.statement)
    this.#refuseInFailed(prepared.statement)
    const { parameterTypes, parameterOids, columns } = prepared.description
    const parameterCount = (parameterOids ?? parameterTypes).length
    if (message.parameters.length !== parameterCount) {
      throw new AppError(
        'query.parameters',
        `The statement takes ${parameterCount} parameters, ${message.parameters.length} came.`,
      )
    }
    const formats = formatsFor(message.parameters.length, message.parameterFormats)
    const given = parameterOids && {
      parameterOids,
      parameterFormats: message.parameterFormats,
      parameters: message.parameters,
    }
    const parameters = given
      ? []
      : message.parameters.map((bytes, index) =>
          literalOfParameter(
            declaredType(prepared.declaredOids[index] ?? 0) ?? parameterTypes[index]!,
            bytes,
            { format: formats[index] ?? 0, oid: prepared.declaredOids[index] ?? 0 },
          ),
        )
    if (columns) formatsFor(columns.length, message.resultFormats)
    if (message.portal !== '' && this.#portals.has(message.portal)) {
      throw new AppError(
        'query.cursor_exists',
        `There is a portal ${JSON.stringify(message.portal)} already.`,
      )
    }
    await this.#closePortal(message.portal)
    if (this.#portals.size >= portalsMax) {
      throw new AppError('query.limit', `A session has at most ${portalsMax} portals.`, {
        hint: 'Close those you no longer need, or end the transaction.',
      })
    }
    const stopping = new AbortController()
    this.#portals.set(message.portal, {
      prepared,
      parameters,
      ...(given ? { given } : {}),
      resultFormats: message.resultFormats,
      stopping,
      stopped: AbortSignal.any([stopping.signal, this.#closed]),
      progress: { kind: 'bound' },
    })
    this.#output.write(bindComplete)
  }

  async #describe({ target, name }: Message<'describe'>): Promise<void> {
    if (target === 'statement') {
      const { description, declaredOids } = await this.#preparedNamed(name)
      const oids =
        description.parameterOids ??
        description.parameterTypes.map((type, index) => {
          const oid = declaredOids[index] ?? 0
          return declaredType(oid) ? oid : parameterOid(type)
        })
      this.#output.write(parameterDescription(oids))
      return this.#output.write(description.columns ? rowDescription(description.columns, []) : noData)
    }
    // Cursors of SQL are portals too.
    const declared = this.#portals.has(name)
      ? undefined
      : await this.#cancellable((signal) => this.#query.cursorColumns(name, signal))
    if (declared) return this.#output.write(rowDescription(declared, []))
    const { prepared, resultFormats } = this.#portalNamed(name)
    const { columns } = prepared.description
    this.#output.write(columns ? rowDescription(columns, formatsFor(columns.length, resultFormats)) : noData)
  }

  async #execute(
    { portal: name, rowCountMax }: Message<'execute'>,
    rightsRevision: string | undefined,
  ): Promise<void> {
    const portal = this.#portalNamed(name)
    const { statement } = portal.prepared
    if (!statement) return this.#output.write(emptyQueryResponse)
    this.#refuseInFailed(statement)
    if (portal.progress.kind === 'done') {
      if (portal.prepared.description.columns)
        return this.#output.write(commandComplete(rowsTag(statement, 0)))
      throw new AppError('query.ended', `The portal ${JSON.stringify(name)} cannot be run again.`)
    }
    using _running = this.#running(portal.stopping)
    if (portal.progress.kind === 'bound') {
      if (await this.#handledHere(statement)) {
        portal.progress = { kind: 'done' }
        return
      }
      const rows = await this.#open(portal, statement, rightsRevision)
      if (!rows) return
    }
    if (portal.progress.kind !== 'open') return
    const { rows } = portal.progress
    const limit = rowCountMax === 0 ? Number.POSITIVE_INFINITY : rowCountMax
    const { rowCount, state } = await this.#send(rows, limit, portal.stopped)
    if (state === 'more') return this.#output.write(portalSuspended)
    await this.#finish(portal)
    this.#output.write(commandComplete(rowsTag(statement, rowCount)))
  }

  /** Runs the statement up to its first rows; undefined: it had none and is complete. */
  async #open(
    portal: Portal,
    statement: SessionStatement,
    rightsRevision: string | undefined,
  ): Promise<ResultRows | undefined> {
    const { description } = portal.prepared
    const results = this.#query.execute(statement, {
      takesCopy: true,
      parameters: portal.parameters,
      ...(portal.given ? { given: portal.given } : {}),
      encoding: (columns) => {
        refuseOtherColumns(description.columns, columns)
        return this.#encoding(formatsFor(columns.length, portal.resultFormats))
      },
      rightsRevision,
      signal: portal.stopped,
    })
    let tag: string | undefined
    for (;;) {
      const next = await results.next()
      if (next.done) break
      if (next.value.kind === 'command') {
        tag = next.value.tag
        continue
      }
      if (next.value.copy) {
        await using _rows = next.value.rows
        tag = `COPY ${await this.#copyOut(next.value, portal.stopped)}`
        continue
      }
      if (description.columns) {
        portal.progress = { kind: 'open', results, rows: next.value.rows }
        return next.value.rows
      }
      // A block's rows were not announced and cannot be sent here, but its SELECTs must run.
      await using rows = next.value.rows
      while ((await rows.pull({ rowCountMax: pullRowCountMax, bytesMax: pullBytesMax })).state === 'more');
    }
    portal.progress = { kind: 'done' }
    this.#complete(statement, tag ?? 'SELECT 0')
    return undefined
  }

  #encoding(formats: readonly (0 | 1)[]): Encoding {
    const isIso = this.#query.properties.get('intervalstyle') === 'iso_8601'
    return { kind: 'postgres', formats, ...(isIso ? { intervals: 'iso_8601' } : {}) }
  }

  /** All rows of a COPY … TO STDOUT; how many. */
  async #copyOut(
    { columns, rows, copy }: Extract<StatementResult, { kind: 'rows' }>,
    signal: AbortSignal,
  ): Promise<number> {
    this.#output.write(copyOutResponse(columns.length, copy?.kind === 'binary' ? 1 : 0))
    const { rowCount } = await this.#send(rows, Number.POSITIVE_INFINITY, signal)
    this.#output.write(copyDone)
    return rowCount
  }

  /** After the last row: what the statement still does (writing its log) is part of it. */
  async #finish(portal: Portal): Promise<void> {
    if (portal.progress.kind !== 'open') return
    const { rows, results } = portal.progress
    portal.progress = { kind: 'done' }
    await rows[Symbol.asyncDispose]()
    while (!(await results.next()).done);
  }

  /**
   * Never makes rows faster than the client takes them; where all are wanted, the next come while some are sent.
   * @param signal also aborts when the client is gone
   */
  async #send(
    rows: ResultRows,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ readonly rowCount: number; readonly state: 'more' | 'done' }> {
    let rowCount = 0
    let ahead: ReturnType<ResultRows['pull']> | undefined
    const goesOn = limit === Number.POSITIVE_INFINITY
    const pull = (): ReturnType<ResultRows['pull']> =>
      rows.pull({
        rowCountMax: Math.min(pullRowCountMax, limit - rowCount),
        bytesMax: pullBytesMax,
        goesOn,
      })
    try {
      for (;;) {
        const chunk = await (ahead ?? pull())
        ahead = undefined
        rowCount += chunk.rowCount
        if (chunk.state === 'more' && goesOn) {
          ahead = pull()
          ahead.catch(() => {}) // Met in the next turn, or nobody needs it.
        }
        if (chunk.isOwn) this.#output.give(chunk.bytes)
        else this.#output.write(chunk.bytes)
        if (chunk.state === 'done') return { rowCount, state: 'done' }
        await this.#output.room(signal)
        if (rowCount >= limit) return { rowCount, state: 'more' }
      }
    } finally {
      await ahead?.catch(() => {}) // What stopped us stops it too, and rows are disposed of when nothing pulls them.
    }
  }

  /** What ends a statement without rows, and what it means for the transaction. */
  #complete(statement: SessionStatement, tag: string): void {
    const wasFailed = this.#transaction === 'failed'
    if (isPoint(statement)) {
      // Nothing is undone, but the transaction goes on.
      if (statement.action === 'rollbackTo') this.#transaction = 'inTransaction'
    } else if (statement.kind === 'transaction') {
      const isWithin = this.#transaction !== 'idle'
      if (statement.action === 'begin') {
        if (isWithin)
          this.#output.write(warningResponse('There is a transaction in progress already.', '25001'))
        else this.#transaction = 'inTransaction'
      } else {
        if (!isWithin) this.#output.write(warningResponse('There is no transaction in progress.', '25P01'))
        this.#transaction = statement.isChained ? 'inTransaction' : 'idle'
        this.#savepoints.length = 0
      }
    }
    this.#output.write(commandComplete(wasFailed && statement.kind === 'transaction' ? 'ROLLBACK' : tag))
  }

  /** Prepared statements of the protocol share SQL's names, so PREPARE, DEALLOCATE and DISCARD mean them too. */
  async #handledHere(statement: SessionStatement): Promise<boolean> {
    this.#refuseInFailed(statement)
    if (this.#transaction === 'idle') refuseOutsideTransaction(statement)
    if (isPoint(statement)) this.#markSavepoint(statement)
    if (statement.kind === 'discard' && statement.what === 'all') {
      await this.#closePortals()
      this.#prepared.clear()
      return false
    }
    if (statement.kind === 'prepare' && this.#prepared.has(statement.name)) {
      throw statementExists(statement.name)
    }
    if (statement.kind !== 'deallocate') return false
    if (statement.name === 'all') {
      this.#prepared.clear()
      return false
    }
    if (!this.#prepared.delete(statement.name)) return false
    this.#output.write(commandComplete('DEALLOCATE'))
    return true
  }

  /** Their names are kept as PostgreSQL keeps them; a later one of the same name hides the earlier. */
  #markSavepoint({ action, name }: Savepoint): void {
    // As PostgreSQL cuts names. A copy: a slice would hold the whole.
    const key = Buffer.from(name.slice(0, nameCharactersMax)).toString().toLowerCase()
    if (action === 'savepoint') {
      if (this.#savepoints.length >= savepointsMax) {
        throw new AppError('query.limit', `A transaction has at most ${savepointsMax} savepoints.`)
      }
      return void this.#savepoints.push(key)
    }
    const index = this.#savepoints.lastIndexOf(key)
    if (index < 0) {
      throw new AppError('query.unknown_savepoint', `There is no savepoint ${JSON.stringify(name)}.`)
    }
    this.#savepoints.length = action === 'release' ? index : index + 1
  }

  #refuseInFailed(statement: SessionStatement | undefined): void {
    if (this.#transaction !== 'failed' || !statement) return
    if (statement.kind === 'transaction' && ['commit', 'rollback', 'rollbackTo'].includes(statement.action))
      return
    throw new AppError(
      'query.transaction_failed',
      'A statement of this transaction failed; until it ends, others are ignored.',
      { hint: 'Send ROLLBACK.' },
    )
  }

  async #sync(): Promise<void> {
    this.#skipsToSync = false
    if (this.#transaction === 'idle') await this.#closePortals()
    this.#ready()
  }

  #ready(): void {
    this.#reportProperties()
    this.#output.write(readyForQuery(this.#transaction))
    // Not held back for the answers to what was sent ahead: a client may act on it.
    this.#output.send()
    this.#isInPipeline = false
  }

  #fail(error: unknown, sql: string | undefined): void {
    if (this.#closed.aborted) return
    const known = toAppError(error)
    if (known.code === 'access.ended') throw known
    if (known.code === 'internal') this.#logger.log('error', 'pgwire.internal', { error })
    if (this.#transaction === 'inTransaction') this.#transaction = 'failed'
    this.#output.write(errorResponse({ severity: 'ERROR', error: known, sql }))
  }

  /** The text an error's position counts in. */
  #sqlOf(message: FrontendMessage): string | undefined {
    if (message.kind === 'parse') return message.sql
    if (message.kind === 'bind') return this.#prepared.get(message.statement)?.sql
    if (message.kind === 'execute') return this.#portals.get(message.portal)?.prepared.sql
    return undefined
  }

  /** Also what SQL prepared: its names are the protocol's, too. */
  async #preparedNamed(name: string): Promise<Prepared> {
    const prepared = this.#prepared.get(name)
    if (prepared) return prepared
    const bySql = this.#query.preparedBySql(name)
    if (bySql) {
      const { statement, types } = bySql
      const description = await this.#cancellable((signal) => this.#query.describe(statement, types, signal))
      return { sql: undefined, statement, declaredOids: [], description }
    }
    throw new AppError('query.unknown_statement', `There is no prepared statement ${JSON.stringify(name)}.`)
  }

  /** What SQL calls so: names of SQL are the same without case. @throws AppError 'query.unsupported' */
  #parsedAs(name: string): KeptStatement | undefined {
    const key = name.toLowerCase()
    const prepared =
      this.#prepared.get(name) ??
      Iterator.from(this.#prepared).find(([known]) => known !== '' && known.toLowerCase() === key)?.[1]
    const { statement, description } = prepared ?? {}
    if (!statement || !description) return undefined
    if (statement.kind !== 'question') return { statement, types: description.parameterTypes }
    throw new AppError(
      'query.unsupported',
      `${JSON.stringify(name)} asks the catalogue, which EXECUTE does not.`,
      {
        hint: 'Bind and execute it by the protocol, or send the question itself.',
      },
    )
  }

  #portalNamed(name: string): Portal {
    const portal = this.#portals.get(name)
    if (portal) return portal
    throw new AppError('query.unknown_cursor', `There is no portal ${JSON.stringify(name)}.`)
  }

  async #closePortal(name: string): Promise<void> {
    const portal = this.#portals.get(name)
    if (!portal) return
    this.#portals.delete(name)
    await closePortal(portal)
  }

  async #closePortals(): Promise<void> {
    for (const name of Array.from(this.#portals.keys())) await this.#closePortal(name)
  }

  /** A cancel request stops what this covers. */
  #running(controller: AbortController): Disposable {
    this.#current = controller
    return {
      [Symbol.dispose]: () => {
        this.#current = undefined
      },
    }
  }

  async #cancellable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const stopping = new AbortController()
    using _running = this.#running(stopping)
    return await work(AbortSignal.any([stopping.signal, this.#closed]))
  }

  /** Tells what changed of the properties that drivers follow. */
  #reportProperties(): void {
    for (const name of reportedProperties) {
      const value = this.#query.properties.get(name.toLowerCase())
      if (value === undefined || this.#reported.get(name) === value) continue
      this.#reported.set(name, value)
      this.#output.write(parameterStatus(name, value))
    }
  }
}

function rowsTag({ kind }: SessionStatement, rowCount: number): string {
  return `${kind === 'fetch' ? 'FETCH' : 'SELECT'} ${rowCount}`
}

function statementExists(name: string): AppError {
  return new AppError(
    'query.statement_exists',
    `There is a prepared statement ${JSON.stringify(name)} already.`,
  )
}

type Savepoint = Extract<SessionStatement, { readonly kind: 'transaction'; readonly name: string }>

function isPoint(statement: SessionStatement): statement is Savepoint {
  return statement.kind === 'transaction' && 'name' in statement
}

function refuseOutsideTransaction(statement: SessionStatement): void {
  const isChained = statement.kind === 'transaction' && 'isChained' in statement && statement.isChained
  if (!isPoint(statement) && !isChained) return
  const what = isChained ? 'AND CHAIN follows' : 'Savepoints are of'
  throw new AppError('query.no_transaction', `${what} a transaction, and there is none in progress.`, {
    hint: 'Send BEGIN first.',
  })
}

function declaredType(oid: number): DataType | undefined {
  if (oid === 0 || oid === 705) return undefined // Left to us; `unknown`.
  const type = typeOfOid(oid)
  if (type) return type
  throw new AppError(
    'query.unsupported',
    `Parameters of the PostgreSQL type with OID ${oid} are not supported.`,
    {
      hint: 'Declare the parameter as text, or leave its type open.',
    },
  )
}

/** The client reads rows by what it was told; a table that changed in between would be misread. */
function refuseOtherColumns(
  described: readonly ResultColumn[] | undefined,
  actual: readonly ResultColumn[],
): void {
  const oids = (columns: readonly ResultColumn[]): string =>
    columns.map(({ type, wire }) => (wire ?? wireTypeOf(type)).oid).join()
  if (described === undefined || oids(described) === oids(actual)) return
  throw new AppError('query.unsupported', 'The columns of the statement changed since it was prepared.', {
    hint: 'Prepare it again.',
    // By PostgreSQL's name for the place JDBC and asyncpg know that this is all it takes, and do so.
    detail: { routine: 'RevalidateCachedQuery' },
  })
}
