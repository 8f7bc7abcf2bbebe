import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import { CliError, exitCodes } from './exit-code.ts'
import type { CliHost, Destination } from './host.ts'

export interface DestinationFlags {
  readonly region?: string
  readonly endpoint?: string
  readonly identity?: string
  readonly hostKey?: string
  readonly credentials?: string
}

export function addDestinationOptions(command: Command): Command {
  return command
    .addOption(new Option('--region <region>', 'of the bucket (AWS_REGION)'))
    .addOption(new Option('--endpoint <url>', 'of a server that is not the vendor’s own (AWS_ENDPOINT_URL)'))
    .addOption(new Option('--identity <file>', 'private key for SFTP'))
    .addOption(
      new Option('--host-key <fingerprint>', 'of the SFTP server, SHA256:…; absent: the first one seen'),
    )
    .addOption(new Option('--credentials <file>', 'JSON with the credentials, instead of the environment'))
}

/** Said where a command takes a destination. */
export const destinationHelp = `
Places, and where their credentials are read from (never from the command line):
  /folder, file:///folder
  s3://BUCKET/PREFIX              AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
  az://ACCOUNT/CONTAINER/PREFIX   AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_SAS_TOKEN,
                                  or AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET
  abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX    as az://
  gs://BUCKET/PREFIX              GOOGLE_APPLICATION_CREDENTIALS (a file), or GS_ACCESS_KEY_ID, GS_SECRET_ACCESS_KEY
  sftp://USER@HOST:PORT/FOLDER    --identity FILE, SLUICE_SFTP_PASSPHRASE; or SLUICE_SFTP_PASSWORD
Or a file for --credentials: {"specName":"Access Key","params":{"s3AccessKey":"…","s3SecretKey":"…"}}`

/** What the place is, with credentials from a file or the environment. */
export async function destinationOf(
  location: string,
  flags: DestinationFlags,
  host: Pick<CliHost, 'cwd' | 'env'>,
): Promise<Destination> {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(location)?.[1]?.toLowerCase()
  const found = { location, flags, host }
  switch (scheme) {
    case undefined:
      return folder(resolve(host.cwd, location))
    case 'file':
      return folder(fileURLToPath(location))
    case 's3':
      return await s3(found)
    case 'az':
    case 'abfss':
      return await azure(found)
    case 'gs':
      return await gcs(found)
    case 'sftp':
      return await sftp(found)
    default:
      throw new CliError(
        exitCodes.usage,
        `There is no kind of place ${scheme}://…`,
        'Give a folder, or s3://, az://, abfss://, gs:// or sftp://.',
      )
  }
}

function folder(path: string): Destination {
  return { kind: 'local', params: { path }, shown: path }
}

interface Found {
  readonly location: string
  readonly flags: DestinationFlags
  readonly host: Pick<CliHost, 'cwd' | 'env'>
}

async function s3({ location, flags, host }: Found): Promise<Destination> {
  const [, bucketName = '', path = ''] = /^s3:\/\/([^/]+)\/?(.*)$/i.exec(location) ?? []
  if (bucketName === '') throw usage(location, 's3://BUCKET/PREFIX')
  const { env } = host
  const endpoint = flags.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL']
  const region = flags.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']
  const auth = (await credentialsFile(flags, host)) ?? {
    specName: 'Access Key',
    params: present({
      s3AccessKey: needed(env, 'AWS_ACCESS_KEY_ID', location),
      s3SecretKey: needed(env, 'AWS_SECRET_ACCESS_KEY', location),
      s3SessionToken: env['AWS_SESSION_TOKEN'],
    }),
  }
  return {
    kind: 's3',
    auth: { ...auth, params: { ...present({ endpoint, region }), ...auth.params } },
    params: { bucketName, path },
    shown: location,
  }
}

async function azure({ location, flags, host }: Found): Promise<Destination> {
  const lake = /^abfss:\/\/([^@/]+)@([a-z0-9]+)\.[^/]+\/?(.*)$/i.exec(location)
  const blob = /^az:\/\/([^/]+)\/([^/]+)\/?(.*)$/i.exec(location)
  const [account, container, path] = lake
    ? [lake[2] ?? '', lake[1] ?? '', lake[3] ?? '']
    : [blob?.[1] ?? '', blob?.[2] ?? '', blob?.[3] ?? '']
  if (account === '' || container === '') {
    throw usage(
      location,
      'az://ACCOUNT/CONTAINER/PREFIX or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX',
    )
  }
  const { env } = host
  const whole = env['AZURE_STORAGE_CONNECTION_STRING']
  const signature = env['AZURE_STORAGE_SAS_TOKEN']
  const { endpoint } = flags
  const fromEnvironment = () => {
    if (whole !== undefined) {
      const named = /AccountName=([^;]+)/i.exec(whole)?.[1]
      if (named !== undefined && named !== account) {
        throw new CliError(
          exitCodes.usage,
          `The connection string is of the account ${named}, not ${account}.`,
          'Correct the place or AZURE_STORAGE_CONNECTION_STRING.',
        )
      }
      return { specName: 'ConnectionString', params: { connectionString: whole } }
    }
    if (signature !== undefined)
      return { specName: 'SAS', params: present({ account, endpoint, sasToken: signature }) }
    return {
      specName: 'Azure Service Principal Auth',
      params: present({
        account,
        endpoint,
        tenant: needed(env, 'AZURE_TENANT_ID', location),
        servicePrincipalId: needed(env, 'AZURE_CLIENT_ID', location),
        servicePrincipalKey: needed(env, 'AZURE_CLIENT_SECRET', location),
        authority: env['AZURE_AUTHORITY_HOST'],
      }),
    }
  }
  const auth = (await credentialsFile(flags, host)) ?? fromEnvironment()
  return { kind: lake ? 'adls' : 'azure', auth, params: { container, path }, shown: location }
}

