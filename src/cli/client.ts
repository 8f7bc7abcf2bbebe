import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text as textOf } from 'node:stream/consumers'
import { http, https } from '#base/node-http.ts'
import { codeOf } from '#base/system-error.ts'
import { CliError, exitCodeOf, exitCodes } from './exit-code.ts'
import { harmless } from './text.ts'

/** What the credentials file of the home holds. */
export interface Credentials {
  readonly organizationId: string
  readonly clientId: string
  readonly clientSecret: string
  readonly sqlUser: string
  readonly sqlPassword: string
}

/** Speaks the public REST endpoints as the administrator of the home. */
export interface Client {
  readonly http: string
  readonly postgres: string
  readonly signal: AbortSignal
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  call(method: 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<void>
  /** Streams a file. */
  upload<T>(method: 'PUT' | 'POST', path: string, bytes: AsyncIterable<Uint8Array>): Promise<T>
  /** The answer's body as it comes. */
  stream(path: string, body: unknown): Promise<AsyncIterable<Uint8Array>>
}

/** A refusal in the server's words. */
export class RestError extends CliError {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string, hint: string | undefined) {
    super(exitCodeOf(code), message, hint)
    this.status = status
    this.code = code
  }
}

/** Something of that name, or in that state, was there before. */
export function isConflict(error: unknown): boolean {
  return error instanceof RestError && error.status === 409
}

export interface ClientOptions {
  readonly http: string
  readonly postgres: string
  readonly credentials: Credentials
  /** Absent: `prod`. */
  readonly sandbox?: string | undefined
  readonly signal: AbortSignal
}

export async function createClient(options: ClientOptions): Promise<Client> {
  const { http, postgres, credentials, sandbox = 'prod', signal } = options
  const fields = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: credentials.clientId,
    client_secret: credentials.clientSecret,
  })
  const token = await json<{ access_token: string }>(
    await send({
      method: 'POST',
      url: `${http}/ims/token/v3`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: [Buffer.from(fields.toString())],
      signal,
    }),
  )
  const headers = {
    authorization: `Bearer ${token.access_token}`,
    'x-api-key': credentials.clientId,
    'x-gw-ims-org-id': credentials.organizationId,
    'x-sandbox-name': sandbox,
    'user-agent': 'sluice-cli',
  }
  const ask = (method: string, path: string, body: unknown) =>
    send({
      method,
      url: http + path,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      body: body === undefined ? undefined : [Buffer.from(JSON.stringify(body))],
      signal,
    })
  return {
    http,
    postgres,
    signal,
    get: async <T>(path: string) => json<T>(await ask('GET', path, undefined)),
    post: async <T>(path: string, body?: unknown) => json<T>(await ask('POST', path, body)),
    call: async (method, path, body) => {
      await json(await ask(method, path, body))
    },
    upload: async <T>(method: 'PUT' | 'POST', path: string, bytes: AsyncIterable<Uint8Array>) =>
      json<T>(
        await send({
          method,
          url: http + path,
          headers: { ...headers, 'content-type': 'application/octet-stream' },
          body: bytes,
          signal,
        }),
      ),
    stream: (path, body) => ask('POST', path, body),
  }
}

interface Sent {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | undefined
  readonly signal: AbortSignal
}

/** @throws RestError for every answer from 400 on. */
async function send({ method, url, headers, body, signal }: Sent): Promise<IncomingMessage> {
  const request = (url.startsWith('https:') ? https : http).request
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request(url, { method, headers, signal })
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
    if (body === undefined) outgoing.end()
    // An answer may come before all is sent: then it says why, and the broken pipe is of no interest.
    else pipeline(Readable.from(body, { objectMode: false }), outgoing).catch(reject)
  }).catch((error: unknown) => {
    signal.throwIfAborted()
    const code = codeOf(error)
    if (['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND'].includes(code)) {
      throw new CliError(
        exitCodes.unavailable,
        `The server at ${new URL(url).origin} does not answer (${code}).`,
      )
    }
    throw error
  })
  const status = answer.statusCode ?? 0
  if (status < 400) return answer
  throw refusal(status, await textOf(answer))
}

async function json<T>(answer: IncomingMessage): Promise<T> {
  const text = await textOf(answer)
  return (text === '' ? {} : JSON.parse(text)) as T
}

function refusal(status: number, text: string): RestError {
  let body: Record<string, unknown> = {}
  try {
    body = JSON.parse(text) as Record<string, unknown>
  } catch {
    // Not ours: a proxy's page, perhaps. The status says enough.
  }
  const said = (key: string) => (typeof body[key] === 'string' ? harmless(body[key]) : undefined)
  const hint = said('hint')
  let message =
    said('detail') ??
    said('errorMessage') ??
    said('message') ??
    said('error_description') ??
    `HTTP status ${status}`
  if (hint !== undefined && message.endsWith(hint)) message = message.slice(0, -hint.length).trimEnd()
  const position = body['position'] as { line?: number; column?: number } | undefined
  if (position?.line !== undefined) message += ` (line ${position.line}, column ${position.column})`
  const fallback = status === 401 || status === 403 ? 'access.denied' : 'request.invalid'
  return new RestError(status, said('code') ?? fallback, message, hint)
}
