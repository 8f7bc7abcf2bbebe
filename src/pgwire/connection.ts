import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import type { Access, ScramVerifier, SqlLogin } from '#access/access.ts'
import { AppError, toAppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import { withRequestContext } from '#base/request-context.ts'
import type { QueryService } from '#query/query.ts'
import {
  authenticationClearText,
  authenticationOk,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  backendKeyData,
  errorResponse,
  negotiateProtocolVersion,
  noticeResponse,
} from './backend-messages.ts'
import type { CancelKeys } from './cancel-keys.ts'
import { parseDatabaseName } from './database-name.ts'
import { type Frame, Framer } from './framer.ts'
import {
  type FrontendMessage,
  parseFrontend,
  parseStartup,
  type StartupMessage,
} from './frontend-messages.ts'
import { Input } from './input.ts'
import { Output } from './output.ts'
import { malformed, PayloadReader } from './payload-reader.ts'
import { ScramExchange } from './scram-exchange.ts'
import { Session } from './session.ts'
import { startupProperties } from './startup-properties.ts'

/** PostgreSQL's own limit of a startup packet; SASL messages are far smaller. */
const strangerBytesMax = 10_000
/** A statement may have 1 000 000 characters, and parameters beside. */
const messageBytesMax = 32 * 1024 * 1024
/** A client asks for GSS encryption, then for TLS, then starts. */
const negotiationsMax = 3
/** How long a client may take to read our last words. */
const goodbyeMs = 2_000

export interface ConnectionServices {
  readonly query: QueryService
  readonly access: Access
  readonly secureContext: SecureContext
  /** Of its certificate, for clients that bind their sign-in to it. */
  readonly endPoint: Buffer | undefined
  readonly cancelKeys: CancelKeys
  readonly mockVerifier: (user: string) => ScramVerifier
  /** Whether a client at that address may speak without TLS. */
  readonly allowsPlainText: (address: string | undefined) => boolean
  /** Takes the place of a session; undefined when all are taken. */
  readonly admit: () => Disposable | undefined
  readonly startupTimeoutMs: number
  readonly logger: Logger
}

/** Users of that form sign in as the reference platform has them do. */
const organizationId = /^[^@\s]+@AdobeOrg$/i

type Startup = Extract<StartupMessage, { kind: 'startup' }>

/**
 * One client's connection, from the first byte to the last:
 *
 *   startup → (TLS →) startup → authenticating → session (idle, in transaction, failed) → closed
 *
 * Before the client has proved who it is, every message is small and all of it must be done in a set time.
 */
export class Connection {
  readonly #services: ConnectionServices
  readonly #tcp: Socket
  readonly #framer = new Framer(strangerBytesMax)
  readonly #input = new Input(this.#framer)
  readonly #output: Output
  readonly #stopping = new AbortController()
  /** By the clock of `performance`. */
  readonly madeAtMs = performance.now()
  #isEncrypted = false
  #isSignedIn = false
  #session: Session | undefined
  /** Since when a signed-in client is waited for. */
  #silentSince: number | undefined

  constructor(socket: Socket, services: ConnectionServices) {
    this.#services = services
    this.#tcp = socket
    this.#output = new Output(socket, this.#input.closed)
  }

  /** Ends when the connection does. Never rejects. */
  async run(): Promise<void> {
    const context = { requestId: randomUUID(), address: this.#tcp.remoteAddress }
    await withRequestContext(context, () => this.#run())
  }

  async #run(): Promise<void> {
    const { logger, startupTimeoutMs } = this.#services
    this.#tcp.setNoDelay(true).setKeepAlive(true)
    // A broken connection is the client's business: `close` follows and ends everything.
    this.#tcp.on('error', (error) => logger.log('debug', 'pgwire.socket', { error }))
    this.#input.attach(this.#tcp)
    const timer = setTimeout(() => this.#tcp.destroy(), startupTimeoutMs)
    try {
      const startup = await this.#negotiate()
      if (startup) await this.#serve(startup, timer)
    } catch (error) {
      this.#fatal(error)
    } finally {
      clearTimeout(timer)
      this.#output.end()
      // What was written is sent, unless the client does not take it.
      const goodbye = setTimeout(() => this.#tcp.destroy(), goodbyeMs)
      this.#tcp.once('close', () => clearTimeout(goodbye))
    }
  }

  /** Whether it has the place of a session. */
  get isSignedIn(): boolean {
    return this.#isSignedIn
  }

  /** Ends the connection once nothing is under way. */
  stop(reason: AppError = stopped()): void {
    this.#stopping.abort(reason)
  }

  /** Ends the connection if its client has been silent for so long. */
  stopIdle(idleMs: number): void {
    if (this.#silentSince === undefined || performance.now() - this.#silentSince < idleMs) return
    const reason = new AppError('connection.idle', `The session was idle for ${idleMs / 1000} s.`, {
      hint: 'Connect again, or raise limits.sessionIdleMs.',
    })
    // Within half-sent messages there is nobody to speak to.
    if (this.#session?.isAtRest) this.#stopping.abort(reason)
    else this.#tcp.destroy()
  }

  /** Ends it, whatever is under way; a client that listens hears why. */
  kill(): void {
    this.#session?.cancel(stopped())
    setTimeout(() => this.#tcp.destroy(), goodbyeMs).unref()
  }

  /** Up to a startup message; undefined when the connection only wanted to cancel, or is gone. */
  async #negotiate(): Promise<Startup | undefined> {
    for (let count = 0; count < negotiationsMax; count++) {
      const frame = await this.#nextOfStranger()
      if (!frame) return undefined
      const message = parseStartup(frame.payload)
      switch (message.kind) {
        case 'startup':
          return message
        case 'cancel':
          await this.#services.cancelKeys.cancel(message)
          return undefined
        case 'gssEncryption':
          await this.#reply('N')
          break
        case 'ssl':
          await this.#encrypt()
          break
      }
    }
    throw malformed('encryption was asked for again and again')
  }

  /** Undefined when the client is gone. */
  async #nextOfStranger(): Promise<Frame | undefined> {
    const frame = await this.#input.next(this.#stopping.signal)
    if (!frame && !this.#input.closed.aborted) throw this.#stopping.signal.reason
    return frame
  }

  async #reply(text: string): Promise<void> {
    this.#output.write(Buffer.from(text))
    await this.#output.flush()
  }

  async #encrypt(): Promise<void> {
    // What came with the request was not encrypted; taking it as if it had been would let a stranger speak first.
    if (this.#isEncrypted || this.#input.hasBytes) throw malformed('bytes came before TLS was agreed')
    await this.#reply('S')
    this.#input.detach()
    const { secureContext, logger } = this.#services
    const socket = new TLSSocket(this.#tcp, { isServer: true, secureContext })
    socket.on('error', (error) => {
      logger.log('debug', 'pgwire.tls', { error })
      this.#tcp.destroy()
    })
    this.#isEncrypted = true
    this.#output.socket = socket
    this.#input.attach(socket)
  }

  async #serve(startup: Startup, timer: NodeJS.Timeout): Promise<void> {
    const { parameters } = startup
    this.#checkStartup(startup)
    this.#framer.expectTyped()
    const unknownOptions = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'))
    if (startup.minorVersion > 0 || unknownOptions.length > 0) {
      this.#output.write(negotiateProtocolVersion(unknownOptions))
    }
    const user = parameters.get('user') ?? ''
    const login = await this.#authenticate(user)
    if (!login) return
    using place = this.#services.admit()
    if (!place) {
      throw new AppError('connection.limit', 'Session Limit Reached: all sessions are taken.', {
        hint: 'Close some, or raise limits.sessionsMax.',
      })
    }
    this.#isSignedIn = true
    clearTimeout(timer)
    using key = this.#services.cancelKeys.register(() => this.#session?.cancel(cancelled()))
    await using session = await this.#open({ user, login, parameters, processId: key.processId })
    this.#session = session
    this.#output.write(backendKeyData(key.processId, key.secret))
    session.begin()
    this.#framer.bytesMax = messageBytesMax
    await this.#converse(session)
  }

  #checkStartup({ majorVersion, minorVersion, parameters }: Startup): void {
    if (majorVersion !== 3) {
      throw new AppError(
        'query.unsupported',
        `Version 3.0 of the PostgreSQL protocol was expected, ${majorVersion}.${minorVersion} came.`,
      )
    }
    if (!this.#isEncrypted && !this.#services.allowsPlainText(this.#tcp.remoteAddress)) {
      throw new AppError('connection.insecure', 'Beyond this machine, connections must be encrypted.', {
        hint: 'Connect with sslmode=require.',
      })
    }
    if (!['', 'false', 'off', 'no', '0'].includes(parameters.get('replication')?.toLowerCase() ?? '')) {
      throw new AppError('query.unsupported', 'The replication protocol is not supported.')
    }
    if ((parameters.get('user') ?? '') === '') {
      throw new AppError('connection.insecure', 'No user was named.', { hint: 'Connect with a user name.' })
    }
  }

  /** Undefined when the client went away. @throws AppError 'access.unauthenticated', 'access.too_many' */
  async #authenticate(user: string): Promise<SqlLogin | undefined> {
    const { access, mockVerifier, endPoint } = this.#services
    if (organizationId.test(user)) return await this.#clearText(user)
    const signIn = await access.sqlSignIn(user)
    const exchange = new ScramExchange(signIn.verifier ?? mockVerifier(user), {
      endPoint: this.#isEncrypted ? endPoint : undefined,
    })
    this.#output.write(authenticationSasl(exchange.mechanisms))
    const first = await this.#saslMessage()
    if (!first) return undefined
    const initial = new PayloadReader(first)
    const mechanism = initial.text()
    const clientFirst = initial.bytes(Math.max(0, initial.int32())).toString('utf8')
    initial.end()
    this.#output.write(authenticationSaslContinue(exchange.answerFirst(mechanism, clientFirst)))
    const last = await this.#saslMessage()
    if (!last) return undefined
    const proof = exchange.answerFinal(last.toString('utf8'))
    if (proof === undefined || !signIn.verifier) {
      await signIn.refused()
      throw new AppError('access.unauthenticated', 'The user or the password is wrong.', {
        hint: 'See them with: sluice credentials',
      })
    }
    this.#output.write(authenticationSaslFinal(proof.message))
    this.#output.write(authenticationOk)
    return signIn.proved(proof.storedKey)
  }

  /** A password that anybody on the way could read is never asked for, not even on this machine. */
  async #clearText(user: string): Promise<SqlLogin | undefined> {
    if (!this.#isEncrypted) {
      throw new AppError('connection.insecure', 'Tokens are taken over encrypted connections only.', {
        hint: 'Connect with sslmode=require.',
      })
    }
    this.#output.write(authenticationClearText)
    const answer = await this.#saslMessage()
    if (!answer) return undefined
    const reader = new PayloadReader(answer)
    const password = reader.text()
    reader.end()
    const login = await this.#services.access.clearTextSignIn(user, password)
    this.#output.write(authenticationOk)
    return login
  }

  async #saslMessage(): Promise<Buffer | undefined> {
    await this.#output.flush()
    const frame = await this.#nextOfStranger()
    if (frame && frame.type !== 'p') throw malformed('an answer to the authentication request was expected')
    return frame?.payload
  }

  async #open(client: {
    readonly user: string
    readonly login: SqlLogin
    readonly parameters: ReadonlyMap<string, string>
    readonly processId: number
  }): Promise<Session> {
    const { user, login, parameters, processId } = client
    const { query, access, logger } = this.#services
    const { principal } = login
    const { sandbox: name, database, option } = parseDatabaseName(parameters.get('database'), user)
    const isFlat = option?.toLowerCase() === 'flatten'
    if (option !== undefined && !isFlat) {
      throw new AppError('query.unsupported', `There is no option ?${option.slice(0, 40)} of a database.`, {
        hint: 'Leave it out of the database name, or say ?FLATTEN.',
      })
    }
    const sandbox = await access.sandbox(principal, name)
    let session: Session | undefined
    const early: string[] = []
    const querySession = await query.openSession({
      caller: { principal, sandbox },
      database,
      processId,
      client: parameters.get('application_name')?.slice(0, 100) || 'PostgreSQL',
      properties: new Map([
        ...startupProperties(parameters),
        ...(isFlat ? [['flatten', 'true'] as const] : []),
      ]),
      onNotice: (notice) => (session ? session.notice(notice) : early.push(notice)),
    })
    session = new Session({
      query: querySession,
      checkLogin: () => login.check(),
      output: this.#output,
      closed: this.#input.closed,
      logger: logger.child({ principalId: principal.id }),
    })
    for (const notice of early) this.#output.write(noticeResponse(notice))
    return session
  }

  async #converse(session: Session): Promise<void> {
    for (;;) {
      let frame = this.#input.take()
      if (!frame) {
        await this.#output.flush()
        this.#silentSince = performance.now()
        frame = await this.#input.next(session.isAtRest ? this.#stopping.signal : undefined)
        this.#silentSince = undefined
      }
      if (!frame) {
        if (this.#input.closed.aborted) return
        throw this.#stopping.signal.reason
      }
      const message = readable(frame)
      if (message instanceof AppError) session.refuse(frame.type, message)
      else if (message.kind === 'terminate') return
      else await session.handle(message)
      // Of what came together each waits for the client to have read the answers before.
      await this.#output.room()
      if (session.isAtRest) this.#stopping.signal.throwIfAborted()
    }
  }

  /** The last thing a client hears. */
  #fatal(error: unknown): void {
    if (this.#input.closed.aborted) return
    const known = toAppError(error)
    const { logger } = this.#services
    if (known.code === 'internal') logger.log('error', 'pgwire.internal', { error })
    else logger.log('debug', 'pgwire.refused', { code: known.code })
    this.#output.write(errorResponse({ severity: 'FATAL', error: known }))
  }
}

/** A text in another encoding is its statement's fault; what is malformed otherwise ends the connection. */
function readable(frame: Frame): FrontendMessage | AppError {
  try {
    return parseFrontend(frame)
  } catch (error) {
    if (error instanceof AppError && error.code === 'query.encoding') return error
    throw error
  }
}

function stopped(): AppError {
  return new AppError('server.stopping', 'Sluice is stopping.', { hint: 'Connect again in a moment.' })
}

function cancelled(): AppError {
  return new AppError('query.cancelled', 'The statement was cancelled at your request.')
}
