import { describe, expect, test } from 'vitest'
import { credentialsExpireAt } from './documents/credential-expiry.ts'
import { parseAuth } from './documents/destination-auth.ts'
import type { DestinationKind } from './destination-specs.ts'
import { destinationStore } from './destinations/destination-store.ts'

const s3 = { s3AccessKey: 'AKIAQ', s3SecretKey: 'a-secret' }
const connectionString =
  'DefaultEndpointsProtocol=https;AccountName=storage1;AccountKey=QUJD;EndpointSuffix=core.windows.net'
const principal = { tenant: 't', servicePrincipalId: 'i', servicePrincipalKey: 'k' }
const sftp = { domain: 'files.example', username: 'u' }

function store(kind: DestinationKind, specName: string, params: object, place: object) {
  return destinationStore(kind, parseAuth(kind, { specName, params }), place)
}

describe('a destination as clients describe it becomes a store', () => {
  test.each([
    [
      's3',
      'Access Key',
      { ...s3, region: 'eu-west-1' },
      { bucketName: 'bucket', path: '/a/b/' },
      { kind: 's3', bucket: 'bucket', prefix: 'a/b', region: 'eu-west-1' },
    ],
    [
      's3',
      'access key',
      { accessId: 'AKIAQ', secretKey: 'a-secret', endpoint: 'http://127.0.0.1:9000' },
      { bucketName: 'bucket', path: '' },
      { kind: 's3', bucket: 'bucket', prefix: '', region: 'us-east-1', endpoint: 'http://127.0.0.1:9000' },
    ],
    [
      's3',
      'Access Key',
      { ...s3, endpoint: 'https://store.example', forcePathStyle: false },
      { bucketName: 'bucket' },
      {
        kind: 's3',
        bucket: 'bucket',
        prefix: '',
        region: 'us-east-1',
        endpoint: 'https://store.example',
        forcePathStyle: false,
      },
    ],
    [
      'azure',
      'ConnectionString',
      { connectionString },
      { container: 'out', path: 'a' },
      {
        kind: 'azure',
        account: 'storage1',
        container: 'out',
        prefix: 'a',
        endpoint: 'https://storage1.blob.core.windows.net',
      },
    ],
    [
      'azure',
      'SAS',
      { account: 'storage1', sasToken: 'sv=1&sig=2' },
      { container: 'out' },
      { kind: 'azure', account: 'storage1', container: 'out', prefix: '' },
    ],
    [
      'adls',
      'Azure Service Principal Auth',
      { ...principal, url: 'abfss://out@storage1.dfs.core.windows.net' },
      { path: 'a' },
      { kind: 'azure', account: 'storage1', container: 'out', prefix: 'a' },
    ],
    [
      'gcs',
      'Google Cloud Storage authentication credentials',
      { accessKeyId: 'GOOG1', secretAccessKey: 'a-secret' },
      { bucketName: 'bucket', path: 'a' },
      {
        kind: 's3',
        dialect: 'google',
        bucket: 'bucket',
        prefix: 'a',
        region: 'auto',
        endpoint: 'https://storage.googleapis.com',
      },
    ],
    [
      'gcs',
      'Service Account Key',
      { serviceAccountKey: '{"private_key":"a-secret"}' },
      { bucketName: 'bucket', path: 'a' },
      { kind: 'gcs', bucket: 'bucket', prefix: 'a' },
    ],
    [
      'sftp',
      'SFTP with Password',
      { ...sftp, port: '2222', password: 'p' },
      { remotePath: '/in' },
      { kind: 'sftp', host: 'files.example', port: 2222, username: 'u', folder: '/in' },
    ],
    [
      'sftp',
      'SSH PublicKey Authentication for sftp',
      { host: 'files.example', username: 'u', sshKey: 'LS0t' },
      {},
      { kind: 'sftp', host: 'files.example', port: 22, username: 'u', folder: '.' },
    ],
  ] as const)('%s by %s', (kind, specName, params, place, config) => {
    const made = store(kind, specName, params, place)
    expect(made.config).toEqual(config)
    // What tells where it is tells no secret.
    for (const secret of ['a-secret', 'QUJD', 'sig=', '"k"', '"p"', 'LS0t'])
      expect(JSON.stringify(made.config)).not.toContain(secret)
  })

  test('with what opens it', () => {
    expect(store('s3', 'Access Key', s3, { bucketName: 'bucket' }).credentials).toEqual({
      s3: { accessKeyId: 'AKIAQ', secretAccessKey: 'a-secret', sessionToken: undefined },
    })
    expect(
      store('azure', 'ConnectionString', { connectionString }, { container: 'out' }).credentials,
    ).toEqual({
      azure: { kind: 'key', accountKey: 'QUJD' },
    })
    const role = { s3Role: 'arn:aws:iam::123456789012:role/out', externalId: 'chosen' }
    expect(store('s3', 'Assumed Role', role, { bucketName: 'bucket' }).credentials).toEqual({
      s3: { role: { arn: role.s3Role, externalId: 'chosen', stsEndpoint: undefined } },
    })
    expect(() =>
      store('s3', 'Assumed Role', { ...role, s3AccessKey: 'AKIAQ' }, { bucketName: 'bucket' }),
    ).toThrow('/auth/params/s3SecretKey: is missing')
    const sshKey = Buffer.from('-----BEGIN KEY-----').toString('base64')
    const place = { remotePath: 'a' }
    expect(store('sftp', 'SFTP with SSH Key', { ...sftp, sshKey }, place).credentials).toEqual({
      sftp: { kind: 'key', privateKey: '-----BEGIN KEY-----', passphrase: undefined },
    })
  })
})

