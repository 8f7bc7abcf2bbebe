import { AppError } from '#base/errors.ts'
import { unreachable } from '#base/assert.ts'
import {
  type S3Credentials,
  type StoreConfig,
  storeConfig,
  type StoreCredentials,
} from '#objects/open-store.ts'
import { parseConnectionString } from '#objects/azure-connection-string.ts'
import type { DestinationAuth } from '../documents/destination-auth.ts'
import type { DestinationKind } from '../destination-specs.ts'

/** Where below a destination's account files go, as a target connection says it. */
export interface DestinationPlace {
  readonly path?: string | undefined
  readonly bucketName?: string | undefined
  readonly container?: string | undefined
  readonly remotePath?: string | undefined
  /** Of S3 and Azure. */
  readonly objectLock?: Extract<StoreConfig, { readonly kind: 's3' }>['objectLock']
}

/** A description of a store that is no secret, and what opens it. */
export interface DestinationStore {
  readonly config: StoreConfig
  readonly credentials: StoreCredentials
}

type Found = { readonly config: Record<string, unknown>; readonly credentials: StoreCredentials }

/** Whose fault it is when a field of a store is not right. */
const fieldNames: Readonly<Record<string, string>> = {
  bucket: '/params/bucketName',
  container: '/params/container',
  prefix: '/params/path',
  folder: '/params/remotePath',
  account: '/auth/params/account',
  host: '/auth/params/domain',
}

/**
 * The store of a destination: pure, opens nothing.
 * @throws AppError 'flow.invalid' naming the field and what it must be
 */
export function destinationStore(
  kind: DestinationKind,
  auth: DestinationAuth | undefined,
  place: DestinationPlace,
): DestinationStore {
  const { config, credentials } = found(kind, auth, place)
  const parsed = storeConfig.safeParse(
    Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)),
  )
  if (parsed.success) return { config: parsed.data, credentials }
  const [issue] = parsed.error.issues
  const key = String(issue?.path[0] ?? '')
  const field = fieldNames[key] ?? `/auth/params/${key}`
  const value = config[key]
  const what = value === undefined || value === '' ? 'is missing' : issue?.message
  throw invalid(field, what ?? 'is not as expected')
}

function found(kind: DestinationKind, auth: DestinationAuth | undefined, place: DestinationPlace): Found {
  const given: Readonly<Record<string, unknown>> = { ...auth?.params, ...auth?.secret }
  const text = (key: string): string | undefined => {
    const value = given[key]
    return typeof value === 'string' ? value : undefined
  }
  const prefix = (place.path ?? '').replaceAll(/^\/+|\/+$/g, '').replaceAll(/\/{2,}/g, '/')
  switch (kind) {
    case 'landing':
    case 'local':
      return { config: { kind: 'local', folder: place.path }, credentials: {} }
    case 's3': {
      const { bucketName: bucket } = place
      const [region, endpoint] = [text('region') ?? 'us-east-1', text('endpoint')]
      const { objectLock } = place
      const { forcePathStyle } = given
      return {
        config: { kind: 's3', bucket, prefix, region, endpoint, forcePathStyle, objectLock },
        credentials: { s3: s3Credentials(text) },
      }
    }
    case 'azure':
    case 'adls':
      return azure(kind, { text, prefix, place })
    case 'gcs':
      return gcs(text, { prefix, bucket: place.bucketName })
    case 'sftp': {
      const password = text('password')
      const passphrase = text('passphrase')
      return {
        config: {
          kind: 'sftp',
          host: text('domain'),
          port: given['port'],
          username: text('username'),
          folder: place.remotePath === '' ? '.' : place.remotePath,
          hostKey: text('hostKey'),
        },
        credentials: {
          sftp:
            password === undefined
              ? { kind: 'key', privateKey: keyText(text('sshKey') ?? ''), passphrase }
              : { kind: 'password', password },
        },
      }
    }
    default:
      return unreachable(kind)
  }
}

