import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3Server } from './s3-server.ts'
import { startServerProcess } from './server-process.ts'
import { toolsCache } from './tools-cache.ts'

const program = join(toolsCache, 'minio-v0.0.0-20260212201848-7aac2a2c5b7c')

/** Only the heavy campaigns build it. */
export const hasMinio = existsSync(program)

/**
 * Another S3 server, which leaves the parts of an object where they are when it is completed, and compresses texts (`.txt`):
 * objects that repeat themselves may be larger than the disk.
 */
export async function startMinio(): Promise<Omit<S3Server, 'pathOf'>> {
  await using starting = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-minio-'))
  starting.defer(() => rm(folder, { recursive: true, force: true }))
  const data = join(folder, 'data')
  await mkdir(data)
  const credentials = { accessKeyId: randomBytes(8).toString('hex'), secretAccessKey: randomUUID() }
  const { port } = starting.use(
    await startServerProcess({
      program,
      args: (at) => ['server', '--quiet', '--address', `127.0.0.1:${at}`, data],
      cwd: folder,
      env: {
        HOME: folder,
        MINIO_ROOT_USER: credentials.accessKeyId,
        MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
        MINIO_COMPRESSION_ENABLE: 'on',
      },
    }),
  )
  const endpoint = `http://127.0.0.1:${port}`
  const region = 'us-east-1'
  const started = starting.move()
  return {
    endpoint,
    region,
    credentials,
    makeBucket: async () => {
      const bucket = `test-${randomUUID()}`
      const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
      try {
        await client.send(new CreateBucketCommand({ Bucket: bucket }))
      } finally {
        client.destroy()
      }
      return bucket
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
