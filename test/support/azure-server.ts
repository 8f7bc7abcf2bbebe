import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ContainerClient, StorageSharedKeyCredential, BlobServiceClient } from '@azure/storage-blob'
import { startServerProcess } from './server-process.ts'
import { toolsCache } from './tools-cache.ts'

const script = join(toolsCache, 'azurite', 'node_modules', 'azurite', 'dist', 'src', 'blob', 'main.js')

/** False where it could not be installed: the tests that need it are skipped for all to see. */
export const hasAzureServer = existsSync(script)

export interface AzureServer extends AsyncDisposable {
  /** `http://127.0.0.1:…/ACCOUNT` */
  readonly endpoint: string
  readonly account: string
  readonly accountKey: string
  /** A new, empty container. */
  makeContainer(): Promise<string>
  /** The vendor's own client, for a test's mischief. */
  client(container: string): ContainerClient
}

/** A real server of Azure's blobs on loopback, with an account nobody else has. With a certificate it takes tokens, too. */
export async function startAzureServer(certificate?: {
  readonly cert: string
  readonly key: string
}): Promise<AzureServer> {
  await using starting = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-azure-'))
  starting.defer(() => rm(folder, { recursive: true, force: true }))
  const account = `sluice${randomBytes(4).toString('hex')}`
  const accountKey = randomBytes(64).toString('base64')
  const secure: string[] = []
  if (certificate) {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    await writeFile(cert, certificate.cert)
    await writeFile(key, certificate.key)
    secure.push('--cert', cert, '--key', key, '--oauth', 'basic')
  }
  const { port } = starting.use(
    await startServerProcess({
      program: process.execPath,
      args: (at) => [
        script,
        '--blobPort',
        String(at),
        '--location',
        folder,
        '--silent',
        '--skipApiVersionCheck',
        '--disableTelemetry',
        ...secure,
      ],
      cwd: folder,
      env: { AZURITE_ACCOUNTS: `${account}:${accountKey}` },
    }),
  )
  const endpoint = `${certificate ? 'https' : 'http'}://127.0.0.1:${port}/${account}`
  const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, accountKey))
  const started = starting.move()
  return {
    endpoint,
    account,
    accountKey,
    makeContainer: async () => {
      const container = `test-${randomUUID()}`
      await service.createContainer(container)
      return container
    },
    client: (container) => service.getContainerClient(container),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
