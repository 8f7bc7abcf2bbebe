import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestDestination } from './destinations.ts'
import type { FlowDestination } from './exports.ts'
import { passableFolder } from './passable-folder.ts'
import { startProduct, type Product } from './product.ts'
import { descendantsOf } from './sluice.ts'

/**
 * One customer's day: a second batch is loaded, the scheduled query processes it, the scheduled export delivers it.
 * Whatever dies on the way, the client does what clients do: it waits for the server to come back and asks again.
 */
export interface Outcome {
  readonly eventRows: number
  readonly eventIds: number
  readonly feedRows: number
  readonly feedIds: number
  /** Rows of every file that a manifest names. */
  readonly deliveredRows: number
  /** Names below the destination that no manifest names, the manifests themselves left out. */
  readonly unnamed: readonly string[]
  readonly restarts: number
  /** Points at which something was killed. */
  readonly struck: readonly string[]
}

export const firstBatchRows = 300
export const secondBatchRows = 200

/** As variables. */
type Settings = Readonly<Record<string, string>>

/** A home with the first batch, the feed's tables, its schedule and an export; copied for each scenario. */
export async function prepareHome(folder: string, env: Settings = {}): Promise<void> {
  await using product = await startProduct({ home: folder, env })
  const schema = await product.call<{ $id: string }>(
    'POST',
    '/data/foundation/schemaregistry/tenant/schemas',
    {
      title: 'web events',
      type: 'object',
      properties: {
        _id: { type: 'string' },
        timestamp: { type: 'string', format: 'date-time' },
        person: { type: 'string' },
        channel: { type: 'string' },
      },
    },
  )
  const [reference] = await product.call<string[]>('POST', '/data/foundation/catalog/dataSets', {
    name: 'web_events',
    schemaRef: { id: schema.$id, contentType: 'application/vnd.adobe.xed+json;version=1' },
  })
  const datasetId = reference!.split('/').at(-1)!
  await loadBatch(product, datasetId, lines(0, firstBatchRows))
  await product.run(feedSetup)
}

/** What goes wrong on the way: nothing, a death at a named point, or deaths of processes at moments drawn by lot. */
export interface Faults {
  /** `name@server` or `name@child`: one a life of the server, from the first. */
  readonly points?: readonly string[]
  readonly kills?: readonly Kill[]
  readonly env?: Settings
  /** What computes the feed; absent: DuckDB. */
  readonly engine?: 'duckdb' | 'spark'
  /** Where the day is delivered; absent: a local folder. */
  readonly to?: TestDestination
  /** Told where the day was delivered, and by which home, at its end. */
  readonly delivered?: (destination: string, home: string) => Promise<void>
}

/** One a life of the server: it comes so many milliseconds after the server is ready. */
export interface Kill {
  readonly afterMs: number
  /** Between 0 and 1, among the processes below the server; undefined: the server itself. */
  readonly below: number | undefined
}

/** Runs the day on a copy of the prepared home with faults armed, and looks at what came of it. */
export async function runScenario(prepared: string, faults: Faults = {}): Promise<Outcome> {
  const base = passableFolder('fault')
  const home = join(base, 'home')
  const destination = join(base, 'delivered')
  // Files keep their owners: the database is the unprivileged user's.
  execFileSync('cp', ['-a', prepared, home])
  mkdirSync(destination)
  const client = new PatientClient(home, faults)
  try {
    const outcome = await day(client, destination, faults)
    await faults.delivered?.(destination, home)
    return outcome
  } finally {
    await client[Symbol.asyncDispose]()
    rmSync(base, { recursive: true, force: true })
  }
}

