import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { destinationStore } from '../../src/exports/destinations/destination-store.ts'
import { parseAuth } from '../../src/exports/documents/destination-auth.ts'
import { type DestinationKind, destinationSpecs } from '../../src/exports/destination-specs.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import { openStore } from '../../src/objects/open-store.ts'
import { hasAzureServer, startAzureServer } from './azure-server.ts'
import type { FlowDestination } from './exports.ts'
import { hasGcsServer, startGcsServer } from './gcs-server.ts'
import { hasS3Server, startS3Server } from './s3-server.ts'
import { hasOpenSsh, hasRclone, startOpenSsh } from './sftp-server.ts'

/** Kinds of destinations whose servers are here. */
export const destinationKinds = (
  [
    ['s3', hasS3Server],
    ['azure', hasAzureServer],
    ['gcs', hasGcsServer],
    ['sftp', hasOpenSsh],
  ] as const
).flatMap(([kind, isHere]) => (isHere && hasRclone ? [kind] : []))

export interface TestDestination extends FlowDestination {
  readonly kind: DestinationKind
  /** As our own code opens it, beside every flow. */
  open(): Promise<ObjectStore>
  /** Copies everything there into a folder, by rclone: another program, another library. */
  copyTo(folder: string): Promise<void>
  /** Brings a file there, by rclone. */
  upload(file: string): Promise<void>
  /** `s3://…`, as the command line takes it. */
  readonly uri: string
  /** What the command line reads its credentials from. */
  readonly env: Readonly<Record<string, string>>
  readonly flags: readonly string[]
}

export interface DestinationServer extends AsyncDisposable {
  /** A new, empty place. */
  make(): Promise<TestDestination>
}

type Described = Pick<TestDestination, 'auth' | 'params' | 'uri' | 'env' | 'flags'> & {
  readonly remote: string
}

/** A real server of the kind, on loopback. */
export async function startDestination(kind: (typeof destinationKinds)[number]): Promise<DestinationServer> {
  const { make, server } = await starters[kind]()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-rclone-conf-'))
  const config = join(folder, 'rclone.conf')
  await writeFile(config, '')
  return {
    make: async () => {
      const { remote, ...described } = await make()
      const rclone = async (...given: readonly string[]): Promise<void> => {
        // Nothing of what the machine has set up for other clients.
        const env = { PATH: process.env['PATH'] ?? '' }
        await promisify(execFile)('rclone', [...given, '--config', config], { env })
      }
      return {
        ...described,
        kind,
        specs: destinationSpecs[kind],
        open: async () => {
          const auth = parseAuth(kind, described.auth)
          const { config: place, credentials } = destinationStore(kind, auth, described.params)
          return await openStore(place, credentials)
        },
        copyTo: async (to) => {
          await rclone('copy', remote, to).catch((error: unknown) => {
            // Where nothing was delivered there is no folder.
            if (!(error instanceof Error && error.message.includes('directory not found'))) throw error
          })
        },
        upload: async (file) =>
          await rclone('copyto', '--ignore-times', file, `${remote}/by-rclone/${basename(file)}`),
      }
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const path = 'some/where'

const starters = {
  s3: async () => {
    const server = await startS3Server()
    const { accessKeyId, secretAccessKey } = server.credentials
    const { endpoint, region } = server
    const make = async (): Promise<Described> => {
      const bucket = await server.makeBucket()
      return {
        auth: {
          specName: 'Access Key',
          params: { s3AccessKey: accessKeyId, s3SecretKey: secretAccessKey, endpoint, region },
        },
        params: { bucketName: bucket, path },
        remote: `:s3,provider=Other,env_auth=false,no_check_bucket=true,access_key_id=${accessKeyId},secret_access_key=${secretAccessKey},endpoint="${endpoint}":${bucket}/${path}`,
        uri: `s3://${bucket}/${path}`,
        env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region },
        flags: ['--endpoint', endpoint],
      }
    }
    return { server, make }
  },
  azure: async () => {
    const server = await startAzureServer()
    const { account, accountKey, endpoint } = server
    const make = async (): Promise<Described> => {
      const container = await server.makeContainer()
      const signature = generateBlobSASQueryParameters(
        {
          containerName: container,
          permissions: ContainerSASPermissions.parse('racwl'),
          expiresOn: new Date(Date.now() + 3_600_000),
        },
        new StorageSharedKeyCredential(account, accountKey),
      )
      const connectionString = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${accountKey};BlobEndpoint=${endpoint}`
      return {
        auth: { specName: 'ConnectionString', params: { connectionString } },
        params: { container, path },
        remote: `:azureblob,sas_url="${endpoint}/${container}?${signature.toString()}":${container}/${path}`,
        uri: `az://${account}/${container}/${path}`,
        env: { AZURE_STORAGE_CONNECTION_STRING: connectionString },
        flags: [],
      }
    }
    return { server, make }
  },
  gcs: async () => {
    const server = await startGcsServer()
    const { endpoint, serviceAccountKey } = server
    const make = async (): Promise<Described> => {
      const bucket = await server.makeBucket()
      return {
        auth: { specName: 'Service Account Key', params: { serviceAccountKey, endpoint } },
        params: { bucketName: bucket, path },
        remote: `:googlecloudstorage,anonymous=true,no_check_bucket=true,endpoint="${endpoint}/storage/v1/":${bucket}/${path}`,
        uri: `gs://${bucket}/${path}`,
        env: {},
        flags: ['--endpoint', endpoint],
      }
    }
    return { server, make }
  },
  sftp: async () => {
    const server = await startOpenSsh()
    const { port, username, privateKey, keyFile } = server
    const make = async (): Promise<Described> => {
      const { path: folder } = server.makeFolder()
      return {
        auth: {
          specName: 'SFTP with SSH Key',
          params: {
            domain: '127.0.0.1',
            port,
            username,
            sshKey: Buffer.from(privateKey).toString('base64'),
          },
        },
        params: { remotePath: folder },
        remote: `:sftp,host=127.0.0.1,port=${port},user=${username},key_file="${keyFile}":${folder}`,
        uri: `sftp://${username}@127.0.0.1:${port}${folder}`,
        env: {},
        flags: ['--identity', keyFile],
      }
    }
    return { server, make }
  },
}
