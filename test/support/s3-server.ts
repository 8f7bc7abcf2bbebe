import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServerProcess } from './server-process.ts'
import { toolsCache } from './tools-cache.ts'

const program = join(toolsCache, 'versitygw-v1.8.0')

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

/**
 * A real S3 server on loopback over a folder of its own, with a key nobody else has.
 * @param keepsAlive false: each connection ends with its answer. On one that is used again the server now and then
 *   fails to read the headers of Arrow's client, and says 400
 * @param takesManyParts true: what it notes of an object lies in files; attributes of a file have room for some hundred parts
 */
export async function startS3Server({ keepsAlive = true, takesManyParts = false } = {}): Promise<S3Server> {
  await using starting = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
  starting.defer(() => rm(folder, { recursive: true, force: true }))
  const data = join(folder, 'data')
  await mkdir(data)
  const notes = join(folder, 'notes')
  for (const path of [join(folder, 'iam'), notes]) await mkdir(path)
  const credentials = {
    accessKeyId: `AK${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(20).toString('hex'),
  }
  const iam = join(folder, 'iam')
  const { port } = starting.use(
    await startServerProcess({
      program,
      args: (at) => [
        '--port',
        `127.0.0.1:${at}`,
        '--quiet',
        ...(keepsAlive ? ['--keep-alive'] : []),
        '--iam-dir',
        iam,
        'posix',
        ...(takesManyParts ? ['--sidecar', notes] : []),
        data,
      ],
      cwd: folder,
      env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
    }),
  )
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