async function day(
  client: PatientClient,
  destination: string,
  { to, engine = 'duckdb' }: Pick<Faults, 'to' | 'engine'>,
): Promise<Outcome> {
  const dataset = await client.ask(async (product) => datasetIdOf(product, 'web_events'))
  const batchId = await client.ask(async (product) => {
    const batch = await product.call<{ id: string }>('POST', '/data/foundation/import/batches', {
      datasetId: dataset,
      inputFormat: { format: 'json' },
    })
    return batch.id
  })
  await client.ask((product) =>
    finishBatch(product, dataset, batchId, lines(firstBatchRows, secondBatchRows)),
  )
  const feed = await client.ask(async (product) => datasetIdOf(product, 'data_feed'))
  const scheduleId = await client.ask((product) => onceSchedule(product, engine))
  await client.ask((product) => runOnce(product, `/data/foundation/query/schedules/${scheduleId}/runs`))
  const flowId = await client.ask((product) =>
    onceFlow(product, feed, to ?? { ...localFolder, params: { path: destination } }),
  )
  await client.ask((product) => exportOnce(product, flowId))
  return client.ask(async (product) => {
    const [events] = await product.rows('SELECT count(*), count(DISTINCT _id) FROM web_events')
    const [fed] = await product.rows('SELECT count(*), count(DISTINCT event_id) FROM data_feed')
    await to?.copyTo(destination)
    const delivered = readDestination(destination)
    return {
      eventRows: Number(events?.[0]),
      eventIds: Number(events?.[1]),
      feedRows: Number(fed?.[0]),
      feedIds: Number(fed?.[1]),
      ...delivered,
      restarts: client.restarts,
      struck: client.struck(),
    }
  })
}

/** Waits after a failure: a dying process may answer once more, and be asked in vain for a while before it is seen to be gone. */
export async function goneOrWell(product: Product): Promise<void> {
  const over = new AbortController()
  const well = delay(3_000, undefined, { signal: over.signal }).catch(() => {}) // It goes on.
  await Promise.race([product.exited, well])
  over.abort()
}

/** Starts the server again when it died and asks the same thing again. Points are armed one a life. */
class PatientClient implements AsyncDisposable {
  readonly #home: string
  readonly #kills: Kill[]
  readonly #attemptsMax: number
  readonly #env: Settings
  readonly #points: string[]
  #product: Product | undefined
  /** Of all lives, those that ended before they were ready too. */
  #output = ''
  restarts = -1

  constructor(home: string, { points = [], kills = [], env = {} }: Faults) {
    this.#env = env
    this.#home = home
    this.#points = [...points]
    this.#kills = [...kills]
    this.#attemptsMax = 4 + kills.length
  }

  async ask<T>(question: (product: Product) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const product = await this.#running()
        return await question(product)
      } catch (error) {
        if (attempt === this.#attemptsMax) throw error
        if (this.#product) await goneOrWell(this.#product)
      }
    }
  }

  async #running(): Promise<Product> {
    if (this.#product?.isRunning()) return this.#product
    this.restarts++
    const point = this.#points.shift()
    const options = point === undefined ? {} : { faultPoint: point }
    const onOutput = (text: string) => (this.#output += text)
    this.#product = await startProduct({ home: this.#home, env: this.#env, onOutput, ...options })
    this.#killNext(this.#product)
    return this.#product
  }

  struck(): string[] {
    return [...this.#output.matchAll(/"point":"([^"]+)".*"event":"fault.struck"/g)].map(
      ([, point = '']) => point,
    )
  }

  #killNext(product: Product): void {
    const kill = this.#kills.shift()
    if (!kill) return
    const timer = setTimeout(() => {
      const below = kill.below === undefined ? [] : descendantsOf(product.pid)
      const victim = below[Math.floor((kill.below ?? 0) * below.length)] ?? product.pid
      try {
        process.kill(victim, 'SIGKILL')
      } catch {
        // It ended by itself just before.
      }
      // The server lives on without a child of its own: the next one comes in the same life.
      if (victim !== product.pid) this.#killNext(product)
    }, kill.afterMs)
    void product.exited.then(() => clearTimeout(timer))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kills.length = 0
    await this.#product?.[Symbol.asyncDispose]()
  }
}

export function lines(from: number, count: number): string {
  return Array.from({ length: count }, (_, index) => {
    const n = from + index
    const at = new Date(Date.now() - 20 * 86_400_000 + n * 60_000)
    return JSON.stringify({
      _id: `e${n}`,
      timestamp: at.toISOString(),
      person: `p${n % 17}`,
      channel: n % 3 ? null : 'email',
    })
  }).join('\n')
}

