import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError } from '#base/errors.ts'
import { describeConfig, loadConfig } from './config.ts'
import { homePaths } from './home.ts'
import { checkLandingLocation } from './landing-location.ts'
import { settings } from './settings.ts'
import type { ConfigSources } from './sources.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function homeWith(content: unknown): Promise<string> {
  const home = await mkdtemp(join(folder, 'home-'))
  await writeFile(homePaths(home).config, typeof content === 'string' ? content : JSON.stringify(content))
  return home
}

function load(sources: Partial<ConfigSources>) {
  return loadConfig({ flags: { home: join(folder, 'none') }, env: {}, cwd: folder, ...sources })
}

function refusal(sources: Partial<ConfigSources>): AppError {
  try {
    load(sources)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('Nothing was refused.')
}

test('without any source every setting has its default', () => {
  const config = load({})
  expect(config.http).toEqual({ host: '127.0.0.1', port: 8710 })
  expect(config.postgres).toEqual({ host: '127.0.0.1', port: 8732 })
  expect(config.limits).toMatchObject({ rowsDefault: 50_000, rowsMax: 100_000, statementTimeoutMs: 600_000 })
  expect(config.lake.folder).toBe(join(folder, 'none', 'lake'))
  expect(config.databaseUrl).toBeUndefined()
})

test('a flag beats a variable, a variable beats the file, the file beats the default', async () => {
  const home = await homeWith({ engine: { interactiveChildren: 3, batchChildren: 4, statementsPerChild: 5 } })
  const env = { SLUICE_ENGINE_INTERACTIVE_CHILDREN: '6', SLUICE_ENGINE_BATCH_CHILDREN: '7' }
  const { engine } = load({ flags: { home, engineInteractiveChildren: 8 }, env })
  expect(engine).toMatchObject({ interactiveChildren: 8, batchChildren: 7, statementsPerChild: 5 })
})

test('runs are remembered for seven days at least, so that none comes twice', () => {
  const kept = (ms: string) => ({ env: { SLUICE_JOBS_RETENTION_MS: ms } })
  expect(load(kept('7d')).jobs.retentionMs).toBe(7 * 86_400_000)
  expect(refusal(kept('167h')).message).toContain('7 days or more')
})

test('a lake on S3 is set by its location, its server and its key, whose secret is never shown', () => {
  const env = {
    SLUICE_LAKE_LOCATION: 's3://a-bucket/some/prefix',
    SLUICE_LAKE_CACHE_BYTES: '2GB',
    SLUICE_S3_ENDPOINT: 'https://s3.example.com',
    SLUICE_S3_ACCESS_KEY_ID: 'AKEXAMPLE',
    SLUICE_S3_SECRET_ACCESS_KEY: 'very-secret',
    AWS_REGION: 'eu-central-1',
  }
  const { lake, s3 } = load({ env })
  expect(lake).toMatchObject({ location: 's3://a-bucket/some/prefix', cacheBytes: 2 * 2 ** 30 })
  expect(lake.cacheFolder).toBe(join(folder, 'none', 'cache'))
  expect(s3).toMatchObject({ endpoint: 'https://s3.example.com', region: 'eu-central-1' })
  expect(s3.secretAccessKey?.reveal()).toBe('very-secret')
  const described = describeConfig({ flags: { home: join(folder, 'none') }, env, cwd: folder })
  expect(JSON.stringify(described)).not.toContain('very-secret')
  expect(load({ env: { ...env, SLUICE_S3_REGION: 'eu-west-1' } }).s3.region).toBe('eu-west-1')
})

test('landing zones are in a bucket beside that of a lake on S3, or in the home', () => {
  const landing = (location: string, lake?: string) => ({
    env: { SLUICE_EXPORTS_LANDING_LOCATION: location, ...(lake ? { SLUICE_LAKE_LOCATION: lake } : {}) },
  })
  expect(load({}).exports.landingLocation).toBeUndefined()
  expect(load(landing('s3://zones/a', 's3://lake/a')).exports.landingLocation).toBe('s3://zones/a')
  for (const location of ['/a/folder', 's3://', 'gs://zones'])
    expect(refusal(landing(location, 's3://lake')).message).toMatch(
      /exports\.landingLocation .*s3:\/\/BUCKET/,
    )
  const check = (...given: Parameters<typeof landing>) => checkLandingLocation(load(landing(...given)))
  expect(() => check('s3://zones/a', 's3://lake/a')).not.toThrow()
  expect(() => check('s3://zones')).toThrow('exports.landingLocation is set')
  for (const location of ['s3://lake', 's3://lake/b'])
    expect(() => check(location, 's3://lake/a')).toThrow(
      'exports.landingLocation is in the bucket of the lake',
    )
})

test('a location that is none, and half a key, are refused', () => {
  for (const location of ['/a/folder', 's3://', 's3://UPPER/x', 'gs://bucket', 's3://b ucket/x']) {
    expect(refusal({ env: { SLUICE_LAKE_LOCATION: location } }).message, location).toContain('s3://BUCKET')
  }
  expect(refusal({ env: { SLUICE_S3_ENDPOINT: 'localhost:9000' } }).message).toContain('s3.endpoint')
  expect(refusal({ env: { SLUICE_S3_ACCESS_KEY_ID: 'AK' } }).message).toContain('s3.secretAccessKey')
})

test('an unknown flag, variable or setting is refused and near ones are named', async () => {
  expect(refusal({ env: { SLUICE_HTPP: '1' } })).toMatchObject({
    code: 'config.invalid',
    message: expect.stringContaining('SLUICE_HTPP'),
    hint: expect.stringContaining('SLUICE_HTTP'),
  })
  expect(refusal({ flags: { htp: '1' } }).hint).toContain('--http')
  const home = await homeWith({ engine: { batchChild: 1 } })
  expect(refusal({ flags: { home } })).toMatchObject({
    message: expect.stringContaining('engine.batchChild'),
    hint: expect.stringContaining('engine.batchChildren'),
  })
  expect(refusal({ flags: { home: await homeWith({ home: '/elsewhere' }) } }).message).toContain('"home"')
})

test('a wrong value is refused with its name, its source and what was expected', () => {
  expect(refusal({ env: { SLUICE_HTTP: 'localhost' } }).message).toMatch(
    /^http \(variable SLUICE_HTTP\): expected HOST:PORT/,
  )
  expect(refusal({ env: { SLUICE_LIMITS_ROWS_MAX: 'many' } }).message).toContain('limits.rowsMax')
  expect(refusal({ env: { SLUICE_HTTP: '127.0.0.1:70000' } }).message).toContain('HOST:PORT')
})

test('a torn settings file is refused by its path', async () => {
  const home = await homeWith('{"http": ')
  expect(refusal({ flags: { home } }).message).toContain(homePaths(home).config)
})

test('a secret comes from a file, or from DATABASE_URL, and two at once are refused', async () => {
  const file = join(folder, 'url')
  await writeFile(file, 'postgres://u:p@h/d\n')
  await chmod(file, 0o600)
  expect(load({ env: { SLUICE_DATABASE_URL_FILE: file } }).databaseUrl?.reveal()).toBe('postgres://u:p@h/d')
  expect(load({ env: { DATABASE_URL: 'postgres://x' } }).databaseUrl?.reveal()).toBe('postgres://x')
  expect(refusal({ env: { SLUICE_DATABASE_URL_FILE: file, SLUICE_DATABASE_URL: 'x' } }).message).toContain(
    'Both',
  )
  expect(refusal({ env: { SLUICE_DATABASE_URL_FILE: join(folder, 'gone') } }).message).toContain('gone')
})

test('the description shows values, their sources and no secret', () => {
  const rows = describeConfig({
    flags: { home: folder, http: '[::1]:9000' },
    env: { DATABASE_URL: 'postgres://u:hunter2@h/d' },
    cwd: '/',
  })
  expect(rows.find((row) => row.name === 'http')).toMatchObject({
    value: '[::1]:9000',
    source: 'flag --http',
  })
  expect(rows.find((row) => row.name === 'databaseUrl')).toMatchObject({
    value: '***',
    source: 'variable DATABASE_URL',
  })
  expect(JSON.stringify(rows)).not.toContain('hunter2')
  expect(rows.some((row) => row.name === 'faultPoint')).toBe(false)
})

test('HTTP beyond loopback without TLS files is refused', () => {
  expect(refusal({ flags: { http: '0.0.0.0:8710' } }).hint).toContain('tls.httpCertificate')
  const flags = { http: '0.0.0.0:8710', tlsHttpCertificate: 'cert.pem', tlsHttpKey: 'key.pem' }
  expect(load({ flags }).tls.httpKey).toBe(join(folder, 'key.pem'))
  expect(refusal({ flags: { tlsPostgresKey: 'key.pem' } }).message).toContain('tls.postgresCertificate')
})

test('sizes and spans are understood with units', () => {
  const { limits, engine } = load({
    env: { SLUICE_LIMITS_STATEMENT_TIMEOUT_MS: '90s', SLUICE_ENGINE_MEMORY_BYTES: '1.5GiB' },
  })
  expect(limits.statementTimeoutMs).toBe(90_000)
  expect(engine.memoryBytes).toBe(1_610_612_736)
})

test('a configuration cannot be changed', () => {
  const config = load({})
  expect(() => Object.assign(config.limits, { rowsMax: 1 })).toThrow(TypeError)
})

test('a fault point must exist and name its victim', () => {
  expect(load({ env: { SLUICE_FAULT_POINT: 'export.seal.before@child' } }).faultPoint).toBe(
    'export.seal.before@child',
  )
  expect(refusal({ env: { SLUICE_FAULT_POINT: 'exportXseal.before@child' } }).message).toContain('faultPoint')
})

test('names, variables and flags are unique', () => {
  for (const key of ['name', 'variable', 'flag'] as const) {
    expect(new Set(settings.map((setting) => setting[key])).size).toBe(settings.length)
  }
})
