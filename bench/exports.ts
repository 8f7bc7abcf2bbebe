import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { destinationKinds, startDestination } from '../test/support/destinations.ts'
import type { FlowDestination } from '../test/support/exports.ts'
import { passableFolder } from '../test/support/passable-folder.ts'
import { startProduct, type Product } from '../test/support/product.ts'
import { timeInDuckdb } from './baselines.ts'
import { createEvents, loadFile } from './events-dataset.ts'
import { createFlow, folderDestination, runExport } from './export-flow.ts'
import { generateEvents } from './generate.ts'
import {
  bestOf,
  cellsOf,
  otherThreadsSeconds,
  ownProcessorSeconds,
  peakMemoryMiB,
  processorSecondsOfAll,
  secondsOf,
  type Times,
  timesOf,
  watchMemory,
} from './measure.ts'
import { peers } from './peers.ts'

/**
 * Deliveries to each kind of destination, hashed, read again, with their manifest, against DuckDB writing the same rows to a
 * local file and nothing more, and against that and rclone bringing this file to the same server: both share the machine with
 * that server, whose own processor time is told beside ours; text formats against DuckDB and others at the same level of gzip; a small increment from
 * its call to its manifest: `npm run bench -- --only exports --rows 10000000`.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rows: { type: 'string', default: '10000000' },
    increments: { type: 'string', default: '5' },
    /** Of texts, one by us and one by DuckDB after the other: the least of each is taken. */
    turns: { type: 'string', default: '1' },
    parts: { type: 'string', default: 'stores,texts,increments,peers' },
    /** Of the engine's processes together. */
    memory: { type: 'string', default: '1GB' },
  },
})
const rowCount = Number(values.rows)
const parts = values.parts.split(',')
const incrementRows = 10_000
const columns = '_id, "timestamp", user_id, event_type, channel, page, value'
const folder = passableFolder('bench-exports')
const lake = `read_parquet('${join(folder, 'home', 'lake')}/**/*.parquet', hive_partitioning = false)`

