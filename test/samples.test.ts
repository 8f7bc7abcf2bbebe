import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { samples } from '#samples/samples.ts'
import type { Answer, Truth } from '#samples/sample.ts'
import { type DatasetDocument, tableOf } from '../src/cli/datasets.ts'
import { startFaultProxy } from './support/fault-proxy.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'
import { type Ran, sluice } from './support/sluice.ts'
import { isSparkMissing, sparkServer } from './support/spark-server.ts'

const base = '/data/foundation/query'
/** Holds the day on which clocks in Europe go forward. */
const lastDay = '2026-04-10'
const scale = ['--profiles', '300', '--last-day', lastDay]

let folder: string
let home: string
let product: Product
const installed: Record<string, Ran> = {}
const truths: Record<string, Truth> = {}
let templates: Readonly<
  Record<
    string,
    { readonly id: string; readonly sql: string; readonly queryParameters: Record<string, string> }
  >
>

beforeAll(async () => {
  folder = passableFolder('samples')
  home = join(folder, 'home')
  const spark = isSparkMissing ? undefined : await sparkServer()
  product = await startProduct({
    home,
    env: spark ? { SLUICE_SPARK_ADDRESS: `${spark.host}:${spark.port}` } : {},
  })
  await interruptedInstall('retail')
  for (const { name } of samples) {
    const ledger = join(folder, `${name}.json`)
    installed[name] = await sluice(['sample', 'install', name, ...scale, '--ledger', ledger, '--home', home])
    expect(installed[name]).toMatchObject({ code: 0, err: expect.stringContaining(`${name} is there:`) })
    truths[name] = JSON.parse(await readFile(ledger, 'utf8')) as Truth
  }
  const list = await product.call<{
    templates: { id: string; name: string; sql: string; queryParameters: Record<string, string> }[]
  }>('GET', `${base}/query-templates?limit=1000`)
  templates = Object.fromEntries(list.templates.map((template) => [template.name, template]))
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/**
 * Dies when it has made two datasets, and hears no answer when it would make a third; what it leaves is what the next one
 * begins with.
 */
async function interruptedInstall(name: string): Promise<void> {
  await using proxy = await startFaultProxy(product.http)
  const creation = { method: 'POST', url: /^\/data\/foundation\/catalog\/dataSets/ }
  proxy.fail(creation, { kind: 'silent' }, Number.MAX_SAFE_INTEGER, 2)
  const byProxy = join(folder, 'by-proxy')
  await mkdir(byProxy)
  await copyFile(join(home, 'credentials.json'), join(byProxy, 'credentials.json'))
  const server = JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as object
  await writeFile(join(byProxy, 'server.json'), JSON.stringify({ ...server, http: proxy.endpoint }))
  const main = join(import.meta.dirname, '..', 'src', 'main.ts')
  const args = [
    '--disable-warning=ExperimentalWarning',
    main,
    'sample',
    'install',
    name,
    ...scale,
    '--home',
    byProxy,
  ]
  // What it leaves of files is found with the rest.
  const child = spawn(process.execPath, args, { stdio: 'ignore', env: { ...process.env, TMPDIR: folder } })
  const exited = once(child, 'exit')
  const made = async () => Object.keys(await product.call('GET', '/data/foundation/catalog/dataSets'))
  while ((await made()).length < 2) await delay(20)
  child.kill('SIGKILL')
  expect(await exited).toEqual([null, 'SIGKILL'])
  expect(await made()).toHaveLength(2)
}

const answerOf = (sample: string, query: string): Answer => {
  const answer = truths[sample]?.answers[query]
  if (!answer) throw new Error(`The ledger of ${sample} knows nothing of ${query}`)
  return answer
}

async function rowsOf(
  query: string,
  queryParameters: Readonly<Record<string, string>>,
): Promise<unknown[][]> {
  const { results } = await product.call<{ results: object[] }>('POST', `${base}/accelerated-queries`, {
    dbName: 'prod:all',
    templateId: templates[query]?.id,
    queryParameters,
  })
  return results.map((row) => Object.values(row))
}

/** Ratios and sums of money may differ in their last bits. */
function expectRows(actual: readonly (readonly unknown[])[], expected: Answer['rows']): void {
  const rounded = (rows: Answer['rows']) =>
    rows.map((row) => row.map((value) => (typeof value === 'number' ? value.toPrecision(12) : value)))
  expect(rounded(actual)).toEqual(rounded(expected))
}

const queriesOf = (sample: string): string[] => {
  const [found] = samples.filter(({ name }) => name === sample)
  const generation = found?.generate({ profiles: 100, days: 21, seed: 1, lastDay }, 'prod')
  return Object.keys(generation?.truth().answers ?? {})
}

describe.each(samples.map(({ name }) => name))('the sample %s', (name) => {
  it.concurrent.each(queriesOf(name))('answers %s as its ledger does', async (query) => {
    const { parameters, rows } = answerOf(name, query)
    expect(rows.flat()).not.toEqual([])
    expectRows(await rowsOf(query, parameters), rows)
  })

  test('has every query of its folder in its ledger', () => {
    const prefix = name === 'journey' ? 'ajo_' : 'retail_'
    const saved = Object.keys(templates).filter((query) => query.startsWith(prefix))
    expect(saved.toSorted()).toEqual(queriesOf(name).toSorted())
  })

  test('has as many rows in each table as its ledger says', async () => {
    for (const [table, count] of Object.entries(truths[name]?.rows ?? {})) {
      expect([table, await product.rows(`SELECT count(*) FROM ${table}`)]).toEqual([table, [[count]]])
    }
  })

  test('is installed once, however often it is asked for', async () => {
    const again = await sluice(['sample', 'install', name, '--home', home])
    expect(again).toMatchObject({ code: 0, err: expect.stringContaining('is there already') })
    expect(again.out).not.toMatch(/\bnew\b/)
    expect(again.out).toMatch(/\bthere\b/)
  })
})

describe.skipIf(isSparkMissing)('on Spark', () => {
  it.each(['ajo_q18_rejections_by_rule', 'ajo_q24_entries_that_wait', 'ajo_q29b_proposed_offers'])(
    'answers %s as the ledger does',
    async (query) => {
      const { sql, queryParameters } = templates[query] ?? { sql: '', queryParameters: {} }
      const { parameters, rows } = answerOf('journey', query)
      const filled = Object.entries({ ...queryParameters, ...parameters }).reduce(
        (text, [key, value]) => text.replaceAll(new RegExp(`\\$${key}\\b`, 'g'), value),
        sql,
      )
      expectRows(await product.rows(`SET engine = spark; ${filled}`), rows)
    },
  )
})

describe('the datasets of Journey Optimizer', () => {
  const datasets = async () =>
    Object.entries(
      await product.call<Record<string, DatasetDocument>>(
        'GET',
        '/data/foundation/catalog/dataSets?limit=100',
      ),
    ).map(([id, document]) => ({ ...document, id }))
  const answerTo = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${product.http}${path}`, {
      method,
      headers: { ...product.headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    return [answer.status, await answer.text()]
  }

  const inletUrl = async (): Promise<string> => {
    const connections = '/data/foundation/flowservice/connections'
    const made = await product.call<{ id: string }>('POST', connections, {
      name: 'web',
      connectionSpec: { id: 'bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb', version: '1.0' },
      auth: { specName: 'Streaming Connection', params: { sourceId: 'web', dataType: 'xdm' } },
    })
    const { items } = await product.call<{ items: [{ auth: { params: { inletId: string } } }] }>(
      'GET',
      `${connections}/${made.id}`,
    )
    return `/collection/${items[0].auth.params.inletId}`
  }
  const message = (datasetId: string) => {
    const schemaRef = { id: 'https://ns.example/schemas/any', contentType: 'application/json' }
    return {
      header: { schemaRef, imsOrgId: product.headers['x-gw-ims-org-id'], datasetId },
      body: { xdmMeta: { schemaRef }, xdmEntity: { _id: 'e1' } },
    }
  }

  test('are called as the platform calls them', async () => {
    const names = new Map((await datasets()).map((dataset) => [tableOf(dataset), dataset.name]))
    expect(names.get('decision_object_repository_fallback_offers')).toBe(
      'Decision Object Repository – Fallback Offers',
    )
    expect(names.get('ode_decisionevents_prod_decisioning')).toBe('ODE DecisionEvents – prod decisioning')
  })

  test('are the system’s own, and those of the shop are not', async () => {
    for (const { tags, classification } of await datasets())
      expect([tableOf({ tags } as DatasetDocument), classification.managedBy]).toEqual([
        expect.any(String),
        tags['sample']?.[0] === 'journey' ? 'SYSTEM' : 'CUSTOMER',
      ])
  })

  test('are read, take no rows by any door, and are not deleted', async () => {
    const table = 'ajo_entity_dataset'
    const { id } = (await datasets()).find((dataset) => tableOf(dataset) === table) as DatasetDocument
    const [before] = await product.rows(`SELECT count(*) FROM ${table}`)
    const refused = [403, expect.stringContaining('is a system dataset: it is read-only')]
    const catalog = '/data/foundation/catalog/dataSets'
    const batch = { datasetId: id, inputFormat: { format: 'json' } }
    expect(await answerTo('DELETE', `${catalog}/${id}`)).toEqual(refused)
    expect(await answerTo('POST', '/data/foundation/import/batches', batch)).toEqual(refused)
    expect(await answerTo('POST', '/data/core/hygiene/ttl', { datasetId: id, expiry: '2099-01-01' })).toEqual(
      refused,
    )
    const loaded = await product.call<object>('GET', `/data/foundation/catalog/batches?dataSet=${id}`)
    const revert = `/data/foundation/import/batches/${Object.keys(loaded)[0]}?action=REVERT`
    expect(await answerTo('POST', revert)).toEqual(refused)
    for (const sql of [
      `INSERT INTO ${table} SELECT * FROM ${table}`,
      `DROP TABLE ${table}`,
      `ALTER TABLE ${table} ADD COLUMN more STRING`,
    ])
      await expect(product.run(sql)).rejects.toThrow('is a system dataset: it is read-only')
    expect(await answerTo('DELETE', `/iceberg/v1/namespaces/prod/tables/${table}`)).toEqual(refused)
    expect(await answerTo('POST', await inletUrl(), message(id))).toEqual(refused)
    expect(await product.rows(`SELECT count(*) FROM ${table}`)).toEqual([before])
    expect((await datasets()).map((dataset) => dataset.id)).toContain(id)
  })

  test('are given back by an administrator, and given to the system again by the next installation', async () => {
    const table = 'ajo_surfaces_dataset'
    const { id } = (await datasets()).find((dataset) => tableOf(dataset) === table) as DatasetDocument
    const managed = `/sluice/v1/datasets/${id}/managed-by`
    expect(await answerTo('PUT', managed, { managedBy: 'CUSTOMER' })).toEqual([204, ''])
    expect((await datasets()).find((one) => one.id === id)?.classification.managedBy).toBe('CUSTOMER')
    await sluice(['sample', 'install', 'journey', '--home', home])
    expect((await datasets()).find((one) => one.id === id)?.classification.managedBy).toBe('SYSTEM')
  })
})

test('shows the level each dataset belongs to', () => {
  expect(installed['journey']?.out).toMatch(/ajo_entity_dataset +Prime +14 +new/)
  expect(installed['journey']?.out).toMatch(/decision_object_repository_placements +Ultimate +1 +new/)
  expect(installed['journey']?.out).toMatch(/ajo_surfaces_dataset +Prime +0 +new/)
})

test('is not made at another scale beside the one there is', async () => {
  const other = await sluice(['sample', 'install', 'retail', '--profiles', '400', '--home', home])
  expect(other).toMatchObject({ code: 2, err: expect.stringContaining('profiles=300') })
})

test('says what it would make in a sandbox that has none, and makes nothing', async () => {
  await sluice(['sandbox', 'create', 'empty', '--home', home])
  const dry = ['sample', 'install', 'retail', '--sandbox', 'empty', '--dry-run', '--home', home]
  const planned = await sluice([...dry, ...scale])
  expect(planned).toMatchObject({ code: 0, err: expect.stringContaining('Nothing was made') })
  for (const [table, count] of Object.entries(truths['retail']?.rows ?? {})) {
    expect(planned.out.replaceAll(',', '')).toMatch(new RegExp(`${table} +${count} +would be made`))
  }
  const list = await sluice(['sample', 'list', '--sandbox', 'empty', '--home', home])
  expect(list.out.match(/\(not there\)/g)).toHaveLength(samples.length)
})

test('its queries are run by name, with defaults and with other values', async () => {
  const lines = async (...more: string[]) => {
    const run = ['template', 'run', 'ajo_q01_interactions_of_execution', '--format', 'csv', '--home', home]
    const ran = await sluice([...run, ...more])
    expect([ran.code, ran.err]).toEqual([0, ''])
    return ran.out.trim().split('\n').slice(1)
  }
  const { rows } = answerOf('journey', 'ajo_q01_interactions_of_execution')
  expect(await lines()).toEqual(rows.map((row) => row.join(',')))
  expect(await lines('--set', 'execution=BMA-0')).toEqual([])
  expect(await sluice(['template', 'run', 'nothing', '--home', home])).toMatchObject({ code: 3 })
})

describe('several who install a sample in one sandbox at the same time', () => {
  const install = (sandbox: string, ...more: string[]) => [
    'sample',
    'install',
    'retail',
    '--sandbox',
    sandbox,
    ...more,
  ]
  const state = async (sandbox: string): Promise<Record<string, number>> => {
    const list = await sluice(['dataset', 'list', '--sandbox', sandbox, '--format', 'json', '--home', home])
    const datasets = JSON.parse(list.out) as DatasetDocument[]
    return Object.fromEntries(
      datasets.map((dataset) => [tableOf(dataset), dataset.extensions.adobe_lakeHouse.metrics.rowCount]),
    )
  }

  test('make it once, together, by one scale', async () => {
    await sluice(['sandbox', 'create', 'together', '--home', home])
    const ran = await Promise.all(
      ['300', '300', '200'].map(async (profiles, index) => {
        const ledger = join(folder, `together-${index}.json`)
        const size = ['--profiles', profiles, '--last-day', lastDay, '--ledger', ledger, '--home', home]
        return { ...(await sluice(install('together', ...size))), profiles, ledger }
      }),
    )
    // Who asked for another scale than the first one is told so.
    const first = ran.find(({ code }) => code === 0)
    expect(ran.map(({ code, err }) => [code, err])).toEqual(
      ran.map(({ profiles }) =>
        profiles === first?.profiles
          ? [0, expect.stringContaining('retail is there:')]
          : [2, expect.stringContaining('is there with profiles=')],
      ),
    )
    const { rows } = JSON.parse(await readFile(first?.ledger ?? '', 'utf8')) as Truth
    expect(await state('together')).toEqual(rows)
  })

  test('make it once, although one of them dies while it loads', async () => {
    await sluice(['sandbox', 'create', 'dying', '--home', home])
    const args = install('dying', ...scale, '--home', home)
    const main = join(import.meta.dirname, '..', 'src', 'main.ts')
    const killed = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: folder },
    })
    const exited = once(killed, 'exit')
    const other = sluice(args)
    const rows = async () => Object.values(await state('dying')).reduce((sum, count) => sum + count, 0)
    while ((await rows()) === 0) await delay(20)
    killed.kill('SIGKILL')
    await exited
    expect(await other).toMatchObject({ code: 0 })
    expect(await sluice(args)).toMatchObject({ code: 0, err: expect.stringContaining('is there already') })
    expect(await state('dying')).toEqual(truths['retail']?.rows)
  })
})

test('leaves tables of others alone', async () => {
  await sluice(['sandbox', 'create', 'taken', '--home', home])
  await sluice([
    'sql',
    '--sandbox',
    'taken',
    '--home',
    home,
    '-c',
    'CREATE TABLE retail_calls AS SELECT 1 AS a',
  ])
  const refused = await sluice(['sample', 'install', 'retail', '--sandbox', 'taken', '--home', home])
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('retail_calls') })
  const list = await sluice(['sample', 'list', '--sandbox', 'taken', '--home', home])
  expect(list).toMatchObject({ code: 0, out: expect.stringMatching(/\(not there; .*: retail_calls\)/) })
  const left = await sluice(['dataset', 'list', '--sandbox', 'taken', '--format', 'json', '--home', home])
  expect(JSON.parse(left.out)).toHaveLength(1)
})
