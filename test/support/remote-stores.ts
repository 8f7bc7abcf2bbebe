import { createHash } from 'node:crypto'
import type { ObjectStore } from '#objects/object-store.ts'
import { openAzureStore } from '#objects/azure/azure-store.ts'
import { openGcsStore } from '#objects/gcs/gcs-store.ts'
import type { RemotePolicy } from '#objects/remote/policy.ts'
import { openS3Store } from '#objects/s3/s3-store.ts'
import { openSftpStore } from '#objects/sftp/sftp-store.ts'
import { hasAzureServer, startAzureServer } from './azure-server.ts'
import { hasGcsServer, startGcsServer } from './gcs-server.ts'
import { hasS3Server, startS3Server } from './s3-server.ts'
import { hasOpenSsh, startOpenSsh } from './sftp-server.ts'

export interface RemoteStoreKind {
  readonly name: 's3' | 'azure' | 'gcs' | 'sftp'
  readonly isHere: boolean
  /** Over an empty place of a server of its own, which `servers` ends; one for objects of gigabytes if asked for. */
  readonly open: (
    servers: AsyncDisposableStack,
    policy: RemotePolicy,
    options?: { readonly isForLarge?: boolean },
  ) => Promise<ObjectStore>
}

export const remoteStoreKinds: readonly RemoteStoreKind[] = [
  {
    name: 's3',
    isHere: hasS3Server,
    open: async (servers, policy, { isForLarge = false } = {}) => {
      const server = servers.use(await startS3Server({ takesManyParts: isForLarge }))
      const { region, endpoint, credentials } = server
      const config = { kind: 's3', bucket: await server.makeBucket(), prefix: '', region, endpoint } as const
      return await openS3Store(config, { credentials, policy })
    },
  },
  {
    name: 'azure',
    isHere: hasAzureServer,
    open: async (servers, policy) => {
      const server = servers.use(await startAzureServer())
      const { account, accountKey, endpoint } = server
      const container = await server.makeContainer()
      const config = { kind: 'azure', account, container, prefix: '', endpoint } as const
      return await openAzureStore(config, { credentials: { kind: 'key', accountKey }, policy })
    },
  },
  {
    name: 'gcs',
    isHere: hasGcsServer,
    open: async (servers, policy) => {
      const server = servers.use(await startGcsServer())
      const { endpoint, serviceAccountKey } = server
      const config = { kind: 'gcs', bucket: await server.makeBucket(), prefix: '', endpoint } as const
      return await openGcsStore(config, { credentials: { serviceAccountKey }, policy })
    },
  },
  {
    name: 'sftp',
    isHere: hasOpenSsh,
    open: async (servers, policy) => {
      const server = servers.use(await startOpenSsh())
      const { port, username, privateKey } = server
      const folder = server.makeFolder().path
      const config = { kind: 'sftp', host: '127.0.0.1', port, username, folder } as const
      return await openSftpStore(config, { credentials: { kind: 'key', privateKey }, policy })
    },
  },
]

const mebibyte = 1024 * 1024

/** So many mebibytes, each of them different, so that parts in a wrong order are found. */
export async function* mebibytes(from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let index = from; index < to; index += 1) yield Buffer.alloc(mebibyte, `${index} of the mebibytes. `)
}

export async function sha256Of(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of source) hash.update(chunk)
  return hash.digest('hex')
}
