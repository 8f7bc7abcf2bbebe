import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dataLakeSpecId, localFolderSpecs } from '../src/exports/destination-specs.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'
import { sluice } from './support/sluice.ts'

const flowService = '/data/foundation/flowservice'
const folder = passableFolder('without-manifests')
const home = join(folder, 'home')
const delivered = join(folder, 'delivered')

let product: Product
beforeAll(async () => {
  product = await startProduct({ home })
  await product.run('CREATE TABLE orders AS SELECT 1 AS id')
})
afterAll(async () => {
  await product?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Made {
  readonly id: string
}

async function made(): Promise<{ readonly flowId: string; readonly targetId: string }> {
  const make = (kind: string, body: object) =>
    product.call<Made>('POST', `${flowService}/${kind}`, { name: 'feed', ...body })
  const connectionSpec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
  const found = await product.call('GET', '/data/foundation/catalog/dataSets?name=orders')
  const connection = await make('connections', { connectionSpec })
  const source = await make('sourceConnections', {
    connectionSpec: { id: dataLakeSpecId, version: '1.0' },
    params: { datasets: [{ dataSetId: Object.keys(found)[0] }] },
  })
  const params = { path: delivered, datasetFileType: 'JSON', compression: 'NONE' }
  const target = await make('targetConnections', {
    baseConnectionId: connection.id,
    connectionSpec,
    params: { ...params, includeSignedManifest: false, includeFileManifest: false },
  })
  const flow = await make('flows', {
    flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
    sourceConnectionIds: [source.id],
    targetConnectionIds: [target.id],
    scheduleParams: { timeUnit: 'day', interval: 1, startTime: 4_000_000_000 },
  })
  return { flowId: flow.id, targetId: target.id }
}

const files = () =>
  readdirSync(delivered, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [entry.name] : [],
  )

const verified = async () => {
  const { code, out } = await sluice(['verify', delivered, '--format', 'json'])
  return { code, ...(JSON.parse(out) as { rowCount: number; findings: { code: string }[] }) }
}

test('without manifests nothing but data is delivered, and the sealed copies verify and restore it', async () => {
  const { flowId, targetId } = await made()
  const run = async () => {
    const { id } = await product.call<Made>('POST', `${flowService}/runs`, { flowId })
    const state = async () =>
      (await product.call<{ items: [{ sluice: { state: string } }] }>('GET', `${flowService}/runs/${id}`))
        .items[0].sluice.state
    await expect.poll(state, { timeout: 30_000, interval: 50 }).toBe('succeeded')
    return id
  }
  const runs = [await run(), await run()]
  await product.run('INSERT INTO orders SELECT 2')
  runs.push(await run())
  expect(files()).toEqual([expect.stringMatching(/^part-/), expect.stringMatching(/^part-/)])
  expect(await verified()).toMatchObject({ code: 1, findings: [{ code: 'location.empty' }, {}, {}] })

  for (const runId of runs) {
    const answer = await fetch(`${product.http}/sluice/v1/exports/runs/${runId}/manifest`, {
      headers: product.headers,
    })
    expect(answer.status).toBe(200)
    const name = /filename\*=UTF-8''(.+)$/.exec(answer.headers.get('content-disposition') ?? '')?.[1]
    const path = join(delivered, decodeURIComponent(name ?? ''))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, await answer.text())
  }
  expect(await verified()).toMatchObject({ code: 0, rowCount: 2, findings: [] })
  const restored = await sluice(['restore', delivered, '--dataset', 'again', '--home', home])
  expect(restored).toMatchObject({ code: 0 })
  expect(await product.rows('SELECT id FROM again ORDER BY id')).toEqual([[1], [2]])

  const { items } = await product.call<{ items: [{ etag: string }] }>(
    'GET',
    `${flowService}/targetConnections/${targetId}`,
  )
  await fetch(`${product.http}${flowService}/targetConnections/${targetId}`, {
    method: 'PATCH',
    headers: { ...product.headers, 'content-type': 'application/json', 'if-match': items[0].etag },
    body: JSON.stringify([{ op: 'replace', path: '/params', value: { includeSignedManifest: true } }]),
  })
  const last = await run()
  expect(files().filter((name) => name.includes(last))).toHaveLength(1)
  const manifest = readdirSync(delivered, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.includes(last),
  )!
  expect(JSON.parse(readFileSync(join(delivered, manifest), 'utf8'))).toMatchObject({
    chain: { number: 4, previous: { isElsewhere: true } },
  })
  expect(await verified()).toMatchObject({ code: 0, rowCount: 2, findings: [] })
})
