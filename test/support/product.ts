import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

export interface ProductOptions {
  readonly home: string
  /** `name@server` or `name@child`: what dies where. */
  readonly faultPoint?: string
  /** Instead of a PostgreSQL of its own. */
  readonly databaseUrl?: string
  readonly logLevel?: 'debug' | 'warn'
  /** Settings. */
  readonly env?: Readonly<Record<string, string>>
  /** Told everything the program writes, on both streams, though it never comes to be ready. */
  readonly onOutput?: (text: string) => void
}

/** The real program on a home of its own, as a user's client sees it. */
export interface Product extends AsyncDisposable {
  readonly http: string
  readonly postgres: string
  readonly pid: number
  /** Of its administrator, on every call. */
  readonly headers: Readonly<Record<string, string>>
  /** Resolves when the process is gone, however it went. */
  readonly exited: Promise<void>
  isRunning(): boolean
  /** Everything it has written so far, on both streams. */
  output(): string
  /** JSON in, JSON out; throws on any status from 400 on, with the body in the message. */
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>
  /** A body that is no JSON. */
  text(path: string): Promise<string>
  upload(path: string, bytes: string | Uint8Array<ArrayBuffer>): Promise<void>
  /** Rows of one query, as arrays of the engine's JSON values. */
  rows(sql: string): Promise<unknown[][]>
  /** Statements without rows. */
  run(sql: string): Promise<void>
}

export async function startProduct({
  home,
  faultPoint,
  databaseUrl,
  logLevel = 'warn',
  env = {},
  onOutput,
}: ProductOptions): Promise<Product> {
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      main,
      'serve',
      '--home',
      home,
      '--http',
      '127.0.0.1:0',
      '--postgres',
      '127.0.0.1:0',
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        SLUICE_LOG_LEVEL: logLevel,
        ...(databaseUrl ? { SLUICE_DATABASE_URL: databaseUrl } : {}),
        ...env,
        ...(faultPoint ? { SLUICE_FAULT_POINT: faultPoint } : {}),
      },
    },
  )
  let log = ''
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      onOutput?.(chunk.toString())
    })
  }
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-20_000)))
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ready = await readyLine(child, () => log)
  const credentials = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
  const token = await signIn(ready.http, credentials).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  const headers = {
    authorization: `Bearer ${token}`,
    'x-api-key': credentials.clientId,
    'x-gw-ims-org-id': credentials.organizationId,
    'x-sandbox-name': 'prod',
  }
  const send = async (
    method: string,
    path: string,
    type: string,
    body: string | Uint8Array<ArrayBuffer> | undefined,
  ) => {
    const answer = await fetch(`${ready.http}${path}`, {
      method,
      headers: body === undefined ? headers : { ...headers, 'content-type': type },
      ...(body === undefined ? {} : { body }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text
  }
  const sql = (statement: string, format: string): Promise<string> =>
    send(
      'POST',
      '/sluice/v1/sql',
      'application/json',
      JSON.stringify({ sql: statement, database: 'prod:all', format }),
    )
  return {
    ...ready,
    pid: child.pid!,
    headers,
    exited,
    output: () => output,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const text = await send(
        method,
        path,
        'application/json',
        body === undefined ? undefined : JSON.stringify(body),
      )
      return (text === '' ? {} : JSON.parse(text)) as T
    },
    text: (path) => send('GET', path, 'text/plain', undefined),
    async upload(path, bytes) {
      await send('PUT', path, 'application/octet-stream', bytes)
    },
    async rows(statement) {
      const text = await sql(statement, 'ndjson')
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => Object.values(JSON.parse(line) as object))
    },
    async run(statement) {
      await sql(statement, 'ndjson')
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function signIn(
  http: string,
  credentials: { clientId: string; clientSecret: string },
): Promise<string> {
  const answer = await fetch(`${http}/ims/token/v3`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: credentials.clientId,
      client_secret: credentials.clientSecret,
    }),
  })
  const body = (await answer.json()) as { access_token?: string }
  if (!body.access_token) throw new Error(`No token: ${JSON.stringify(body)}`)
  return body.access_token
}

function readyLine(child: ChildProcess, log: () => string): Promise<{ http: string; postgres: string }> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.once('exit', (code) =>
      reject(new Error(`The server ended with ${code} before it served.\n${log()}`)),
    )
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const line = text.split('\n').find((candidate) => candidate.includes('"ready"'))
      if (line) resolve(JSON.parse(line) as { http: string; postgres: string })
    })
  })
}
