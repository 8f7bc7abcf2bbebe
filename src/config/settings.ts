import { z } from 'zod'
import { allFaultPoints } from '#base/faults.ts'
import { machineBytes } from '#base/machine-bytes.ts'
import { runsKeptMsMin } from '#base/runs-kept.ts'
import { homePaths } from './home.ts'
import { address, bytes, count, secret, spanMs } from './values.ts'

/** What is said of a setting beside its form. */
export interface SettingMeta {
  readonly about: string
  /** As it would be written in a file. Absent: the setting may be missing. */
  readonly default?: string | number | ((context: { readonly home: string }) => string | number)
  /** May come from a file named by `…_FILE`, and is never shown. */
  readonly isSecret?: true
  /** Another variable it is read from, which others' programs read too. */
  readonly sharedVariable?: string
  /** A path; a relative one starts where the command was given, in the file at the home. */
  readonly isPath?: true
  /** For tests of ours: left out of help and of `sluice config`. */
  readonly isHidden?: true
}

export const settingMeta = z.registry<SettingMeta>()

const path = () => z.string().min(1)
const s3Location = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[^\s\p{Cc}]*)?$/u

/** Every setting. A name here gives the flag `--engine-batch-children` and SLUICE_ENGINE_BATCH_CHILDREN. */
export const configSchema = z.strictObject({
  home: path().register(settingMeta, {
    about: 'Folder of everything Sluice keeps',
    isPath: true,
    default: ({ home }) => home,
  }),
  http: address().register(settingMeta, {
    about: 'Where HTTP listens, HOST:PORT',
    default: '127.0.0.1:8710',
  }),
  postgres: address().register(settingMeta, {
    about: 'Where the PostgreSQL protocol listens, HOST:PORT',
    default: '127.0.0.1:8732',
  }),
  databaseUrl: secret().optional().register(settingMeta, {
    about: 'A PostgreSQL of yours for the metadata, instead of the managed one (DATABASE_URL is read too)',
    isSecret: true,
    sharedVariable: 'DATABASE_URL',
  }),
  log: z.strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .register(settingMeta, { about: 'Least level written to standard error', default: 'info' }),
    format: z.enum(['auto', 'json', 'text']).register(settingMeta, {
      about: 'JSON lines or readable text; auto: text on a terminal',
      default: 'auto',
    }),
  }),
  engine: z.strictObject({
    interactiveChildren: count().register(settingMeta, {
      about: 'Processes that answer interactive statements',
      default: 2,
    }),
    statementsPerChild: count().register(settingMeta, {
      about: 'Statements one interactive process runs at a time',
      default: 16,
    }),
    batchChildren: count().register(settingMeta, {
      about: 'Processes for loads, scheduled queries and exports, one statement each',
      default: 1,
    }),
    memoryBytes: bytes().register(settingMeta, {
      about: 'Memory all engine processes share; half of the machine by default',
      default: () => Math.floor(machineBytes() / 2),
    }),
  }),
  spark: z.strictObject({
    address: address().optional().register(settingMeta, {
      about: 'A Spark Connect server (4.1) for sessions that SET engine = spark, HOST:PORT',
    }),
    token: secret().optional().register(settingMeta, {
      about: 'Token that the Spark Connect server asks for',
      isSecret: true,
    }),
    tls: z.enum(['auto', 'on', 'off']).register(settingMeta, {
      about: 'Whether the connection to Spark is encrypted; auto: unless it stays on this machine',
      default: 'auto',
    }),
    statementsMax: count().register(settingMeta, {
      about: 'Statements that run on Spark at a time; more wait',
      default: 8,
    }),
    folder: path().register(settingMeta, {
      about: 'Folder that Spark’s machines share, where Spark puts the rows that statements store',
      isPath: true,
      default: ({ home }) => homePaths(home).sparkRows,
    }),
  }),
  tls: z.strictObject({
    httpCertificate: path()
      .optional()
      .register(settingMeta, { about: 'PEM file: certificate (chain) of the HTTP server', isPath: true }),
    httpKey: path()
      .optional()
      .register(settingMeta, { about: 'PEM file: private key of the HTTP server', isPath: true }),
    postgresCertificate: path().optional().register(settingMeta, {
      about: 'PEM file: certificate (chain) for the PostgreSQL protocol; self-signed by default',
      isPath: true,
    }),
    postgresKey: path()
      .optional()
      .register(settingMeta, { about: 'PEM file: private key for the PostgreSQL protocol', isPath: true }),
  }),
  limits: z.strictObject({
    rowsDefault: count().register(settingMeta, {
      about: 'Rows an interactive SELECT without LIMIT returns at most',
      default: 50_000,
    }),
    rowsMax: count().register(settingMeta, {
      about: 'Largest LIMIT an interactive SELECT may ask for',
      default: 100_000,
    }),
    statementTimeoutMs: spanMs().register(settingMeta, {
      about: 'How long an interactive statement may run that gives rows',
      default: '10m',
    }),
    batchTimeoutMs: spanMs().register(settingMeta, {
      about:
        'How long a query in the background may run, with all its tries, or a statement of a session that stores rows',
      default: '24h',
    }),
    resultRetentionMs: spanMs().register(settingMeta, {
      about: 'How long kept results can be fetched',
      default: '24h',
    }),
    statementsMax: count().register(settingMeta, {
      about: 'Interactive statements that run at a time; more wait',
      default: 5,
    }),
    sessionsMax: count().register(settingMeta, {
      about: 'Open sessions of the PostgreSQL protocol',
      default: 100,
    }),
    sessionIdleMs: spanMs().register(settingMeta, {
      about: 'How long such a session may wait for its next statement',
      default: '2h',
    }),
    uploadBytesMax: bytes().register(settingMeta, {
      about: 'Size of one uploaded file',
      default: '10GB',
    }),
    scratchBytesMax: bytes().register(settingMeta, {
      about: 'Size of all copies that one principal has in the scratch space of a sandbox',
      default: '100GB',
    }),
  }),
  lake: z.strictObject({
    folder: path().register(settingMeta, {
      about: 'Folder of the lake’s tables; with lake.location, of files on their way there',
      isPath: true,
      default: ({ home }) => homePaths(home).lake,
    }),
    location: z
      .string()
      .regex(s3Location, 'expected s3://BUCKET or s3://BUCKET/PREFIX')
      .optional()
      .register(settingMeta, {
        about: 'Where the lake’s tables are, s3://BUCKET/PREFIX, instead of lake.folder',
      }),
    retentionMs: spanMs().register(settingMeta, {
      about: 'How long older states of a table can be read; pinned ones stay longer',
      default: '7d',
    }),
    targetFileBytes: bytes().register(settingMeta, {
      about: 'Size of the files that compaction makes of small ones',
      default: '256MB',
    }),
    cacheFolder: path().register(settingMeta, {
      about: 'Folder of copies of the lake’s files while it is elsewhere; one server’s alone',
      isPath: true,
      default: ({ home }) => homePaths(home).cache,
    }),
    cacheBytes: bytes().register(settingMeta, {
      about: 'Size of those copies at most; one statement’s files must have room together',
      default: '20GB',
    }),
  }),
  s3: z.strictObject({
    region: z.string().min(1).register(settingMeta, {
      about: 'Region of the buckets (AWS_REGION is read too)',
      default: 'us-east-1',
      sharedVariable: 'AWS_REGION',
    }),
    endpoint: z
      .url({ protocol: /^https?$/, error: 'expected http://HOST:PORT or https://HOST' })
      .optional()
      .register(settingMeta, { about: 'Address of an S3 server that is not Amazon’s, https://HOST' }),
    accessKeyId: z.string().min(1).optional().register(settingMeta, {
      about: 'Access key; absent: AWS’s own variables, profiles and roles of the machine are tried',
    }),
    secretAccessKey: secret()
      .optional()
      .register(settingMeta, { about: 'Secret of the access key', isSecret: true }),
    sessionToken: secret()
      .optional()
      .register(settingMeta, { about: 'Token of a temporary access key', isSecret: true }),
  }),
  jobs: z.strictObject({
    retentionMs: spanMs()
      .refine((ms) => ms >= runsKeptMsMin, 'expected 7 days or more')
      .register(settingMeta, {
        about: 'How long runs that have ended can be looked up; those of exports are kept for good',
        default: '90d',
      }),
  }),
  streaming: z.strictObject({
    batchBytes: bytes().register(settingMeta, {
      about: 'Messages that were accepted become a batch when they have so many bytes',
      default: '64MB',
    }),
    batchMs: spanMs().register(settingMeta, {
      about: 'or when the first of them has waited so long',
      default: '1m',
    }),
    logBytes: bytes().register(settingMeta, {
      about: 'Messages that wait to become batches, at most; beyond it they are refused with 429',
      default: '1GB',
    }),
    duplicateWindowMs: spanMs().register(settingMeta, {
      about: 'A message whose _id came within this time is dropped',
      default: '1h',
    }),
  }),
  audit: z.strictObject({
    retentionMs: spanMs().register(settingMeta, {
      about: 'How long entries of the audit are kept; older ones are deleted once a day',
      default: '365d',
    }),
  }),
  notify: z.strictObject({
    smtpUrl: secret().optional().register(settingMeta, {
      about: 'Mail server for alerts, smtp://USER:PASSWORD@HOST:587 or smtps://…; absent: nothing is mailed',
      isSecret: true,
    }),
    from: z.string().min(3).max(200).register(settingMeta, {
      about: 'Whom mails are from',
      default: 'Sluice <sluice@localhost>',
    }),
    privateAddresses: z.enum(['refused', 'allowed']).register(settingMeta, {
      about: 'Whether webhooks may lead into private networks, and by plain http',
      default: 'refused',
    }),
  }),
  exports: z.strictObject({
    serverIdentity: z.enum(['refused', 'allowed']).register(settingMeta, {
      about: 'Whether connections of every sandbox may assume roles on AWS with the identity of this server',
      default: 'refused',
    }),
    landingLocation: z
      .string()
      .regex(s3Location, 'expected s3://BUCKET or s3://BUCKET/PREFIX')
      .optional()
      .register(settingMeta, {
        about:
          'Where landing zones are, s3://BUCKET/PREFIX on the server of the lake, in another bucket; absent: in the home',
      }),
    landingKeyMs: spanMs().register(settingMeta, {
      about: 'How long credentials of the landing zone are good',
      default: '12h',
    }),
  }),
  lineage: z.strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'expected http://HOST:PORT/PATH or https://HOST/PATH' })
      .optional()
      .register(settingMeta, {
        about: 'Where OpenLineage events of exports and scheduled queries are posted; absent: nowhere',
      }),
    token: secret()
      .optional()
      .register(settingMeta, { about: 'Token that goes with them (Authorization: Bearer)', isSecret: true }),
    namespace: z.string().min(1).max(200).register(settingMeta, {
      about: 'What their namespaces begin with; the sandbox’s name follows',
      default: 'sluice',
    }),
  }),
  secrets: z.strictObject({
    masterKeyFile: path().register(settingMeta, {
      about: 'File of the master keys, which encrypt stored secrets; made at the first start',
      isPath: true,
      default: ({ home }) => homePaths(home).masterKeys,
    }),
  }),
  faultPoint: z
    .string()
    .regex(
      new RegExp(
        `^(?:${allFaultPoints.map((name) => name.replaceAll('.', '\\.')).join('|')})@(?:server|child|postgres)$`,
      ),
      'expected NAME@server, NAME@child or NAME@postgres with the name of a fault point',
    )
    .optional()
    .register(settingMeta, { about: 'Where a test kills which process', isHidden: true }),
})

export interface Setting extends SettingMeta {
  /** `engine.batchChildren` */
  readonly name: string
  /** `SLUICE_ENGINE_BATCH_CHILDREN` */
  readonly variable: string
  /** `--engine-batch-children` */
  readonly flag: string
}

/** Every setting, in the order of the schema. */
export const settings: readonly Setting[] = leaves(configSchema, [])

function leaves(schema: z.ZodObject, above: readonly string[]): Setting[] {
  return Object.entries(schema.shape).flatMap(([key, value]) => {
    const names = [...above, key]
    if (value instanceof z.ZodObject) return leaves(value, names)
    const meta = settingMeta.get(value as z.ZodType)
    if (!meta) throw new Error(`The setting ${names.join('.')} has no description.`)
    const words = names.join('-').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    return {
      ...meta,
      name: names.join('.'),
      variable: `SLUICE_${words.replaceAll('-', '_').toUpperCase()}`,
      flag: `--${words}`,
    }
  })
}
