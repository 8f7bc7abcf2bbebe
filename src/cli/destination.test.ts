import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type DestinationFlags, destinationOf } from './destination.ts'

const cwd = mkdtempSync(join(tmpdir(), 'sluice-places-'))
afterAll(() => rmSync(cwd, { recursive: true, force: true }))
writeFileSync(join(cwd, 'key'), 'a key')
writeFileSync(
  join(cwd, 'auth.json'),
  '{"specName":"Access Key","params":{"s3AccessKey":"A","s3SecretKey":"B"}}',
)
writeFileSync(join(cwd, 'broken.json'), '{"s3SecretKey":"hush"')

const of = (location: string, env: Record<string, string> = {}, flags: DestinationFlags = {}) =>
  destinationOf(location, flags, { cwd, env })
const aws = { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'B' }
const connectionString = 'AccountName=acc;AccountKey=QUJD'

test.each([
  ['out', {}, {}, 'local', { path: join(cwd, 'out') }, undefined],
  ['file:///data/out', {}, {}, 'local', { path: '/data/out' }, undefined],
  [
    's3://bucket/a/b',
    { ...aws, AWS_REGION: 'eu-west-1' },
    { endpoint: 'http://x' },
    's3',
    { bucketName: 'bucket', path: 'a/b' },
    { endpoint: 'http://x', region: 'eu-west-1', s3AccessKey: 'A', s3SecretKey: 'B' },
  ],
  [
    's3://bucket',
    {},
    { credentials: 'auth.json' },
    's3',
    { bucketName: 'bucket', path: '' },
    { s3AccessKey: 'A', s3SecretKey: 'B' },
  ],
  [
    'az://acc/out/a',
    { AZURE_STORAGE_CONNECTION_STRING: connectionString },
    {},
    'azure',
    { container: 'out', path: 'a' },
    { connectionString },
  ],
  [
    'az://acc/out',
    { AZURE_STORAGE_SAS_TOKEN: 'sig=x' },
    {},
    'azure',
    { container: 'out', path: '' },
    { account: 'acc', sasToken: 'sig=x' },
  ],
  [
    'abfss://out@acc.dfs.core.windows.net/a',
    { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'i', AZURE_CLIENT_SECRET: 's' },
    {},
    'adls',
    { container: 'out', path: 'a' },
    { account: 'acc', tenant: 't', servicePrincipalId: 'i', servicePrincipalKey: 's' },
  ],
  [
    'gs://bucket/a',
    { GS_ACCESS_KEY_ID: 'G', GS_SECRET_ACCESS_KEY: 'S' },
    {},
    'gcs',
    { bucketName: 'bucket', path: 'a' },
    { accessKeyId: 'G', secretAccessKey: 'S' },
  ],
  [
    'gs://bucket',
    { GOOGLE_APPLICATION_CREDENTIALS: 'key' },
    {},
    'gcs',
    { bucketName: 'bucket', path: '' },
    { serviceAccountKey: 'a key' },
  ],
  [
    'sftp://me@files.example:2222/in%20box',
    {},
    { identity: 'key', hostKey: 'SHA256:x' },
    'sftp',
    { remotePath: '/in box' },
    { domain: 'files.example', port: '2222', username: 'me', hostKey: 'SHA256:x', sshKey: 'a key' },
  ],
  [
    'sftp://me@files.example/~/in',
    { SLUICE_SFTP_PASSWORD: 'p' },
    {},
    'sftp',
    { remotePath: 'in' },
    { domain: 'files.example', username: 'me', password: 'p' },
  ],
] as const)('%s is understood', async (location, env, flags, kind, params, auth) => {
  const destination = await of(location, env, flags)
  expect(destination).toMatchObject({ kind, params })
  expect(destination.auth?.params).toEqual(auth)
})

test.each([
  ['ftp://host/x', {}, {}, 'no kind of place'],
  ['s3://', aws, {}, 's3://BUCKET/PREFIX'],
  ['s3://bucket', {}, {}, 'AWS_ACCESS_KEY_ID is not set'],
  ['s3://bucket', {}, { credentials: 'broken.json' }, 'does not hold credentials'],
  ['s3://bucket', {}, { credentials: 'none.json' }, 'There is no file'],
  ['az://acc', {}, {}, 'az://ACCOUNT/CONTAINER/PREFIX'],
  [
    'az://other/out',
    { AZURE_STORAGE_CONNECTION_STRING: connectionString },
    {},
    'of the account acc, not other',
  ],
  ['sftp://me:hush@host/x', {}, {}, 'was not used'],
  ['sftp://host/x', { SLUICE_SFTP_PASSWORD: 'hush' }, {}, 'sftp://USER@HOST'],
])('%s is refused: no secret is said', async (location, env, flags, what) => {
  const error = await of(location, env, flags).catch(
    (refusal: unknown) => refusal as Error & { hint?: string },
  )
  const said = `${(error as Error).message} ${(error as { hint?: string }).hint ?? ''}`
  expect(said).toContain(what)
  expect(said.replace(location, '')).not.toContain('hush')
})
