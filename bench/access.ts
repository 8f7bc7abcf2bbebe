import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { createAccess } from '../src/access/create-access.ts'
import type { Caller } from '../src/access/access.ts'
import { systemClock } from '../src/base/clock.ts'
import { silentLogger } from '../src/base/log.ts'
import { createDatasets } from '../src/datasets/create-datasets.ts'
import type { HttpDependencies } from '../src/http/dependencies.ts'
import { createApp } from '../src/http/server.ts'
import type { Lake } from '../src/lake/lake.ts'
import { selectDatasetFigures } from '../src/metadata/overview.ts'
import { openMetadata } from '../src/metadata/open.ts'
import { createSchemas } from '../src/schemas/create-schemas.ts'
import { integerType, structType } from '../src/types/data-type.ts'

/**
 * What each request costs before its own work: the decision function, a look-up of the largest shipped schema, and the
 * Catalog's list of 10,000 datasets, each against PostgreSQL alone in the same run: `npm run bench -- --only access`.
 */
const decisions = 4_000
const lanes = 8
const lookUps = 101
const datasetCount = 10_000
const pageSize = 100
const registry = '/data/foundation/schemaregistry'
const xdm = 'https://ns.adobe.com/xdm/context'

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-access-'))
chmodSync(folder, 0o711)
try {
  await using stack = new AsyncDisposableStack()
  const home = join(folder, 'home')
  const metadata = stack.use(await openMetadata({ home, logger: silentLogger }))
  const { db } = metadata
  const clock = systemClock
  const credentialsFile = join(home, 'credentials.json')
  const access = createAccess({ metadata, credentialsFile, clock, logger: silentLogger })
  const credentials = await access.bootstrap()
  const { accessToken } = await access.issueToken(credentials)
  const principal = await access.authenticateToken(accessToken)
  const caller: Caller = { principal, sandbox: await access.sandbox(principal, 'prod') }
  const schemas = createSchemas({ metadata, access, clock, columnsAdded: async () => {} })
  const datasets = createDatasets({ metadata, access, lake: {} as Lake, schemas, clock })
  // The routes that are asked need no more; the others are only put together.
  const unused = new Proxy({}, { get: () => ({}) })
  const parts = {
    ...Object.fromEntries(
      ['query', 'streaming', 'exports', 'ingest', 'secrets', 'health'].map((name) => [name, unused]),
    ),
    access,
    schemas,
    datasets,
    clock,
    logger: silentLogger,
    limits: { uploadBytesMax: 1 },
    version: '0',
    statistics: (asker: Caller, ids: Parameters<typeof selectDatasetFigures>[2]) =>
      selectDatasetFigures(db, asker.sandbox.id, ids),
  }
  const app = await createApp(parts as unknown as HttpDependencies)
  stack.defer(async () => await app.close())
  const headers = {
    authorization: `Bearer ${accessToken}`,
    'x-api-key': credentials.clientId,
    'x-gw-ims-org-id': credentials.organizationId,
  }
  const ask = async (url: string, more: Record<string, string> = {}): Promise<string> => {
    const answer = await app.inject({ method: 'GET', url, headers: { ...headers, ...more } })
    if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`)
    return answer.body
  }

  const question = { principal, permission: 'view-datasets', sandboxId: caller.sandbox.id } as const
  const decided = await perSecond(decisions, async () => {
    if (!(await access.decide(question)).isAllowed) throw new Error('Nothing is allowed.')
  })
  const bareRoundTrips = await perSecond(decisions, async () => {
    await sql`select 1 from principals where id = ${principal.id}`.execute(db)
  })

  const made = await schemas.create(caller, 'schemas', {
    title: 'Analytics',
    allOf: [
      { $ref: `${xdm}/experienceevent` },
      { $ref: 'https://ns.adobe.com/experience/analytics-experienceevent' },
    ],
  })
  const schemaId = String(made.document['$id'])
  const at = `${registry}/tenant/schemas/${encodeURIComponent(schemaId)}`
  const accept = { accept: 'application/vnd.adobe.xed-full+json; version=1' }
  const resolved = await ask(at, accept)
  const lookedUp = await medianMs(lookUps, async () => void (await ask(at, accept)))
  const printed = await medianMs(lookUps, async () => {
    await sql`select document from schemas where id = ${schemaId}`.execute(db)
    JSON.stringify(JSON.parse(resolved))
  })

  const row = {
    sandbox: caller.sandbox.id,
    schemaId,
    columns: JSON.stringify(structType([{ name: 'n', type: integerType }])),
    by: principal.id,
  }
  await sql`insert into datasets (id, sandbox_id, name, description, table_name, table_id, schema_id, columns,
      required_fields, constraints, behavior, tags, properties, version, created_at, updated_at, created_by)
    select lpad(to_hex(n), 24, '0'), ${row.sandbox}, 'dataset ' || n, '', 'dataset_' || n, gen_random_uuid(),
      ${row.schemaId}, ${row.columns}, '[]', '[]', 'record', '{}', '{}', 0, now(), now(), ${row.by}
    from generate_series(1, ${datasetCount}) as n`.execute(db)
  const listed = await bestSeconds(async () => {
    let count = 0
    for (let start = 0; start < datasetCount; start += pageSize) {
      const url = `/data/foundation/catalog/dataSets?limit=${pageSize}&start=${start}`
      count += Object.keys(JSON.parse(await ask(url)) as object).length
    }
    if (count !== datasetCount) throw new Error(`${count} datasets were listed.`)
  })
  const selected = await bestSeconds(async () => {
    for (let start = 0; start < datasetCount; start += pageSize) {
      await sql`select * from datasets where sandbox_id = ${row.sandbox} and deleted_at is null
        order by created_at desc, id limit ${pageSize} offset ${start}`.execute(db)
    }
  })

  console.log(`\n${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}\n`)
  console.log('| what | Sluice | PostgreSQL alone | ratio |\n|---|---:|---:|---:|')
  const line = (what: string, ours: string, bare: string, ratio: number) =>
    console.log(`| ${what} | ${ours} | ${bare} | ${ratio.toFixed(2)} |`)
  line(
    `decision function, ${lanes} at once, against a look-up by key`,
    `${Math.round(decided)} / s`,
    `${Math.round(bareRoundTrips)} / s`,
    decided / bareRoundTrips,
  )
  line(
    `resolved look-up of the largest shipped schema (${Math.round(resolved.length / 1024)} KiB), p50, against its row and its answer parsed and printed`,
    `${lookedUp.toFixed(1)} ms`,
    `${printed.toFixed(1)} ms`,
    printed / lookedUp,
  )
  line(
    `Catalog list of ${datasetCount.toLocaleString('en')} datasets in pages of ${pageSize}, against the rows`,
    `${listed.toFixed(2)} s`,
    `${selected.toFixed(2)} s`,
    selected / listed,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  for (let warm = 0; warm < 100; warm += 1) await work()
  const startedAt = performance.now()
  const lane = async () => {
    for (let done = 0; done < count / lanes; done += 1) await work()
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return count / ((performance.now() - startedAt) / 1000)
}

async function medianMs(count: number, work: () => Promise<void>): Promise<number> {
  const spans: number[] = []
  for (let done = 0; done < count; done += 1) {
    const startedAt = performance.now()
    await work()
    spans.push(performance.now() - startedAt)
  }
  return spans.toSorted((one, other) => one - other)[Math.floor(count / 2)] ?? 0
}

async function bestSeconds(work: () => Promise<void>): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < 3; turn += 1) {
    const startedAt = performance.now()
    await work()
    best = Math.min(best, (performance.now() - startedAt) / 1000)
  }
  return best
}