async function gcs({ location, flags, host }: Found): Promise<Destination> {
  const [, bucketName = '', path = ''] = /^gs:\/\/([^/]+)\/?(.*)$/i.exec(location) ?? []
  if (bucketName === '') throw usage(location, 'gs://BUCKET/PREFIX')
  const { env } = host
  const { endpoint } = flags
  const keyFile = env['GOOGLE_APPLICATION_CREDENTIALS']
  const fromEnvironment = async () =>
    keyFile === undefined
      ? {
          specName: 'Google Cloud Storage authentication credentials',
          params: present({
            endpoint,
            accessKeyId: needed(env, 'GS_ACCESS_KEY_ID', location),
            secretAccessKey: needed(env, 'GS_SECRET_ACCESS_KEY', location),
          }),
        }
      : {
          specName: 'Service Account Key',
          params: present({ endpoint, serviceAccountKey: await fileText(keyFile, host) }),
        }
  const auth = (await credentialsFile(flags, host)) ?? (await fromEnvironment())
  return { kind: 'gcs', auth, params: { bucketName, path }, shown: location }
}

async function sftp({ location, flags, host }: Found): Promise<Destination> {
  const url = URL.parse(location)
  if (!url || url.hostname === '') throw usage(location, 'sftp://USER@HOST:PORT/FOLDER')
  if (url.password !== '') {
    throw new CliError(
      exitCodes.usage,
      'A password in an address is seen by others: it was not used.',
      'Set SLUICE_SFTP_PASSWORD, or give a key by --identity FILE.',
    )
  }
  if (url.username === '') throw usage(location, 'sftp://USER@HOST:PORT/FOLDER')
  const { env } = host
  const server = present({
    domain: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : url.port,
    username: decodeURIComponent(url.username),
    hostKey: flags.hostKey,
  })
  const fromEnvironment = async () =>
    flags.identity === undefined
      ? {
          specName: 'SFTP with Password',
          params: { password: needed(env, 'SLUICE_SFTP_PASSWORD', location) },
        }
      : {
          specName: 'SFTP with SSH Key',
          params: present({
            sshKey: await fileText(flags.identity, host),
            passphrase: env['SLUICE_SFTP_PASSPHRASE'],
          }),
        }
  const auth = (await credentialsFile(flags, host)) ?? (await fromEnvironment())
  const path = decodeURIComponent(url.pathname)
  return {
    kind: 'sftp',
    auth: { ...auth, params: { ...server, ...auth.params } },
    params: { remotePath: (path.startsWith('/~/') ? path.slice(3) : path) || '.' },
    shown: location,
  }
}

async function credentialsFile(flags: DestinationFlags, host: Pick<CliHost, 'cwd'>) {
  if (flags.credentials === undefined) return undefined
  const text = await fileText(flags.credentials, host)
  try {
    const { specName, params } = JSON.parse(text) as { specName: unknown; params: unknown }
    if (typeof specName === 'string' && typeof params === 'object' && params !== null)
      return { specName, params: params as Record<string, unknown> }
  } catch {
    // Said below: the parser's words could show a part of a secret.
  }
  throw new CliError(
    exitCodes.usage,
    `${flags.credentials} does not hold credentials.`,
    'Write {"specName":"…","params":{…}} as the Flow Service takes them.',
  )
}

async function fileText(path: string, { cwd }: Pick<CliHost, 'cwd'>): Promise<string> {
  try {
    return await readFile(resolve(cwd, path), 'utf8')
  } catch {
    throw new CliError(exitCodes.unknown, `There is no file ${path}, or it cannot be read.`)
  }
}

function needed(env: CliHost['env'], name: string, location: string): string {
  const value = env[name]
  if (value !== undefined && value !== '') return value
  throw new CliError(
    exitCodes.usage,
    `${name} is not set: ${location} needs credentials.`,
    'Set it, or give a file by --credentials; see --help.',
  )
}

function usage(location: string, form: string): CliError {
  return new CliError(exitCodes.usage, `${location} names no place.`, `Write ${form}.`)
}

function present<T>(fields: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, T] => entry[1] !== undefined && entry[1] !== ''),
  )
}
