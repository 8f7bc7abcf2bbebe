import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const cache = process.env['SLUICE_TEST_CACHE'] ?? join(homedir(), '.cache', 'sluice-tests')
const program = join(cache, 'versitygw-v1.8.0')

/** False where it could not be built: the tests that need it are skipped for all to see. */
export const hasS3Server = existsSync(program)

export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:…` */
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** A new, empty bucket. */
  makeBucket(): Promise<string>
  /** Where the server keeps the object, for a test's mischief. */
  pathOf(bucket: string, key: string): string
}

const startTries = 5
const readyMsMax = 20_000

/**
 * A real S3 server on loopback over a folder of its own, with a key nobody else has.
 * @param keepsAlive false: each connection ends with its answer. On one that is used again the server now and then
 *   fails to read the headers of Arrow's client, and says 400
 */
export async function startS3Server({ keepsAlive = true } = {}): Promise<S3Server> {
  await using starting = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
  starting.defer(() => rm(folder, { recursive: true, force: true }))
  const data = join(folder, 'data')
  await mkdir(data)
  await mkdir(join(folder, 'iam'))
  const credentials = {
    accessKeyId: `AK${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(20).toString('hex'),
  }
  const { child, port } = await startSomewhere({ folder, data, credentials, keepsAlive })
  starting.defer(() => stop(child))
  const started = starting.move()
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials,
    makeBucket: async () => {
      const bucket = `test-${randomUUID()}`
      await mkdir(join(data, bucket))
      return bucket
    },
    pathOf: (bucket, key) => join(data, bucket, key),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/** Between our choice of a free port and the server's use of it another may take it: then once more. */
async function startSomewhere(given: {
  readonly folder: string
  readonly data: string
  readonly credentials: S3Server['credentials']
  readonly keepsAlive: boolean
}) {
  const { folder, data, credentials, keepsAlive } = given
  for (let tries = 1; ; tries += 1) {
    const port = await freePort()
    const child = spawn(
      program,
      [
        '--port',
        `127.0.0.1:${port}`,
        '--quiet',
        ...(keepsAlive ? ['--keep-alive'] : []),
        '--iam-dir',
        join(folder, 'iam'),
        'posix',
        data,
      ],
      {
        cwd: folder,
        stdio: 'ignore',
        env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
      },
    )
    if (await isReady(child, port)) return { child, port }
    await stop(child)
    if (tries === startTries) throw new Error(`${program} did not start.`)
  }
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  const until = Date.now() + readyMsMax
  while (child.exitCode === null && Date.now() < until) {
    if (await canConnect(port)) return child.exitCode === null
    await delay(20)
  }
  return false
}

async function canConnect(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}
