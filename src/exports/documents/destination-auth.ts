import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { SandboxId } from '#base/ids.ts'
import { isStorable } from '#base/storable-moment.ts'
import type { DestinationKind } from '../destination-specs.ts'

/** How a destination is logged in to: what may be shown, and what may not. */
export interface DestinationAuth {
  readonly specName: string
  readonly params: Readonly<Record<string, unknown>>
  /** Absent where nothing is secret. */
  readonly secret?: Readonly<Record<string, string>>
}

const text = z.string().min(1).max(10_000)
const url = z.url({ protocol: /^https?$/ })
/** When credentials that don't say it themselves end: somebody is told in time. */
const expiresAt = z.iso
  .datetime({ offset: true })
  .refine((text) => isStorable(new Date(text)), 'is not in the years 1 to 9999')
  .optional()
const port = z.coerce.number().int().min(1).max(65_535)

interface AuthSpec {
  /** As the platform calls it, then as others do. */
  readonly names: readonly string[]
  /** As specs call the way of logging in. */
  readonly type: string
  /** What clients call a field, and what it is called here. */
  readonly aliases?: Readonly<Record<string, string>>
  readonly shown: z.ZodRawShape
  readonly secret: z.ZodRawShape
  /** What is shown and says who is given what is secret, or a token made of it; absent: nobody, requests are signed by it. */
  readonly givenTo?: readonly string[]
}

const assumedRole = 'Assumed Role'

const s3Server = {
  region: text.optional(),
  endpoint: url.optional(),
  /** Whether the bucket is in the path or in the name of the host; absent: in the path of a server of one's own. */
  forcePathStyle: z.boolean().optional(),
}

const s3: readonly AuthSpec[] = [
  {
    names: ['Access Key'],
    type: 'KeyBased',
    aliases: { accessId: 's3AccessKey', secretKey: 's3SecretKey' },
    shown: { s3AccessKey: text, ...s3Server, expiresAt },
    secret: { s3SecretKey: text, s3SessionToken: text.optional() },
  },
  {
    names: [assumedRole],
    type: 'AssumedRole',
    shown: {
      s3Role: text.regex(
        /^arn:aws[a-z-]*:iam::\d{12}:role\/(?:[\w+=,.@-]{1,128}\/){0,8}[\w+=,.@-]{1,64}$/,
        'expected the ARN of a role: arn:aws:iam::123456789012:role/NAME',
      ),
      s3AccessKey: text.optional(),
      externalId: text.regex(/^[\w+=,.@:/-]{2,1224}$/, 'is not an external id').optional(),
      ...s3Server,
      stsEndpoint: url.optional(),
      expiresAt,
    },
    secret: { s3SecretKey: text.optional() },
  },
]

const connectionString: AuthSpec = {
  names: ['ConnectionString'],
  type: 'ConnectionString',
  shown: {},
  secret: {
    connectionString: text.regex(
      /AccountName=[a-z0-9]{3,24}/,
      'expected DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…',
    ),
  },
}
const signature: AuthSpec = {
  names: ['SAS'],
  type: 'SAS',
  shown: { account: text, endpoint: url.optional() },
  secret: { sasToken: text.regex(/sig=/, 'expected a shared access signature: sv=…&sig=…') },
  givenTo: ['account', 'endpoint'],
}
const servicePrincipal: AuthSpec = {
  names: ['Azure Service Principal Auth', 'Service principal'],
  type: 'AzureServicePrincipal',
  shown: {
    url: text.optional(),
    account: text.optional(),
    endpoint: url.optional(),
    tenant: text,
    authority: url.optional(),
    servicePrincipalId: text,
    expiresAt,
  },
  secret: { servicePrincipalKey: text },
  givenTo: ['url', 'account', 'endpoint', 'authority'],
}

const gcs: readonly AuthSpec[] = [
  {
    names: ['Google Cloud Storage authentication credentials'],
    type: 'GoogleCloudStorageAuth',
    shown: { accessKeyId: text, endpoint: url.optional(), expiresAt },
    secret: { secretAccessKey: text },
  },
  {
    names: ['Service Account Key'],
    type: 'GoogleCloudStorageServiceAccount',
    shown: { endpoint: url.optional(), expiresAt },
    secret: { serviceAccountKey: text },
    givenTo: ['endpoint'],
  },
]

const sftpServer = {
  domain: text,
  port: port.optional(),
  username: text,
  hostKey: z
    .string()
    .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'expected a fingerprint as ssh-keygen -l shows it: SHA256:…')
    .optional(),
  expiresAt,
}
const sftp: readonly AuthSpec[] = [
  {
    names: ['SFTP with Password', 'Basic Authentication for sftp'],
    type: 'SFTP',
    aliases: { host: 'domain' },
    shown: sftpServer,
    secret: { password: text },
    givenTo: ['domain', 'port'],
  },
  {
    names: ['SFTP with SSH Key', 'SSH PublicKey Authentication for sftp'],
    type: 'SFTP',
    aliases: { host: 'domain' },
    shown: sftpServer,
    secret: { sshKey: text, passphrase: text.optional() },
  },
]

