import { fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { passableFolder } from '../test/support/passable-folder.ts'
import { startProduct, type Product } from '../test/support/product.ts'
import { timeInDuckdb } from './baselines.ts'
import { createEventsOf, loadBatch, until, uploadFile } from './events-dataset.ts'
import { generateEvents } from './generate.ts'
import {
  bestOf,
  cellsOf,
  ownProcessorSeconds,
  processorSeconds,
  processorSecondsOfAll,
  type Times,
  timesOf,
} from './measure.ts'
import { postOf, sendAll, type Sent } from './senders.ts'

/**
 * What comes in: messages of 1 kB, one by one and 500 at a time, each durable when it is answered, against a plain program
 * that writes and syncs each by itself; how long until a message is seen; and loads of one file in each format, its upload
 * by itself, too, against DuckDB reading, sorting and writing the same file, which lies there, three times in turns, the
 * least of each: a batch of two days, as customers send each day, and one of ninety, which is a backfill; 2 % of the events
 * are late by up to three days. `npm run bench -- --only ingest --messages 50000 --rows 1000000`, perhaps with
 * `--parts loads`. Senders run in this process, on the same cores: they speak HTTP/1.1 over bare sockets, connections stay
 * open, and each has one request under way. What they send is made before.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    parts: { type: 'string', default: 'messages,loads' },
    days: { type: 'string', default: '2,90' },
    formats: { type: 'string', default: 'parquet,json,csv' },
    messages: { type: 'string', default: '50000' },
    rows: { type: 'string', default: '1000000' },
  },
})
const messageCount = Number(values.messages)
const rowCount = Number(values.rows)
const sendersSingle = 128
const sendersBatched = 4
const messagesOfCall = 500
const messageBytes = 1_000
const callsBatched = Math.ceil((messageCount * 4) / messagesOfCall)
const syncsTimed = 500
const loadRounds = 3

const folder = passableFolder('bench-ingest')
try {
  console.log(`${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}\n`)
  const home = join(folder, 'home')
  const parts = values.parts.split(',')
  let stream: Stream | undefined
  if (parts.includes('messages')) {
    await using product = await startProduct({ home, env: { SLUICE_STREAMING_LOG_BYTES: '10GB' } })
    stream = await makeStream(product)
    await accepting(product, stream)
  }
  // What is in the log still is taken up by the next life.
  await using product = await startProduct({ home, env: { SLUICE_STREAMING_BATCH_MS: '1s' } })
  if (stream) await seeing(product, stream)
  if (parts.includes('loads')) await loads(product)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

interface Stream {
  readonly inletId: string
  readonly message: (n: number) => unknown
}

async function makeStream(product: Product): Promise<Stream> {
  const { datasetId, schemaId } = await createEventsOf(product, 'streamed')
  const { id } = await product.call<{ id: string }>('POST', '/data/foundation/flowservice/connections', {
    name: 'bench',
    connectionSpec: { id: 'bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb', version: '1.0' },
    auth: { params: { sourceId: 'bench', dataType: 'xdm', name: 'bench' } },
  })
  type Read = { items: [{ imsOrgId: string; auth: { params: { inletId: string } } }] }
  const { items } = await product.call<Read>('GET', `/data/foundation/flowservice/connections/${id}`)
  const [{ imsOrgId, auth }] = items
  const header = { schemaRef: { id: schemaId }, imsOrgId, datasetId }
  const message = (n: number) => {
    const xdmEntity = {
      _id: `m${n}`,
      timestamp: new Date(Date.UTC(2026, 0, 1) + n).toISOString(),
      user_id: `u${n % 997}`,
      event_type: 'view',
      page: { name: '', url: '' },
    }
    const filled = { header, body: { xdmEntity } }
    xdmEntity.page.name = 'x'.repeat(Math.max(0, messageBytes - JSON.stringify(filled).length))
    return filled
  }
  return { inletId: auth.params.inletId, message }
}

async function accepting(product: Product, { inletId, message }: Stream): Promise<void> {
  const to = new URL(`${product.http}/collection/${inletId}`)
  const singles = Array.from({ length: messageCount }, (_, n) => postOf(to, JSON.stringify(message(n))))
  const before = processorSeconds(product.pid)
  const sendersBefore = ownProcessorSeconds()
  const single = await sendAll(to, singles, sendersSingle)
  const sendersAfter = ownProcessorSeconds()
  const afterSingle = processorSeconds(product.pid)
  const toSeveral = new URL(`${product.http}/collection/batch/${inletId}`)
  const calls = Array.from({ length: callsBatched }, (_, call) =>
    postOf(
      toSeveral,
      JSON.stringify({
        messages: Array.from({ length: messagesOfCall }, (_unused, index) =>
          message(messageCount + call * messagesOfCall + index),
        ),
      }),
    ),
  )
  const beforeBatched = processorSeconds(product.pid)
  const batched = await sendAll(toSeveral, calls, sendersBatched)
  const afterBatched = processorSeconds(product.pid)
  console.log('| messages of 1 kB | accepted a second | p50 | p99 |\n|---|---:|---:|---:|')
  const line = (what: string, { seconds, spans }: Sent, each: number) =>
    console.log(
      `| ${what} | ${Math.round((spans.length * each) / seconds).toLocaleString('en')} | ${at(spans, 0.5)} | ${at(spans, 0.99)} |`,
    )
  line(`one a call, ${sendersSingle} senders`, single, 1)
  line(`${messagesOfCall} a call, ${sendersBatched} senders`, batched, messagesOfCall)
  line('a plain program that writes and syncs each', bareSyncs(), 1)
  const each = (seconds: number, count: number) => `${((seconds / count) * 1e6).toFixed(0)} µs`
  console.log(
    `\nThe server's processor time for one: ${each(afterSingle - before, messageCount)}, and ${each(afterBatched - beforeBatched, callsBatched * messagesOfCall)} of several. Who sends one: ${each(sendersAfter - sendersBefore, messageCount)}.`,
  )
}

async function seeing(product: Product, { inletId, message }: Stream): Promise<void> {
  const total = messageCount + callsBatched * messagesOfCall
  const counted = async (where: string) =>
    Number((await product.rows(`SELECT count(*) FROM streamed ${where}`))[0]?.[0])
  const startedAt = performance.now()
  await until(async () => (await counted('')) === total)
  const drainedS = (performance.now() - startedAt) / 1000
  console.log(`\nThe log of them was loaded ${drainedS.toFixed(1)} s after a restart.`)
  const seen: number[] = []
  for (let n = 0; n < 5; n += 1) {
    const sentAt = performance.now()
    await product.call('POST', `/collection/${inletId}`, message(total + n))
    await until(async () => (await counted(`WHERE _id = 'm${total + n}'`)) === 1)
    seen.push(performance.now() - sentAt)
  }
  console.log(`A message of its own is seen after ${at(seen, 0.5)} with streaming.batchMs of 1 s.\n`)
}

async function loads(product: Product): Promise<void> {
  console.log(
    '| load | days | rows | its upload | the load itself | ratio | Sluice in all | DuckDB sorts and writes one file | ratio | processor: Sluice | DuckDB | ratio | DuckDB only reads the file | processor |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
  )
  for (const days of values.days.split(',').map(Number)) {
    const { file } = await generateEvents(join(folder, `events-${days}.parquet`), rowCount, 7, { days })
    const text = `SELECT * REPLACE (strftime("timestamp", '%Y-%m-%dT%H:%M:%S.%gZ') AS "timestamp") FROM '${file}'`
    const json = join(folder, `events-${days}.json`)
    const csv = join(folder, `events-${days}.csv`)
    const wanted = values.formats.split(',')
    if (wanted.includes('parquet')) await loadsOf(product, { file, format: 'parquet', days })
    if (wanted.includes('json')) {
      await timeInDuckdb(`COPY (${text}) TO '${json}' (FORMAT json)`)
      await loadsOf(product, { file: json, format: 'json', days })
    }
    if (wanted.includes('csv')) {
      await timeInDuckdb(
        `COPY (SELECT * REPLACE (to_json(page) AS page) FROM (${text})) TO '${csv}' (FORMAT csv, HEADER)`,
      )
      await loadsOf(product, { file: csv, format: 'csv', days })
    }
    for (const one of [file, json, csv]) rmSync(one, { force: true })
  }
}

interface FileOfDays {
  readonly file: string
  readonly format: 'parquet' | 'json' | 'csv'
  readonly days: number
}

async function loadsOf(product: Product, { file, format, days }: FileOfDays): Promise<void> {
  const source = `read_${format}('${file}')`
  const bareFile = join(folder, 'bare.parquet')
  const rounds: Record<'upload' | 'load' | 'all' | 'bare' | 'reading', Times>[] = []
  for (let round = 0; round < loadRounds; round += 1) {
    const { datasetId } = await createEventsOf(product, `loaded_${format}_${days}_${round}`)
    let batchId = ''
    const used = () => processorSecondsOfAll(product.pid)
    const upload = await timesOf(used, async () => {
      batchId = await uploadFile(product, datasetId, { file, format })
    })
    const load = await timesOf(used, () => loadBatch(product, batchId))
    const bare = await timesOf(ownProcessorSeconds, () =>
      timeInDuckdb(
        `COPY (SELECT * FROM ${source} ORDER BY "timestamp"::DATE, user_id, "timestamp")
         TO '${bareFile}' (FORMAT parquet, COMPRESSION zstd)`,
      ),
    )
    const reading = await timesOf(ownProcessorSeconds, () =>
      timeInDuckdb(`SELECT count(hash(COLUMNS(*))) FROM ${source}`),
    )
    const all = { clock: upload.clock + load.clock, processor: upload.processor + load.processor }
    rounds.push({ upload, load, all, bare, reading })
  }
  const least = (what: keyof (typeof rounds)[0]) => rounds.map((round) => round[what]).reduce(bestOf)
  const [upload, load, all, bare, reading] = (['upload', 'load', 'all', 'bare', 'reading'] as const).map(
    least,
  )
  const itself = `${load!.clock.toFixed(2)} s | ${(bare!.clock / load!.clock).toFixed(2)}`
  console.log(
    `| ${format} | ${days} | ${rowCount.toLocaleString('en')} | ${upload!.clock.toFixed(2)} s | ${itself} | ${cellsOf(all!, bare!)} | ${reading!.clock.toFixed(2)} s | ${reading!.processor.toFixed(2)} s |`,
  )
}

function bareSyncs(): Sent {
  const file = openSync(join(folder, 'bare.log'), 'w')
  const bytes = Buffer.alloc(messageBytes, 'x')
  const spans: number[] = []
  const startedAt = performance.now()
  for (let n = 0; n < syncsTimed; n += 1) {
    const sentAt = performance.now()
    writeSync(file, bytes)
    fdatasyncSync(file)
    spans.push(performance.now() - sentAt)
  }
  return { seconds: (performance.now() - startedAt) / 1000, spans }
}

function at(spans: readonly number[], share: number): string {
  const sorted = spans.toSorted((one, other) => one - other)
  return `${(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)} ms`
}
