import { createHash, type Hash } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { hasAzureServer, startAzureServer } from '../../test/support/azure-server.ts'
import { hasGcsServer, startGcsServer } from '../../test/support/gcs-server.ts'
import { hasS3Server, startS3Server } from '../../test/support/s3-server.ts'
import { hasOpenSsh, startOpenSsh } from '../../test/support/sftp-server.ts'
import { openAzureStore } from './azure/azure-store.ts'
import { openGcsStore } from './gcs/gcs-store.ts'
import type { ObjectStore } from './object-store.ts'
import { type RemotePolicy, remotePolicy } from './remote/policy.ts'
import { openS3Store } from './s3/s3-store.ts'
import { openSftpStore } from './sftp/sftp-store.ts'

const { signal } = new AbortController()
const mebibyte = 1024 * 1024
const policy: RemotePolicy = { ...remotePolicy, partBytes: 40 * mebibyte }
const objectBytes = 100 * mebibyte

const servers = new AsyncDisposableStack()
afterAll(() => servers.disposeAsync())

/** A store of each kind over an empty place, its parts of 40 MiB. */
const kinds: readonly (readonly [string, boolean, () => Promise<ObjectStore>])[] = [
  [
    's3',
    hasS3Server,
    async () => {
      const server = servers.use(await startS3Server())
      const { region, endpoint, credentials } = server
      const config = { kind: 's3', bucket: await server.makeBucket(), prefix: '', region, endpoint } as const
      return await openS3Store(config, { credentials, policy })
    },
  ],
  [
    'azure',
    hasAzureServer,
    async () => {
      const server = servers.use(await startAzureServer())
      const { account, accountKey, endpoint } = server
      const container = await server.makeContainer()
      const config = { kind: 'azure', account, container, prefix: '', endpoint } as const
      return await openAzureStore(config, { credentials: { kind: 'key', accountKey }, policy })
    },
  ],
  [
    'gcs',
    hasGcsServer,
    async () => {
      const server = servers.use(await startGcsServer())
      const { endpoint, serviceAccountKey } = server
      const config = { kind: 'gcs', bucket: await server.makeBucket(), prefix: '', endpoint } as const
      return await openGcsStore(config, { credentials: { serviceAccountKey }, policy })
    },
  ],
  [
    'sftp',
    hasOpenSsh,
    async () => {
      const server = servers.use(await startOpenSsh())
      const { port, username, privateKey } = server
      const config = {
        kind: 'sftp',
        host: '127.0.0.1',
        port,
        username,
        folder: server.makeFolder().path,
      } as const
      return await openSftpStore(config, { credentials: { kind: 'key', privateKey }, policy })
    },
  ],
]

describe.each(kinds)('on %s', (_, isHere, open) => {
  test.skipIf(!isHere)('100 MB go in three parts, are read back whole, and appear at once', async () => {
    await using store = await open()
    const token = store.prepare('out/large', 'run-1')
    const staged = await store.stage(token, bytes(), { signal })
    expect(staged).toEqual({ bytes: objectBytes, sha256: await sha256(bytes()) })
    expect(await sha256(store.readStaged(token, { signal }))).toBe(staged.sha256)
    expect(await store.head('out/large', { signal })).toBeUndefined()
    await store.complete(token, staged, { signal })
    expect((await store.head('out/large', { signal }))?.bytes).toBe(objectBytes)
    expect(await sha256(store.read('out/large', { signal }))).toBe(staged.sha256)
    const last = createHash('sha256')
    for await (const chunk of store.read('out/large', { signal, start: 90 * mebibyte })) last.update(chunk)
    const wanted = createHash('sha256')
    for (let index = 90; index < 100; index += 1) wanted.update(chunkOf(index))
    expect(last.digest('hex')).toBe(wanted.digest('hex'))
  })
})

/** Different in every mebibyte, so that parts in a wrong order are found. */
function chunkOf(index: number): Buffer {
  return Buffer.alloc(mebibyte, `${index} of the mebibytes. `)
}

async function* bytes(): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < objectBytes / mebibyte; index += 1) yield chunkOf(index)
}

async function sha256(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash: Hash = createHash('sha256')
  for await (const chunk of source) hash.update(chunk)
  return hash.digest('hex')
}