try {
  const { file } = await generateEvents(join(folder, 'events.parquet'), rowCount, 7)
  await using product = await startProduct({
    home: join(folder, 'home'),
    env: { SLUICE_ENGINE_MEMORY_BYTES: values.memory },
  })
  using memory = watchMemory(product.pid)
  const datasetId = await createEvents(product)
  await loadFile(product, datasetId, { file, format: 'parquet' })
  console.log(`\n${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}`)
  const zstd =
    parts.includes('stores') || parts.includes('peers')
      ? await bare('parquet', 'FORMAT parquet, COMPRESSION zstd', { isKept: true })
      : undefined
  if (parts.includes('stores') && zstd) await measureStores(product, datasetId, zstd)
  if (parts.includes('texts')) await measureTexts(product, datasetId)
  if (parts.includes('peers') && zstd) await measurePeers(file, zstd)
  console.log(
    `\nThe server process peaked at ${peakMemoryMiB(product.pid)} MiB, with its engine's at ${memory.peakMiB()} MiB, which may take ${values.memory}.`,
  )
  if (parts.includes('increments')) await measureIncrements(product, datasetId)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

interface Written {
  readonly seconds: number
  readonly bytes: number
}

type Timed = Times & Pick<Written, 'bytes'>

interface Bare extends Written, Timed {
  readonly path: string
}

/** What DuckDB needs to write the rows of the lake to one file of this machine. */
async function bare(extension: string, options: string, { isKept = false } = {}): Promise<Bare> {
  const to = join(folder, `bare.${extension}`)
  const before = otherThreadsSeconds()
  const { seconds } = await timeInDuckdb(`COPY (SELECT ${columns} FROM ${lake}) TO '${to}' (${options})`)
  const processor = otherThreadsSeconds() - before
  const bytes = statSync(to).size
  if (!isKept) rmSync(to)
  return { seconds, clock: seconds, processor, bytes, path: to }
}

async function measureStores(product: Product, datasetId: string, against: Bare): Promise<void> {
  const content = { datasetFileType: 'PARQUET', compression: 'ZSTD' }
  heading('Parquet, zstd, to', 'DuckDB alone, a local file', [
    'processor: Sluice',
    'DuckDB alone',
    'the test server',
    'rclone uploads that file',
    'DuckDB, then rclone',
    'ratio',
  ])
  const local = await delivered(product, datasetId, content)
  line('a folder', local, against, [`${local.processor.toFixed(2)} s`, `${against.processor.toFixed(2)} s`])
  for (const kind of destinationKinds) {
    await using server = await startDestination(kind)
    const to = await server.make()
    const flowId = await createFlow(product, datasetId, { to, content })
    const ours = (): number => processorSecondsOfAll(product.pid)
    const others = (): number => processorSecondsOfAll(process.pid) - ownProcessorSeconds() - ours()
    const before = others()
    const { clock: seconds, processor } = await timesOf(ours, () => runExport(product, flowId))
    const serverProcessor = others() - before
    const upload = await secondsOf(() => to.upload(against.path))
    const byBoth = against.seconds + upload
    line(kind, { seconds, bytes: local.bytes }, against, [
      ...[processor, against.processor, serverProcessor, upload, byBoth].map(
        (span) => `${span.toFixed(2)} s`,
      ),
      (byBoth / seconds).toFixed(2),
    ])
  }
}

async function measureTexts(product: Product, datasetId: string): Promise<void> {
  console.log(
    '\n| text, gzip, to a folder | rows | MiB | DuckDB alone | seconds | DuckDB alone | ratio | processor | DuckDB alone | ratio |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
  )
  for (const [kind, options] of [
    ['JSON', 'FORMAT json, COMPRESSION gzip'],
    ['CSV', 'FORMAT csv, HEADER, COMPRESSION gzip'],
  ] as const) {
    let [ours, theirs]: (Timed | undefined)[] = []
    for (let turn = 0; turn < Number(values.turns); turn += 1) {
      ours = better(ours, await delivered(product, datasetId, { datasetFileType: kind, compression: 'GZIP' }))
      theirs = better(theirs, await bare(`${kind.toLowerCase()}.gz`, options))
    }
    if (!ours || !theirs) return
    console.log(
      `| ${kind} | ${rowCount.toLocaleString('en')} | ${mib(ours.bytes)} | ${mib(theirs.bytes)} | ${cellsOf(ours, theirs)} |`,
    )
  }
}

function better(before: Timed | undefined, now: Timed): Timed {
  return before ? { ...bestOf(before, now), bytes: now.bytes } : now
}

/** To a folder of its own, which is emptied afterwards. */
async function delivered(
  product: Product,
  datasetId: string,
  content: Readonly<Record<string, string>>,
): Promise<Written & Timed> {
  const destination = join(folder, 'delivered')
  mkdirSync(destination)
  const flowId = await createFlow(product, datasetId, { to: folderDestination(destination), content })
  const times = await timesOf(
    () => processorSecondsOfAll(product.pid),
    () => runExport(product, flowId),
  )
  const bytes = bytesBelow(destination)
  rmSync(destination, { recursive: true })
  return { ...times, seconds: times.clock, bytes }
}

async function measurePeers(file: string, against: Written): Promise<void> {
  heading('the same rows by others', 'DuckDB alone, Parquet')
  for await (const { what, seconds, folder: to } of peers({ file, folder, rowCount })) {
    line(what, { seconds, bytes: bytesBelow(to) }, against)
    rmSync(to, { recursive: true })
  }
}

/** From the call that starts the run to the manifest that ends it, at every kind of destination. */
async function measureIncrements(product: Product, datasetId: string): Promise<void> {
  await using servers = new AsyncDisposableStack()
  const destination = join(folder, 'increments')
  mkdirSync(destination)
  const places = new Map<string, FlowDestination>([['a folder', folderDestination(destination)]])
  for (const kind of destinationKinds)
    places.set(kind, await servers.use(await startDestination(kind)).make())
  const times = new Map<string, Times[]>()
  const flows = new Map<string, string>()
  for (const [name, to] of places) {
    const flowId = await createFlow(product, datasetId, {
      to,
      content: { datasetFileType: 'PARQUET', compression: 'ZSTD' },
      exportMode: 'FIRST_FULL_THEN_INCREMENTAL',
    })
    await runExport(product, flowId)
    flows.set(name, flowId)
  }
  for (let turn = 0; turn < Number(values.increments); turn += 1) {
    const { file } = await generateEvents(join(folder, `more-${turn}.parquet`), incrementRows, 100 + turn)
    await loadFile(product, datasetId, { file, format: 'parquet' })
    for (const [name, flowId] of flows) {
      const ours = (): number => processorSecondsOfAll(product.pid)
      const took = await timesOf(ours, () => runExport(product, flowId, 20))
      times.set(name, [...(times.get(name) ?? []), took])
    }
  }
  console.log(
    `\n| ${incrementRows.toLocaleString('en')} rows more, sealed and verified, to | at best | at worst | least processor |\n|---|---:|---:|---:|`,
  )
  const ms = (value: number): string => `${(value * 1000).toFixed(0)} ms`
  for (const [name, all] of times) {
    const clocks = all.map(({ clock }) => clock)
    const processor = Math.min(...all.map((one) => one.processor))
    console.log(`| ${name} | ${ms(Math.min(...clocks))} | ${ms(Math.max(...clocks))} | ${ms(processor)} |`)
  }
}

function heading(what: string, against: string, more: readonly string[] = []): void {
  const names = [what, 'rows', 'seconds', 'rows/s', 'MiB', against, 'MiB', 'ratio', ...more]
  console.log(`\n| ${names.join(' | ')} |\n|---|${'---:|'.repeat(names.length - 1)}`)
}

function line(what: string, ours: Written, theirs: Written, more: readonly string[] = []): void {
  const rate = Math.round(rowCount / ours.seconds).toLocaleString('en')
  console.log(
    `| ${what} | ${rowCount.toLocaleString('en')} | ${ours.seconds.toFixed(2)} s | ${rate} | ${mib(ours.bytes)} | ${theirs.seconds.toFixed(2)} s | ${mib(theirs.bytes)} | ${[(theirs.seconds / ours.seconds).toFixed(2), ...more].join(' | ')} |`,
  )
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}

function bytesBelow(place: string): number {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
