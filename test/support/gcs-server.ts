import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServerProcess } from './server-process.ts'
import { toolsCache } from './tools-cache.ts'

const program = join(toolsCache, 'fake-gcs-server-v1.56.1')

/** False where it could not be built: the tests that need it are skipped for all to see. */
export const hasGcsServer = existsSync(program)

export interface GcsServer extends AsyncDisposable {
  /** `http://127.0.0.1:…` */
  readonly endpoint: string
  /** A service account's file, whose tokens come from this machine. */
  readonly serviceAccountKey: string
  /** Tokens given so far. */
  readonly tokenCount: () => number
  /** From now on no token is given. */
  disableAccount(): void
  /** A new, empty bucket. */
  makeBucket(): Promise<string>
}

/** A server of Google's JSON interface on loopback, and one that gives tokens; it asks nobody for them. */
export async function startGcsServer(): Promise<GcsServer> {
  await using starting = new AsyncDisposableStack()
  const { port } = starting.use(
    await startServerProcess({
      program,
      args: (at) => ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(at), '-backend', 'memory'],
      cwd: tmpdir(),
      env: {},
    }),
  )
  const endpoint = `http://127.0.0.1:${port}`
  let [tokenCount, isEnabled] = [0, true]
  const tokens = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      if (!isEnabled) return void response.writeHead(401).end('{"error":"invalid_grant"}')
      tokenCount += 1
      response.end(JSON.stringify({ access_token: 'a-token', expires_in: 3_600 }))
    })
  })
  tokens.listen(0, '127.0.0.1')
  await once(tokens, 'listening')
  starting.defer(async () => {
    tokens.closeAllConnections()
    tokens.close()
    await once(tokens, 'close')
  })
  const address = tokens.address()
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const started = starting.move()
  return {
    endpoint,
    serviceAccountKey: JSON.stringify({
      type: 'service_account',
      client_email: 'sluice@project.iam.gserviceaccount.com',
      private_key: privateKey,
      token_uri: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/token`,
    }),
    tokenCount: () => tokenCount,
    disableAccount: () => void (isEnabled = false),
    makeBucket: async () => {
      const name = `test-${randomUUID()}`
      const answer = await fetch(`${endpoint}/storage/v1/b?project=p`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      })
      if (!answer.ok) throw new Error(`No bucket was made: HTTP ${answer.status}`)
      return name
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