function s3Credentials(text: (key: string) => string | undefined): S3Credentials {
  const [accessKeyId, secretAccessKey] = [text('s3AccessKey'), text('s3SecretKey')]
  const arn = text('s3Role')
  if (arn === undefined)
    return {
      accessKeyId: accessKeyId ?? '',
      secretAccessKey: secretAccessKey ?? '',
      sessionToken: text('s3SessionToken'),
    }
  const role = { arn, externalId: text('externalId'), stsEndpoint: text('stsEndpoint') }
  if (accessKeyId === undefined && secretAccessKey === undefined) return { role }
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw invalid(
      `/auth/params/${accessKeyId === undefined ? 's3AccessKey' : 's3SecretKey'}`,
      'is missing: give both of the key, or neither for the identity of the server',
    )
  return { role: { ...role, key: { accessKeyId, secretAccessKey } } }
}

/** By HMAC keys Google is spoken to as S3 is, by a service account's key in its own way. */
function gcs(
  text: (key: string) => string | undefined,
  place: { readonly prefix: string; readonly bucket: string | undefined },
): Found {
  const endpoint = text('endpoint')
  const serviceAccountKey = text('serviceAccountKey')
  if (serviceAccountKey !== undefined)
    return { config: { kind: 'gcs', ...place, endpoint }, credentials: { gcs: { serviceAccountKey } } }
  return {
    config: {
      kind: 's3',
      dialect: 'google',
      ...place,
      region: 'auto',
      endpoint: endpoint ?? 'https://storage.googleapis.com',
    },
    credentials: {
      s3: { accessKeyId: text('accessKeyId') ?? '', secretAccessKey: text('secretAccessKey') ?? '' },
    },
  }
}

interface AzureGiven {
  readonly text: (key: string) => string | undefined
  readonly prefix: string
  readonly place: Pick<DestinationPlace, 'container' | 'objectLock'>
}

function azure(kind: 'azure' | 'adls', { text, prefix, place: asked }: AzureGiven): Found {
  const address = text('url')
  const named = address === undefined ? undefined : addressOf(address)
  const container = asked.container ?? named?.container
  const config = { kind: 'azure', container, prefix, objectLock: asked.objectLock }
  const whole = text('connectionString')
  if (whole !== undefined) {
    const { account, endpoint, credentials } = parseConnectionString(whole)
    return { config: { ...config, account, endpoint }, credentials: { azure: credentials } }
  }
  const account = text('account') ?? named?.account
  if (account === undefined) {
    throw invalid(
      kind === 'adls' ? '/auth/params/url' : '/auth/params/account',
      'is missing: it names the storage account',
    )
  }
  const place = { ...config, account, endpoint: text('endpoint') }
  const token = text('sasToken')
  if (token !== undefined) return { config: place, credentials: { azure: { kind: 'sas', token } } }
  return {
    config: place,
    credentials: {
      azure: {
        kind: 'service principal',
        tenant: text('tenant') ?? '',
        clientId: text('servicePrincipalId') ?? '',
        clientSecret: text('servicePrincipalKey') ?? '',
        authority: text('authority')?.replace(/\/+$/, ''),
      },
    },
  }
}

function addressOf(url: string) {
  const [, container, account] = /^abfss?:\/\/([^@/]+)@([a-z0-9]+)\.dfs\.[a-z0-9.-]+\/?$/.exec(url) ?? []
  if (container !== undefined && account !== undefined) return { container, account }
  throw invalid('/auth/params/url', 'expected abfss://CONTAINER@ACCOUNT.dfs.core.windows.net')
}

/** Clients send keys as they are, or in Base64. */
function keyText(key: string): string {
  return key.includes('-----BEGIN') ? key : Buffer.from(key, 'base64').toString('utf8')
}

function invalid(field: string, what: string): AppError {
  return new AppError('flow.invalid', `${field}: ${what}.`, { detail: { field } })
}