const authSpecs: Readonly<Record<DestinationKind, readonly AuthSpec[]>> = {
  local: [],
  landing: [],
  s3,
  azure: [connectionString, signature, servicePrincipal],
  adls: [servicePrincipal, connectionString, signature],
  gcs,
  sftp,
}

/** The ways to log in to a kind of destination, as forms to fill in. */
export function authFormsOf(kind: DestinationKind): readonly {
  readonly name: string
  readonly type: string
  readonly shape: z.ZodRawShape
  readonly secrets: readonly string[]
}[] {
  return authSpecs[kind].map(({ names, type, shown, secret }) => ({
    name: names[0] ?? type,
    type,
    shape: { ...shown, ...secret },
    secrets: Object.keys(secret),
  }))
}

/**
 * What a client sent as a connection's `auth`, checked, with the platform's names.
 * @throws AppError 'flow.invalid' naming the field; never its value
 */
export function parseAuth(kind: DestinationKind, auth: unknown): DestinationAuth | undefined {
  const specs = authSpecs[kind]
  if (specs.length === 0) return undefined
  const names = specs.map((spec) => spec.names[0]).join(', ')
  const sent = z.looseObject({ specName: z.string(), params: z.looseObject({}) }).safeParse(auth)
  if (!sent.success)
    throw invalid('/auth', `names how to log in: {"specName":…,"params":{…}}; specName is one of ${names}`)
  const { specName, params } = sent.data
  const spec = specs.find((one) => one.names.some((name) => name.toLowerCase() === specName.toLowerCase()))
  if (!spec)
    throw invalid(
      '/auth/specName',
      `is one of ${names}, not ${JSON.stringify(specName.slice(0, 80))}`,
      'FLOW-1415-400',
    )
  const renamed = Object.fromEntries(
    Object.entries(params).map(([key, value]) => [spec.aliases?.[key] ?? key, value]),
  )
  const parsed = z.object({ ...spec.shown, ...spec.secret }).safeParse(renamed)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const field = String(issue?.path[0] ?? '')
    const what = renamed[field] === undefined ? 'is missing' : (issue?.message ?? 'is not as expected')
    throw invalid(`/auth/params/${field}`, what)
  }
  const fields = Object.entries(parsed.data).filter(([, value]) => value !== undefined)
  const secret = fields.filter(([key]) => key in spec.secret)
  return {
    specName: spec.names[0] ?? specName,
    params: Object.fromEntries(fields.filter(([key]) => key in spec.shown)),
    secret: Object.fromEntries(secret) as Record<string, string>,
  }
}

/** The first field by which what is secret would be given to somebody else than before; undefined: there is none. */
export function givenElsewhere(before: DestinationAuth, after: DestinationAuth): string | undefined {
  const spec = Object.values(authSpecs)
    .flat()
    .find(({ names }) => names[0] === after.specName)
  return spec?.givenTo?.find((field) => before.params[field] !== after.params[field])
}

/**
 * A role that is assumed with the server's own identity is asked for with the sandbox's id as external id, whatever was
 * sent: in no other sandbox can somebody name the role and have the server act in it.
 */
export function withOwnExternalId(auth: DestinationAuth, sandboxId: SandboxId): DestinationAuth {
  if (!isByServer(auth)) return auth
  return { ...auth, params: { ...auth.params, externalId: sandboxId } }
}

/**
 * The server's own identity is lent only where its owner has said so, and shown to nobody but Amazon.
 * @throws AppError 'flow.invalid'
 */
export function checkIdentity(
  auth: DestinationAuth | undefined,
  { allowsServerIdentity }: { readonly allowsServerIdentity: boolean },
): void {
  if (!auth || !isByServer(auth)) return
  if (!allowsServerIdentity)
    throw invalid(
      '/auth/params/s3AccessKey',
      'is missing: give a key that may assume the role, or have the server lend its identity (exports.serverIdentity)',
    )
  if (auth.params['stsEndpoint'] !== undefined)
    throw invalid('/auth/params/stsEndpoint', 'goes with a key of your own, s3AccessKey and s3SecretKey')
}

function isByServer({ specName, secret }: DestinationAuth): boolean {
  return specName === assumedRole && secret?.['s3SecretKey'] === undefined
}

function invalid(field: string, what: string, flowCode?: string): AppError {
  return new AppError('flow.invalid', `${field}: ${what}.`, {
    detail: { field, ...(flowCode === undefined ? {} : { flowCode }) },
  })
}
