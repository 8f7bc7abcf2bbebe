import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Actor, type ClientCredentials, signIn } from './support/actor.ts'
import { startProduct, type Product } from './support/product.ts'

/** The public client of the reference platform, installed by `npm test` in a virtual environment of its own. */
const cache = process.env['SLUICE_TEST_CACHE'] ?? join(homedir(), '.cache', 'sluice-tests')
const python = join(cache, 'aepp/bin/python')
const isMissing = !existsSync(python)
if (isMissing && process.env['CI']) throw new Error(`Under CI aepp must be there: ${python} is not.`)

describe.skipIf(isMissing)('the public client aepp, unmodified', () => {
  let base: string
  let product: Product
  let admin: Actor
  const called = new Set<string>()

  beforeAll(async () => {
    base = await mkdtemp('/tmp/sluice-aepp-')
    await chmod(base, 0o711)
    product = await startProduct({ home: join(base, 'home') })
    const credentials = await readFile(join(base, 'home', 'credentials.json'), 'utf8')
    admin = await signIn(product.http, JSON.parse(credentials) as ClientCredentials)
  })
  afterAll(async () => {
    await product[Symbol.asyncDispose]()
    await rm(base, { recursive: true, force: true })
  })

  async function run(script: string, given?: unknown): Promise<Record<string, unknown>> {
    const { organizationId, clientId, clientSecret } = admin.credentials
    const { stdout } = await promisify(execFile)(
      python,
      [
        join(import.meta.dirname, 'python', script),
        product.http,
        organizationId,
        clientId,
        clientSecret,
        JSON.stringify(given ?? null),
      ],
      { cwd: base, maxBuffer: 16 * 1024 * 1024 },
    )
    const seen = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
    for (const name of seen['called'] as string[]) called.add(name)
    return seen
  }

  test('makes and reads schemas, descriptors, namespaces and datasets', async () => {
    const seen = await run('use_aepp.py')
    const own = `_${String(seen['tenant'])}`
    expect(seen).toMatchObject({
      behaviors: 3,
      schemas: ['aepp events'],
      groups: ['aepp group'],
      types: ['aepp type'],
      type: 'aepp type',
      full: [own, '_id', 'eventMergeId', 'eventType', 'identityMap', 'producedBy', 'timestamp', 'web'].sort(),
      descriptors: ['xdm:descriptorIdentity'],
      descriptor: 'AEPPID',
      unions: ['https://ns.adobe.com/xdm/context/experienceevent__union'],
      tags: ['union'],
      namespaces: ['AEPPID'],
      namespace: 'aepp',
      dataset: {
        'adobe/pqs/table': ['aepp_data'],
        unifiedProfile: ['enabled:true'],
        unifiedIdentity: ['enabled:true'],
      },
      profiles: true,
      log: 2,
    })
    expect(seen['paths']).toEqual(expect.arrayContaining(['web.webPageDetails.URL', `${own}.userId`, '_id']))
    expect(seen['global groups']).toBeGreaterThanOrEqual(349)
  })

  test('changes and deletes what is in the registry and the catalogue', async () => {
    await product.run('CREATE TABLE aepp_rows AS SELECT 1 AS n')
    const batches = Object.keys(await admin.must('GET', '/data/foundation/catalog/batches'))
    expect(await run('use_aepp_registry.py', batches)).toMatchObject({
      stats: expect.any(Number),
      behavior: ['_id', 'eventType', 'timestamp'],
      'global schemas': expect.any(Number),
      group: ['one'],
      'raw group': ['customFields'],
      'flat group': [expect.stringMatching(/^_\w+\/one$/)],
      'put group': 'put',
      extended: [
        'https://ns.adobe.com/xdm/context/experienceevent',
        'https://ns.adobe.com/xdm/context/profile',
      ],
      copied: 'registry copy',
      schema: ['_id', '_repo', true],
      deprecated: '@id',
      'put schema': 'registry put',
      'schema gone': 204,
      class: ['patched', 'registry class'],
      classes: ['registry class'],
      'class gone': 204,
      types: true,
      type: ['patched', ['a', 'b']],
      'type gone': 204,
      descriptor: ['Number 1', true],
      descriptors: ['xdm:alternateDisplayInfo'],
      'descriptor gone': 204,
      tags: ['union'],
      union: true,
      profiles: ['registry profiles'],
      exported: ['registry copy', 'registry group', 'registry profiles'],
      imported: ['registry copy', 'registry group', 'registry profiles'],
      'group in use': 'http://ns.adobe.com/aep/errors/XDM-1602-400',
      enabled: [['enabled:true', 'isUpsert:true'], ['enabled:true'], 1],
      disabled: [['enabled:false'], ['enabled:false']],
      dataset: ['patched twice', { ttlValue: 'P30D' }],
      'put dataset': [[expect.stringMatching(/^@\/dataSets\/[0-9a-f]{24}$/)], 'put'],
      observable: '_id',
      infos: false,
      batches: true,
      batch: 'success',
      failed: 0,
      'dataset gone': 200,
    })
  })

  test('loads files, whole and in parts, and looks at what was refused', async () => {
    const seen = await run('use_aepp_ingestion.py')
    expect(seen).toMatchObject({
      small: 'success',
      partial: 'success',
      failed: 'failed',
      large: 'success',
      'given up': 'failed',
      reverted: 'inactive',
      'failed files': [['rows.json', expect.any(String)]],
      meta: ['row_errors', 'input_files', 'row_errors_sample.json'],
      errors: [
        {
          name: 'parsing_errors_0.json',
          length: expect.any(String),
          _links: { self: { href: expect.stringContaining('?path=row_errors%2Fparsing_errors_0.json') } },
        },
      ],
      inputs: 1,
    })
    expect(JSON.stringify(seen['failed file'])).toContain('y')
    expect(seen['error']).toMatchObject({ _errors: [{ code: '1401' }], _filename: 'rows.json' })
    expect(JSON.stringify(seen['preview'])).toMatch(/"level":3.*"level":4|"level":4.*"level":3/)
    expect(JSON.stringify(seen['preview'])).not.toMatch(/"level":[12]\b/)
  })

  test('administers roles, policies, sandboxes and namespaces', async () => {
    await admin.must('POST', '/data/foundation/access-control/administration/roles', { name: 'aepp role' })
    const user = await admin.must('POST', '/sluice/v1/users', { name: 'Ann', email: 'ann@example.com' })
    expect(await run('use_aepp_administration.py', user)).toMatchObject({
      permissions: ['permissions', 'resource-types'],
      effective: {
        policies: {
          '/permissions/manage-datasets': ['*'],
          '/resource-types/schemas': ['read', 'write', 'delete'],
        },
      },
      shipped: true,
      put: 'put',
      role: ['view-datasets', 'view-schemas'],
      patched: ['view-datasets', 'view-schemas'],
      subjects: [true],
      'subjects left': [],
      'role gone': 204,
      'roles left': false,
      products: ['Adobe Experience Platform'],
      categories: true,
      sets: true,
      policy: ['put policy', 'patched'],
      policies: ['put policy'],
      'policy gone': 204,
      'sandbox made': ['aepp-dev', 'creating'],
      sandbox: 'Renamed',
      'sandbox reset': 'resetting',
      'sandbox id': true,
      'sandbox gone': 202,
      sandboxes: { prod: 'active', 'aepp-dev': 'deleted' },
      'sandbox types': ['development', 'production'],
      namespace: ['updated', 'changed'],
      organisation: true,
    })
  })

  test('the page of what it does here names each call that was made, and no other', async () => {
    const page = await readFile(
      join(import.meta.dirname, '..', 'docs', 'reference', 'schema-registry.md'),
      'utf8',
    )
    const table = page.slice(page.indexOf('| class | calls |'))
    const named = [...table.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].flatMap(([, name, calls = '']) =>
      [...calls.matchAll(/`(\w+)`/g)].map(([, call]) => `${name}.${call}`),
    )
    expect(named.sort()).toEqual([...called].sort())
  })
})
