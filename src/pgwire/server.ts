import { createServer, type Server, type Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { Access } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import type { QueryService } from '#query/query.ts'
import { errorResponse } from './backend-messages.ts'
import { type CancelBell, CancelKeys } from './cancel-keys.ts'
import type { TlsFiles } from './certificate.ts'
import { Connection } from './connection.ts'
import { endPointOf } from './end-point.ts'
import { mockVerifiers } from './scram-exchange.ts'

export interface PostgresServerOptions {
  readonly query: QueryService
  readonly access: Access
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly tls: TlsFiles
  /** By which a cancel reaches the node that has the session. */
  readonly cancelBell: CancelBell
  readonly limits: { readonly sessionsMax: number; readonly sessionIdleMs: number }
  readonly logger: Logger
  /** From connecting to having signed in. */
  readonly startupTimeoutMs?: number
  /** How long a stop waits for statements to end. */
  readonly stopTimeoutMs?: number
  /** One stranger too many ends the oldest of them when that has had so long; in a rush the newest is refused. */
  readonly patienceMs?: number
  /** Whether a client at that address may speak without TLS; by default this machine's own may. */
  readonly allowsPlainText?: (address: string | undefined) => boolean
}

const startupTimeoutDefaultMs = 10_000
const stopTimeoutDefaultMs = 10_000
/** Connections that are still signing in, or only cancel, beside the sessions. */
const strangersMax = 50
const patienceDefaultMs = 250
/** How long who is refused may take to hear so. */
const refusalMs = 1_000
/** How often one looks for sessions that are idle for too long, at least. */
const idleLookMaxMs = 60_000

/**
 * Serves the PostgreSQL protocol. Disposing it stops listening, ends idle sessions at once, lets running statements
 * end, and after a while ends those too.
 * @throws AppError 'port.in_use', 'config.invalid'
 */
export async function startPostgresServer(
  options: PostgresServerOptions,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const { query, access, host, port, limits, logger, patienceMs = patienceDefaultMs } = options
  const cancelKeys = new CancelKeys(options.cancelBell, logger)
  const connections = new Set<Connection>()
  const ended = new Set<Promise<void>>()
  let sessionCount = 0
  const services = {
    query,
    access,
    logger,
    secureContext: secureContextOf(options.tls),
    endPoint: endPointOf(options.tls.cert),
    cancelKeys,
    mockVerifier: mockVerifiers(),
    allowsPlainText: options.allowsPlainText ?? isOwnAddress,
    startupTimeoutMs: options.startupTimeoutMs ?? startupTimeoutDefaultMs,
    admit: (): Disposable | undefined => {
      if (sessionCount >= limits.sessionsMax) return undefined
      sessionCount += 1
      return { [Symbol.dispose]: () => void (sessionCount -= 1) }
    },
  }
  const server = createServer((socket: Socket) => {
    if (connections.size >= limits.sessionsMax + strangersMax) {
      // Who signs in does so in a moment; who only stands there must not keep others out.
      const oldest = Iterator.from(connections).find(({ isSignedIn }) => !isSignedIn)
      if (!oldest || performance.now() - oldest.madeAtMs < patienceMs) return refuse(socket)
      connections.delete(oldest)
      oldest.stop(tooMany())
    }
    const connection = new Connection(socket, services)
    connections.add(connection)
    const running = connection.run().finally(() => {
      connections.delete(connection)
      ended.delete(running)
    })
    ended.add(running)
  })
  await listening(server, host, port)
  const idleLooks = setInterval(
    () => connections.forEach((connection) => connection.stopIdle(limits.sessionIdleMs)),
    Math.min(limits.sessionIdleMs / 4, idleLookMaxMs),
  ).unref()
  const hearing = await cancelKeys.listen()
  server.on('error', (error) => logger.log('error', 'pgwire.server', { error }))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    [Symbol.asyncDispose]: async () => {
      clearInterval(idleLooks)
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const connection of connections) connection.stop()
      const timer = setTimeout(() => {
        for (const connection of connections) connection.kill()
      }, options.stopTimeoutMs ?? stopTimeoutDefaultMs)
      await Promise.all(ended)
      clearTimeout(timer)
      await hearing[Symbol.asyncDispose]()
      await closed
    },
  }
}

/** In the clear, since TLS is agreed on with those alone who are let in; libpq and its like show it. */
function refuse(socket: Socket): void {
  socket.on('error', () => socket.destroy())
  socket.end(errorResponse({ severity: 'FATAL', error: tooMany() }))
  socket.setTimeout(refusalMs, () => socket.destroy())
}

function tooMany(): AppError {
  return new AppError('connection.limit', 'Session Limit Reached: too many connections are being made.')
}

function secureContextOf({ cert, key }: TlsFiles) {
  try {
    return createSecureContext({ cert, key, minVersion: 'TLSv1.2' })
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      'The certificate and key for the PostgreSQL protocol are no usable pair.',
      {
        cause,
        hint: 'Check tls.postgresCertificate and tls.postgresKey: PEM files that belong together.',
      },
    )
  }
}

/** Loopback, also as IPv4 within IPv6. */
export function isOwnAddress(address: string | undefined): boolean {
  return address !== undefined && /^(?:::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/i.test(address)
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const what =
        cause.code === 'EADDRINUSE' ? 'is in use already' : `cannot be listened on (${cause.code ?? '?'})`
      reject(
        new AppError('port.in_use', `The address ${host}:${port} for the PostgreSQL protocol ${what}.`, {
          cause,
          hint: 'Choose another one with --postgres HOST:PORT.',
        }),
      )
    })
    server.listen({ host, port }, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}