describe('what is not right is said by its field, without its value', () => {
  test.each([
    ['s3', undefined, {}, {}, '/auth'],
    ['s3', 'Password', {}, {}, '/auth/specName'],
    ['s3', 'Access Key', { s3AccessKey: 'AKIAQ' }, {}, '/auth/params/s3SecretKey'],
    ['s3', 'Access Key', { ...s3, endpoint: 'ftp://hidden' }, {}, '/auth/params/endpoint'],
    ['s3', 'Access Key', s3, { path: 'a' }, '/params/bucketName'],
    ['s3', 'Access Key', s3, { bucketName: 'Hidden_Bucket' }, '/params/bucketName'],
    ['s3', 'Access Key', s3, { bucketName: 'bucket', path: 'a/../b' }, '/params/path'],
    ['azure', 'ConnectionString', { connectionString: 'hidden' }, {}, '/auth/params/connectionString'],
    ['azure', 'ConnectionString', { connectionString }, {}, '/params/container'],
    ['azure', 'SAS', { account: 'storage1', sasToken: 'hidden' }, {}, '/auth/params/sasToken'],
    ['adls', 'Azure Service Principal Auth', { ...principal, url: 'https://hidden' }, {}, '/auth/params/url'],
    ['adls', 'Azure Service Principal Auth', principal, {}, '/auth/params/url'],
    ['sftp', 'SFTP with Password', { ...sftp, password: 'p', port: 0 }, {}, '/auth/params/port'],
    ['sftp', 'SFTP with Password', { ...sftp, password: 'p', hostKey: 'hidden' }, {}, '/auth/params/hostKey'],
    ['sftp', 'SFTP with SSH Key', sftp, {}, '/auth/params/sshKey'],
    ['sftp', 'SFTP with Password', { ...sftp, password: 'p' }, { remotePath: '../a' }, '/params/remotePath'],
  ] as const)('%s by %s with %j to %j: %s', (kind, specName, params, place, field) => {
    expect(() => store(kind, specName as string, params, place)).toThrow(
      expect.objectContaining({
        code: 'flow.invalid',
        detail: expect.objectContaining({ field }),
        message: expect.not.stringMatching(/hidden/i),
      }),
    )
  })
})

test.each([
  [
    'SAS',
    { account: 'journeys', sasToken: 'sv=1&se=2026-03-11T01%3A00%3A00Z&sig=a%2Bb' },
    '2026-03-11T01:00:00.000Z',
  ],
  ['SAS', { account: 'journeys', sasToken: '?se=2026-03-11&sig=ab' }, '2026-03-11T00:00:00.000Z'],
  ['SAS', { account: 'journeys', sasToken: 'si=policy&sig=ab' }, undefined],
  // Of a signature nobody's word counts but its own: who reads a connection sends back what he read.
  [
    'SAS',
    { account: 'journeys', sasToken: 'si=policy&sig=ab', expiresAt: '2026-03-12T00:00:00Z' },
    undefined,
  ],
  [
    'ConnectionString',
    { connectionString: 'AccountName=journeys;SharedAccessSignature=sv=1&se=2026-03-11T01:00Z&sig=ab;X=y' },
    '2026-03-11T01:00:00.000Z',
  ],
  [
    'ConnectionString',
    { connectionString: 'AccountName=journeys;AccountKey=se=2026-03-11T01:00Z' },
    undefined,
  ],
  [
    'Service principal',
    {
      account: 'journeys',
      tenant: 't',
      servicePrincipalId: 'i',
      servicePrincipalKey: 'k',
      expiresAt: '2026-03-11T02:00:00+01:00',
    },
    '2026-03-11T01:00:00.000Z',
  ],
  ['SAS', { account: 'journeys', sasToken: 'se=0000-01-01T00:00:00Z&sig=ab' }, undefined],
  ['SAS', { account: 'journeys', sasToken: 'se=9999-12-31T23:59:59-01:00&sig=ab' }, undefined],
])('credentials say when they end: %s %o', (specName, params, at) => {
  expect(credentialsExpireAt(parseAuth('azure', { specName, params })!)).toBe(at)
})

test.each(['0000-06-01T00:00:00Z', '9999-12-31T23:59:59-01:00'])(
  'credentials that end at %s are refused, as no such moment can be kept',
  (expiresAt) => {
    const params = { account: 'a', tenant: 't', servicePrincipalId: 'i', servicePrincipalKey: 'k', expiresAt }
    expect(() => parseAuth('azure', { specName: 'Service principal', params })).toThrow(
      '/auth/params/expiresAt: is not in the years 1 to 9999',
    )
  },
)