export async function loadBatch(product: Product, datasetId: string, text: string): Promise<void> {
  const batch = await product.call<{ id: string }>('POST', '/data/foundation/import/batches', {
    datasetId,
    inputFormat: { format: 'json' },
  })
  await finishBatch(product, datasetId, batch.id, text)
}

async function finishBatch(
  product: Product,
  datasetId: string,
  batchId: string,
  text: string,
): Promise<void> {
  if ((await batchState(product, batchId)) === 'loading') {
    await product.upload(
      `/data/foundation/import/batches/${batchId}/datasets/${datasetId}/files/events.json`,
      text,
    )
    await product.call('POST', `/data/foundation/import/batches/${batchId}?action=COMPLETE`)
  }
  await until(product, async () => {
    const state = await batchState(product, batchId)
    if (state === 'failed') throw new Error(`Batch ${batchId} failed.`)
    return state === 'success' || state === 'active'
  })
}

async function batchState(product: Product, batchId: string): Promise<string> {
  const batches = await product.call<Record<string, { status: string }>>(
    'GET',
    `/data/foundation/catalog/batches/${batchId}`,
  )
  return batches[batchId]!.status
}

export async function datasetIdOf(product: Product, name: string): Promise<string> {
  const datasets = await product.call<Record<string, { name: string }>>(
    'GET',
    '/data/foundation/catalog/dataSets?limit=100',
  )
  return Object.entries(datasets).find(([, dataset]) => dataset.name === name)![0]
}

async function onceSchedule(product: Product, engine: 'duckdb' | 'spark'): Promise<string> {
  const list = await product.call<{ schedules: { id: string }[] }>('GET', '/data/foundation/query/schedules')
  if (list.schedules[0]) return list.schedules[0].id
  const made = await product.call<{ id: string }>('POST', '/data/foundation/query/schedules', {
    query: { dbName: 'prod:all', name: 'data feed', sql: feedBlock(engine) },
    schedule: { schedule: '0 0 1 1 *', startDate: new Date().toISOString() },
  })
  return made.id
}

async function runOnce(product: Product, path: string): Promise<void> {
  const runs = async () =>
    (await product.call<{ runsSchedules: { state: string }[] }>('GET', path)).runsSchedules
  if ((await runs()).length === 0) await product.call('POST', path)
  await until(product, async () => {
    const [run] = await runs()
    if (run?.state === 'FAILED') throw new Error(`The scheduled query failed: ${JSON.stringify(run)}`)
    return run?.state === 'SUCCESS'
  })
}

const localFolder = {
  specs: {
    connectionSpecId: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c31',
    flowSpecId: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c32',
  },
}

async function onceFlow(
  product: Product,
  datasetId: string,
  { specs, auth, params }: FlowDestination,
): Promise<string> {
  const base = '/data/foundation/flowservice'
  const flows = await product.call<{ items: { id: string }[] }>('GET', `${base}/flows`)
  if (flows.items[0]) return flows.items[0].id
  const make = async (kind: string, body: object) =>
    (await product.call<{ id: string }>('POST', `${base}/${kind}`, body)).id
  const spec = { id: specs.connectionSpecId, version: '1.0' }
  const connection = await make('connections', { name: 'folder', connectionSpec: spec, auth })
  const source = await make('sourceConnections', {
    name: 'lake',
    connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
    params: { datasets: [{ dataSetId: datasetId }] },
  })
  const target = await make('targetConnections', {
    name: 'folder',
    baseConnectionId: connection,
    connectionSpec: spec,
    params: { mode: 'Server-to-server', ...params, datasetFileType: 'JSON', compression: 'NONE' },
  })
  return make('flows', {
    name: 'feed',
    flowSpec: { id: specs.flowSpecId, version: '1.0' },
    sourceConnectionIds: [source],
    targetConnectionIds: [target],
    transformations: [],
    scheduleParams: {
      exportMode: 'FIRST_FULL_THEN_INCREMENTAL',
      timeUnit: 'day',
      interval: 1,
      startTime: Math.floor(Date.now() / 1000) + 86_400,
    },
  })
}

