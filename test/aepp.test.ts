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
  const calledOfFlows = new Set<string>()

  beforeAll(async () => {
    base = await mkdtemp('/tmp/sluice-aepp-')
    await chmod(base, 0o711)
    const env = { SLUICE_STREAMING_BATCH_MS: '200ms' }
    product = await startProduct({ home: join(base, 'home'), env })
    const credentials = await readFile(join(base, 'home', 'credentials.json'), 'utf8')
    admin = await signIn(product.http, JSON.parse(credentials) as ClientCredentials)
  })
  afterAll(async () => {
    await product[Symbol.asyncDispose]()
    await rm(base, { recursive: true, force: true })
  })

  async function run(
    script: string,
    given?: unknown,
    calls: Set<string> = called,
  ): Promise<Record<string, unknown>> {
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
    for (const name of seen['called'] as string[]) calls.add(name)
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
      dataset: 'patched twice',
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
      'upload preview': { data: [{ _id: '6' }], refused: [{ file: 'rows.json', row: 2 }] },
      loaded: [1, 'PAR1', true],
      replayed: ['success', 'inactive'],
      last: [true, 'success', true],
      views: [true, true],
      'view files': [true, { records: 1, size: expect.any(Number), isValid: true }],
    })
    expect(JSON.stringify(seen['failed file'])).toContain('y')
    expect(seen['error']).toMatchObject({ _errors: [{ code: '1401' }], _filename: 'rows.json' })
    expect(JSON.stringify(seen['preview'])).toMatch(/"level":3.*"level":4|"level":4.*"level":3/)
    expect(JSON.stringify(seen['preview'])).not.toMatch(/"level":[12]\b/)
  })

  test('streams messages, and says how long rows and datasets stay', async () => {
    expect(await run('use_aepp_streaming.py')).toMatchObject({
      inlet: expect.stringMatching(/^[0-9a-f]{64}$/),
      message: expect.stringMatching(/^\d+:/),
      messages: [expect.any(String), 400],
      rows: 2,
      kept: 'P30D',
      set: ['pending', '2999-12-31T00:00:00Z'],
      changed: '2999-12-30T00:00:00Z',
      listed: 1,
      cancelled: 'cancelled',
    })
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
      identity: ['xid'],
      organisation: true,
    })
  })

  test('runs, schedules and watches queries', async () => {
    await product.run('CREATE TABLE aepp_digits AS SELECT explode(sequence(0, 9)) AS d')
    const sizes = await admin.must('GET', '/data/foundation/catalog/dataSets?name=aepp_digits')
    const [dataset] = Object.keys(sizes)
    const tables = 'abcdefghijklmnop'
      .split('')
      .map((letter) => `aepp_digits ${letter}`)
      .join(', ')
    const endless = `SELECT count(*) FROM ${tables} WHERE a.d + b.d > random()`
    expect(await run('use_aepp_queries.py', { dataset, endless, accelerated: true })).toMatchObject({
      connection: ['prod:all', Number(product.postgres.split(':')[1])],
      made: ['SUBMITTED', 'SUCCESS', true, 1],
      queries: ['aepp insert', 'aepp query'],
      paged: 3,
      killed: ['Query cancel request received', 'KILLED', expect.anything()],
      template: { who: 'aepp' },
      templates: ['aepp page 0', 'aepp page 1', 'aepp page 2', 'aepp template'],
      schedule: ['0 0 2 1 *', 'Request to patch accepted'],
      schedules: ['aepp schedule'],
      runs: [0, 25, 25, 'SUCCESS'],
      alert: 'enabled',
      alerts: [true],
      'of asset': [1, 1],
      patched: 'disabled',
      'of user': ['aepp schedule'],
      switched: [
        'Schedule already in the state request',
        'Request to patch accepted',
        'Request to patch accepted',
      ],
      statistics: 10,
      resource: 1,
      accelerated: [{ three: 3 }],
    })
  })

  test('asks over the PostgreSQL protocol', async () => {
    const inProfiles = (table: string, select: string) =>
      `CREATE TABLE qsaccel.profile_agg.adwh_${table} AS SELECT 7 AS MERGE_POLICY_ID, ${select};`
    const counts = 'current_date AS DATE_KEY, 9 AS COUNT_OF_PROFILES, 8 AS COUNT_OF_IDENTITIES'
    const ofNamespace = `4 AS NAMESPACE_ID, ${counts}, 7 AS COUNT_OF_SINGLE_IDENTITY_PROFILES`
    // What the platform itself keeps there of profiles is made by hand here.
    await product.run(`
      CREATE TABLE aepp_people AS SELECT 1 AS person, 'Ann' AS name, map('ECID', array(struct('e1' AS id))) AS identityMap
        UNION ALL SELECT 2, 'Bob', map('ECID', array(struct('e2' AS id)));
      CREATE DATABASE qsaccel WITH (TYPE=QSACCEL, ACCOUNT=acp_query_batch); CREATE SCHEMA qsaccel.profile_agg;
      ${inProfiles('dim_merge_policies', "'default' AS MERGE_POLICY, true AS IS_DEFAULT_MERGE_POLICY")}
      ${inProfiles('dim_namespaces', "4 AS NAMESPACE_ID, 'ECID' AS NAMESPACE_DESCRIPTION")}
      ${inProfiles('fact_profile_by_trendlines', counts)}
      ${inProfiles('lkup_process_delta_log', "'FACT_TABLES_PROCESSING' AS PROCESS_NAME, 'SUCCESSFUL' AS PROCESS_STATUS, now() AS PROCESS_DATE")}
      ${inProfiles('fact_profile_by_namespace', ofNamespace)}
      ${inProfiles('fact_profile_by_namespace_trendlines', ofNamespace)}
      ${inProfiles('fact_profile_by_segment_trendlines', `3 AS SEGMENT_ID, ${counts}, 1 AS COUNT_OF_CALCULATED_REALIZED_PROFILES, 1 AS COUNT_OF_CALCULATED_EXISTING_PROFILES, 1 AS COUNT_OF_CALCULATED_EXITED_PROFILES`)}
      ${inProfiles('dim_segments', "3 AS SEGMENT_ID, 'id' AS SEGMENT, 'Loyal' AS SEGMENT_NAME, 'UPS' AS SEGMENT_NAMESPACE")}`)
    expect(await run('use_aepp_interactive.py')).toMatchObject({
      default: [7, 'default'],
      query: [
        [1, 'Ann'],
        [2, 'Bob'],
      ],
      nothing: 0,
      raw: { columns: ['five'], data: [[5]] },
      history: ['made_current_at', 'snapshot_id', 'parent_id', 'is_current', 1],
      profiles: ['DATE_KEY', 'count_of_profiles', 1],
      namespaces: {
        columns: [
          'NAMESPACE_DESCRIPTION',
          'COUNT_OF_PROFILES',
          'COUNT_OF_SINGLE_IDENTITY_PROFILES',
          'COUNT_OF_IDENTITIES',
        ],
        data: [['ECID', 9, 7, 8]],
      },
      'namespaces trend': [
        'DATE_KEY',
        'NAMESPACE',
        'COUNT_OF_PROFILES',
        'COUNT_OF_IDENTITIES',
        'COUNT_OF_SINGLE_IDENTITY_PROFILES',
        1,
      ],
      'audiences trend': expect.arrayContaining(['DATE_KEY', 'AUDIENCE_NAME', 1]),
      identity: ['name', 'identityMap'],
      'by name': [[2]],
    })
  })

  test('exports datasets to the landing zone by its recipes', async () => {
    await product.run('CREATE TABLE aepp_one AS SELECT 1 AS n, 2 AS m')
    await product.run('CREATE TABLE aepp_two AS SELECT explode(sequence(1, 7)) AS n')
    const named = await admin.must('GET', '/data/foundation/catalog/dataSets?limit=100')
    const idOf = (table: string) =>
      Object.entries(named as Record<string, { tags: Record<string, string[]> }>).find(
        ([, { tags }]) => tags['adobe/pqs/table']?.[0] === table,
      )?.[0]
    const seen = await run('use_aepp_flows.py', [idOf('aepp_one'), idOf('aepp_two')], calledOfFlows)
    expect(seen).toMatchObject({
      exportable: true,
      names: ['aepp_one', 'aepp_two'],
      implicit: '23598e46-f560-407b-88d5-ea6207e49db0',
      target: ['/aepp', 'GZIP', 'PARQUET', 'Server-to-server'],
      destination: true,
      schedule: ['FIRST_FULL_THEN_INCREMENTAL', 'day', 1],
      'by hand': ['success', 1, 1, true, true],
      'ad hoc': ['success', 1, 1, true, true],
      stale: 412,
      state: 'disabled',
      spec: ['Data Landing Zone datasets', 'batch'],
      lake: ['23598e46-f560-407b-88d5-ea6207e49db0'],
      specs: [
        'Amazon S3',
        'Azure Blob Storage',
        'Azure Data Lake Gen2',
        'Data Landing Zone',
        'Google Cloud Storage',
        'Local folder',
        'SFTP',
        'activation-datalake',
      ],
      unit: ['hour', 3],
      texts: 'CSV',
      flows: [2, 2],
      runs: [1, 7],
      landing: ['prod', 7, 'dlz-destination', true, true, true, 400],
      base: true,
      used: expect.stringContaining('is used by flows'),
    })
  })

  test('the pages of what it does here name each call that was made, and no other', async () => {
    const named: string[] = []
    for (const name of ['reference/schema-registry.md', 'reference/query-api.md', 'guides/loading-data.md']) {
      const page = await readFile(join(import.meta.dirname, '..', 'docs', name), 'utf8')
      const table = page.slice(page.indexOf('| class | calls |'))
      for (const [, of, calls = ''] of table.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)) {
        named.push(...[...calls.matchAll(/`(\w+)`/g)].map(([, call]) => `${of}.${call}`))
      }
    }
    expect(named.sort()).toEqual([...called].sort())
  })

  test('the page of the Flow Service names each call that was made of it, and no other', async () => {
    const page = await readFile(join(import.meta.dirname, '..', 'docs/reference/flow-service.md'), 'utf8')
    const named = [...page.matchAll(/`((?:FlowService|ExportDatasetToDataLandingZone)\.\w+)`/g)].map(
      ([, call = '']) => call,
    )
    expect(named.sort()).toEqual([...calledOfFlows].sort())
  })
})
