import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { passableFolder } from '../test/support/passable-folder.ts'
import { startProduct, type Product } from '../test/support/product.ts'
import { dialectSessions, handWrittenSessions, timeInDuckdb } from './baselines.ts'
import { createEvents, loadFile, until } from './events-dataset.ts'
import { generateEvents } from './generate.ts'

/**
 * The first table: load, export with manifest and hashes, and the session query, each as a ratio against DuckDB doing the
 * bare work in the same run on the same machine. A ratio above 1 means that the product was faster.
 */
interface Row {
  readonly what: string
  readonly rows: number
  readonly productSeconds: number
  readonly bareSeconds: number
}

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000,10000000' } } })
const sizes = values.rows.split(',').map(Number)
const table: Row[] = []
const memory: string[] = []

for (const rowCount of sizes) await measure(rowCount)

console.log(`\n${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}\n`)
console.log('| what | rows | Sluice | DuckDB alone | ratio |\n|---|---:|---:|---:|---:|')
for (const row of table) {
  console.log(
    `| ${row.what} | ${row.rows.toLocaleString('en')} | ${row.productSeconds.toFixed(2)} s | ${row.bareSeconds.toFixed(2)} s | ${(row.bareSeconds / row.productSeconds).toFixed(2)} |`,
  )
}
console.log(`\n${memory.join('\n')}`)

async function measure(rowCount: number): Promise<void> {
  const folder = passableFolder('bench')
  try {
    const { file } = await generateEvents(join(folder, 'events.parquet'), rowCount, 7)
    await using product = await startProduct({ home: join(folder, 'home') })
    const datasetId = await createEvents(product)

    const load = await seconds(() => loadFile(product, datasetId, { file, format: 'parquet' }))
    const copied = join(folder, 'bare-load.parquet')
    const bareLoad = await timeInDuckdb(
      `COPY (SELECT * FROM '${file}' ORDER BY "timestamp"::DATE, user_id, "timestamp") TO '${copied}' (FORMAT parquet, COMPRESSION zstd)`,
    )
    table.push({
      what: 'load Parquet (sorted copy)',
      rows: rowCount,
      productSeconds: load,
      bareSeconds: bareLoad.seconds,
    })

    const lake = `read_parquet('${join(folder, 'home', 'lake')}/**/*.parquet', hive_partitioning = false)`
    await compareSessions(product, lake, rowCount)

    const destination = join(folder, 'delivered')
    mkdirSync(destination)
    const flowId = await createFlow(product, datasetId, destination)
    const exported = await seconds(() => runExport(product, flowId))
    const bareExport = await timeInDuckdb(
      `COPY (SELECT _id, "timestamp", user_id, event_type, channel, page, value FROM ${lake}) TO '${join(folder, 'bare.parquet')}' (FORMAT parquet, COMPRESSION zstd)`,
    )
    table.push({
      what: 'export Parquet, staged, hashed, verified by a second reader, manifest',
      rows: rowCount,
      productSeconds: exported,
      bareSeconds: bareExport.seconds,
    })
    memory.push(
      `${rowCount.toLocaleString('en')} rows (${Math.round(statSync(file).size / 2 ** 20)} MiB of Parquet): the server process peaked at ${peakMemoryMiB(product.pid)} MiB.`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Best of three each, in turns, so that both meet the same machine. */
async function compareSessions(product: Product, lake: string, rowCount: number): Promise<void> {
  const ours: number[] = []
  const bare: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    const startedAt = performance.now()
    const [answer] = await product.rows(dialectSessions)
    ours.push((performance.now() - startedAt) / 1000)
    const reference = await timeInDuckdb(handWrittenSessions(lake))
    bare.push(reference.seconds)
    if (String(answer) !== String(reference.rows[0])) {
      throw new Error(
        `The session query answered ${String(answer)}, by hand it is ${String(reference.rows[0])}.`,
      )
    }
  }
  table.push({
    what: 'sessions and first touch',
    rows: rowCount,
    productSeconds: Math.min(...ours),
    bareSeconds: Math.min(...bare),
  })
}

async function createFlow(product: Product, datasetId: string, folder: string): Promise<string> {
  const make = async (kind: string, body: object): Promise<string> =>
    (await product.call<{ id: string }>('POST', `/data/foundation/flowservice/${kind}`, body)).id
  const connectionSpec = { id: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c31', version: '1.0' }
  const baseConnectionId = await make('connections', { name: 'folder', connectionSpec })
  const source = await make('sourceConnections', {
    name: 'lake',
    connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
    params: { datasets: [{ dataSetId: datasetId }] },
  })
  const target = await make('targetConnections', {
    name: 'folder',
    baseConnectionId,
    connectionSpec,
    params: { mode: 'Server-to-server', path: folder, datasetFileType: 'PARQUET', compression: 'NONE' },
  })
  return make('flows', {
    name: 'bench',
    flowSpec: { id: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c32', version: '1.0' },
    sourceConnectionIds: [source],
    targetConnectionIds: [target],
    transformations: [],
    scheduleParams: {
      exportMode: 'DAILY_FULL_EXPORT',
      timeUnit: 'day',
      interval: 0,
      startTime: Math.floor(Date.now() / 1000) + 86_400,
    },
  })
}

async function runExport(product: Product, flowId: string): Promise<void> {
  await product.call('POST', '/data/foundation/flowservice/runs', { flowId })
  await until(async () => {
    const { items } = await product.call<{ items: { metrics: { statusSummary: { status: string } } }[] }>(
      'GET',
      `/data/foundation/flowservice/runs?property=flowId==${flowId}`,
    )
    const status = items[0]?.metrics.statusSummary.status
    if (status === 'failed') throw new Error(`The export failed: ${JSON.stringify(items[0])}`)
    return status === 'success'
  })
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1000
}

function peakMemoryMiB(pid: number): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024)
}
