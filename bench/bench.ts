import { mkdirSync, rmSync, statSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { passableFolder } from '../test/support/passable-folder.ts'
import { startProduct, type Product } from '../test/support/product.ts'
import { dialectSessions, handWrittenSessions, timeInDuckdb } from './baselines.ts'
import { createEvents, loadFile } from './events-dataset.ts'
import { createFlow, folderDestination, runExport } from './export-flow.ts'
import { generateEvents } from './generate.ts'
import {
  bestOf,
  cellsOf,
  ownProcessorSeconds,
  peakMemoryMiB,
  processorSecondsOfAll,
  type Times,
  timesOf,
} from './measure.ts'

/**
 * The first table: load, export with manifest and hashes, and the session query, each as a ratio against DuckDB doing the
 * bare work in the same run on the same machine: by the clock, and by processor time, all processes of the product together.
 * A ratio above 1 means that the product was faster.
 */
interface Row {
  readonly what: string
  readonly rows: number
  readonly product: Times
  readonly bare: Times
}

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000,10000000' } } })
const sizes = values.rows.split(',').map(Number)
const table: Row[] = []
const memory: string[] = []

for (const rowCount of sizes) await measure(rowCount)

console.log(`\n${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}\n`)
console.log('| what | rows | Sluice | DuckDB alone | ratio | processor: Sluice | DuckDB alone | ratio |')
console.log('|---|---:|---:|---:|---:|---:|---:|---:|')
for (const { what, rows, product, bare } of table) {
  console.log(`| ${what} | ${rows.toLocaleString('en')} | ${cellsOf(product, bare)} |`)
}
console.log(`\n${memory.join('\n')}`)

async function measure(rowCount: number): Promise<void> {
  const folder = passableFolder('bench')
  try {
    const { file } = await generateEvents(join(folder, 'events.parquet'), rowCount, 7)
    await using product = await startProduct({ home: join(folder, 'home') })
    const datasetId = await createEvents(product)

    const used = () => processorSecondsOfAll(product.pid)
    const load = await timesOf(used, () => loadFile(product, datasetId, { file, format: 'parquet' }))
    const copied = join(folder, 'bare-load.parquet')
    const bareLoad = await timesOf(ownProcessorSeconds, () =>
      timeInDuckdb(
        `COPY (SELECT * FROM '${file}' ORDER BY "timestamp"::DATE, user_id, "timestamp") TO '${copied}' (FORMAT parquet, COMPRESSION zstd)`,
      ),
    )
    table.push({ what: 'load Parquet (sorted copy)', rows: rowCount, product: load, bare: bareLoad })

    const lake = `read_parquet('${join(folder, 'home', 'lake')}/**/*.parquet', hive_partitioning = false)`
    await compareSessions(product, lake, rowCount)

    const destination = join(folder, 'delivered')
    mkdirSync(destination)
    const flowId = await createFlow(product, datasetId, {
      to: folderDestination(destination),
      content: { datasetFileType: 'PARQUET', compression: 'ZSTD' },
    })
    const exported = await timesOf(used, () => runExport(product, flowId))
    const bareExport = await timesOf(ownProcessorSeconds, () =>
      timeInDuckdb(
        `COPY (SELECT _id, "timestamp", user_id, event_type, channel, page, value FROM ${lake}) TO '${join(folder, 'bare.parquet')}' (FORMAT parquet, COMPRESSION zstd)`,
      ),
    )
    table.push({
      what: 'export Parquet, staged, hashed, verified by a second reader, manifest',
      rows: rowCount,
      product: exported,
      bare: bareExport,
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
  let [ours, bare]: [Times | undefined, Times | undefined] = [undefined, undefined]
  for (let turn = 0; turn < 3; turn++) {
    const answers: unknown[] = []
    const [our, their] = [
      await timesOf(
        () => processorSecondsOfAll(product.pid),
        async () => answers.push((await product.rows(dialectSessions))[0]),
      ),
      await timesOf(ownProcessorSeconds, async () =>
        answers.push((await timeInDuckdb(handWrittenSessions(lake))).rows[0]),
      ),
    ]
    if (String(answers[0]) !== String(answers[1])) {
      throw new Error(
        `The session query answered ${String(answers[0])}, by hand it is ${String(answers[1])}.`,
      )
    }
    ours = ours ? bestOf(ours, our) : our
    bare = bare ? bestOf(bare, their) : their
  }
  table.push({ what: 'sessions and first touch', rows: rowCount, product: ours!, bare: bare! })
}