async function exportOnce(product: Product, flowId: string): Promise<void> {
  const path = `/data/foundation/flowservice/runs?property=flowId==${flowId}`
  type Status = { metrics: { statusSummary: { status: string; errors?: unknown } } }
  const runs = async () => (await product.call<{ items: Status[] }>('GET', path)).items
  if ((await runs()).length === 0) await product.call('POST', '/data/foundation/flowservice/runs', { flowId })
  await until(product, async () => {
    const summary = (await runs())[0]?.metrics.statusSummary
    if (summary?.status === 'failed') throw new Error(`The export failed: ${JSON.stringify(summary)}`)
    return summary?.status === 'success'
  })
}

async function until(product: Product, isDone: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 600; look++) {
    if (!product.isRunning()) throw new Error('The server is gone.')
    if (await isDone()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('Not done after 30 s.')
}

/** Counts the delivered rows with no help from the product: JSON lines, one row a line. */
function readDestination(destination: string): { deliveredRows: number; unnamed: string[] } {
  const files = readdirSync(destination, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(destination.length + 1))
  const manifests = files.filter((name) => /(^|\/)manifest-[^/]*\.json$/.test(name))
  const named = new Set(
    manifests.flatMap((name) => {
      const manifest = JSON.parse(readFileSync(join(destination, name), 'utf8')) as {
        files: { name: string }[]
      }
      return manifest.files.map((file) => file.name)
    }),
  )
  const rows = [...named].map(
    (name) => readFileSync(join(destination, name), 'utf8').split('\n').filter(Boolean).length,
  )
  return {
    deliveredRows: rows.reduce((sum, count) => sum + count, 0),
    unnamed: files.filter((name) => !manifests.includes(name) && !named.has(name)),
  }
}

const feedSetup = `
  CREATE TABLE IF NOT EXISTS checkpoint_log AS
  SELECT cast(NULL AS string) AS process_name, cast(NULL AS string) AS process_status,
    cast(NULL AS string) AS last_batch_ingestion_time, cast(NULL AS timestamp) AS process_timestamp
  WHERE false;
  INSERT INTO checkpoint_log SELECT 'data_feed', 'SUCCESSFUL', cast(NULL AS string), CURRENT_TIMESTAMP;
  CREATE TABLE IF NOT EXISTS data_feed AS
  SELECT cast(NULL AS string) AS event_id, cast(NULL AS string) AS person, cast(NULL AS int) AS session_number
  WHERE false;
`

const feedBlock = (engine: 'duckdb' | 'spark'): string => `$$ BEGIN
  SET engine = ${engine};
  SET drop_system_columns = false;
  SET @last_updated_timestamp = SELECT CURRENT_TIMESTAMP;
  SET @from_batch_ingestion_time = SELECT coalesce(last_batch_ingestion_time, 'HEAD')
    FROM checkpoint_log a
    JOIN (SELECT MAX(process_timestamp) AS process_timestamp FROM checkpoint_log
          WHERE process_name = 'data_feed' AND process_status = 'SUCCESSFUL') b
    ON a.process_timestamp = b.process_timestamp;
  SET @to_batch_ingestion_time = SELECT MAX(_acp_system_metadata.ingestTime) FROM web_events;
  INSERT INTO data_feed
  SELECT event_id, person, session.num
  FROM (
    SELECT _id AS event_id, person, _acp_system_metadata.ingestTime AS ingest_time,
      SESS_TIMEOUT(timestamp, 60 * 30) OVER (
        PARTITION BY person ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS session
    FROM web_events WHERE timestamp >= current_date - 90
  ) AS feed
  WHERE feed.ingest_time > @from_batch_ingestion_time AND feed.ingest_time <= @to_batch_ingestion_time;
  INSERT INTO checkpoint_log
  SELECT 'data_feed' process_name, 'SUCCESSFUL' process_status,
    cast(@to_batch_ingestion_time AS string) last_batch_ingestion_time,
    cast(@last_updated_timestamp AS TIMESTAMP) process_timestamp
END $$;`
