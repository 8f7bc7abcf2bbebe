import { readdirSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { DuckDBInstance } from '@duckdb/node-api'
import { sql } from 'kysely'
import { vi } from 'vitest'
import { createSecretStore, type SecretStore } from '../../src/access/secret-store.ts'
import { armFaults, type FaultPoint } from '../../src/base/faults.ts'
import { type FlowId, newUuidId, type RunId, type SnapshotId, type TableId } from '../../src/base/ids.ts'
import { silentLogger } from '../../src/base/log.ts'
import { quoteLiteral } from '../../src/base/sql-text.ts'
import { createDatasets } from '../../src/datasets/create-datasets.ts'
import { followSchema } from '../../src/datasets/follow-schema.ts'
import type { Caller, Dataset, Datasets } from '../../src/datasets/datasets.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { createExports } from '../../src/exports/create-exports.ts'
import { type Exports } from '../../src/exports/exports.ts'
import { dataLakeSpecId, localFolderSpecs } from '../../src/exports/destination-specs.ts'
import { landingInHome } from '../../src/exports/landing/landing-in-home.ts'
import type { LandingPlace } from '../../src/exports/destinations/landing-place.ts'
import { verifyLocation, type VerifyReport } from '../../src/exports/verify/verify.ts'
import { createJobs } from '../../src/jobs/create-jobs.ts'
import type { Jobs, Run } from '../../src/jobs/jobs.ts'
import type { Lake, Pin } from '../../src/lake/lake.ts'
import { createLineage } from '../../src/notify/lineage.ts'
import { createNotify } from '../../src/notify/create-notify.ts'
import { type NotifyOptions } from '../../src/notify/notify-options.ts'
import type { Notify } from '../../src/notify/notify.ts'
import { createScheduledWriters } from '../../src/query/scheduled-writers.ts'
import { createSchemas } from '../../src/schemas/create-schemas.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'
import { createSqlFrontEnd } from '../../src/sql/front-end.ts'
import { openStore } from '../../src/objects/open-store.ts'
import { longType, stringType, structType, timestampType } from '../../src/types/data-type.ts'
import { testCaller } from './access.ts'
import { ManualClock } from './manual-clock.ts'
import { testMetadata } from './metadata.ts'

/** Rows a file of the test's engine holds at most, so that deliveries have several parts. */
export const rowsOfPart = 40

/** Where a flow delivers, as a client says it. */
export interface FlowDestination {
  readonly specs: { readonly connectionSpecId: string; readonly flowSpecId: string }
  readonly auth?: object
  readonly params: object
}

export interface Node {
  readonly jobs: Jobs
  readonly notify: Notify
  readonly exports: Exports
  /** Attempts begun so far; each resolves when it has ended, however it did. */
  readonly attempts: readonly Promise<unknown>[]
}

interface NodeOptions {
  readonly nodeId?: string
  readonly parallelRuns?: boolean
  readonly spoolFolder?: string
  readonly allowsServerIdentity?: boolean
  readonly aheadBytesMin?: number
}

/** Everything an export needs, with time, engine and lake in the test's hand. */
export class ExportBed implements AsyncDisposable {
  readonly metadata: Metadata
  readonly clock = new ManualClock('2026-03-01T01:00:00Z')
  readonly caller: Caller
  readonly datasets: Datasets
  readonly folder: string
  readonly destination: string
  readonly spoolFolder: string
  /** Set before a node is made, it mails. */
  mail: NotifyOptions['mail']
  /** Where nodes that are made later deliver what goes to a landing zone. */
  landing: LandingPlace
  readonly lake: TestLake
  readonly engine: TestEngine
  readonly #access: Awaited<ReturnType<typeof testCaller>>['access']
  readonly #nodes: Jobs[] = []
  readonly #stack: AsyncDisposableStack

  private constructor(parts: {
    metadata: Metadata
    folder: string
    lake: TestLake
    engine: TestEngine
    account: Awaited<ReturnType<typeof testCaller>>
    stack: AsyncDisposableStack
  }) {
    this.metadata = parts.metadata
    this.folder = parts.folder
    this.destination = join(parts.folder, 'delivered')
    this.spoolFolder = join(parts.folder, 'home', 'spool')
    this.landing = landingInHome(join(parts.folder, 'home'))
    this.lake = parts.lake
    this.engine = parts.engine
    this.caller = parts.account.caller
    this.#access = parts.account.access
    this.#stack = parts.stack
    const lake = parts.lake as unknown as Lake
    const common = { metadata: parts.metadata, access: parts.account.access, clock: this.clock }
    const schemas = createSchemas({ ...common, columnsAdded: followSchema({ lake, clock: this.clock }) })
    this.datasets = createDatasets({ ...common, lake, schemas })
  }

  static async open(): Promise<ExportBed> {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'sluice-exports-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    await chmod(folder, 0o755)
    await mkdir(join(folder, 'home', 'spool'), { recursive: true })
    const metadata = stack.use(await testMetadata())
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
    stack.defer(() => instance.closeSync())
    const account = await testCaller(metadata, join(folder, 'home'))
    const lake = testLake(join(folder, 'lake'), instance)
    return new ExportBed({
      metadata,
      folder,
      lake,
      engine: testEngine(instance),
      account,
      stack: stack.move(),
    })
  }

  async secrets(): Promise<SecretStore> {
    const keyFile = join(this.folder, 'home', 'master.json')
    return await createSecretStore({ metadata: this.metadata, keyFile, clock: this.clock })
  }

  get access() {
    return this.#access
  }

  /** A server's share of the work; one with the same `nodeId` and another incarnation is its next life. */
  async node({
    nodeId = 'a',
    parallelRuns = true,
    spoolFolder = this.spoolFolder,
    allowsServerIdentity = false,
    aheadBytesMin,
  }: NodeOptions = {}): Promise<Node> {
    const jobs = createJobs({
      metadata: this.metadata,
      clock: this.clock,
      nodeId,
      incarnation: randomUUID(),
      logger: silentLogger,
    })
    this.#nodes.push(jobs)
    const attempts: Promise<unknown>[] = []
    const register: Jobs['register'] = (handler) =>
      jobs.register({
        ...handler,
        // A node whose hands are full takes nothing more: what a dead one does.
        parallelRunsMax: parallelRuns ? handler.parallelRunsMax : 1,
        run: (context) => {
          const attempt = handler.run(context)
          attempts.push(attempt.catch((error: unknown) => error))
          return attempt
        },
      })
    const secrets = await this.secrets()
    const notify = createNotify({
      metadata: this.metadata,
      access: this.#access,
      jobs,
      secrets,
      mail: this.mail,
      allowsPrivate: true,
      clock: this.clock,
      logger: silentLogger,
    })
    const exports = createExports({
      lineage: createLineage({
        metadata: this.metadata,
        jobs,
        collector: undefined,
        producer: 'urn:test',
        clock: this.clock,
      }),
      metadata: this.metadata,
      secrets,
      notify,
      access: this.#access,
      engine: this.engine,
      lake: this.lake as unknown as Lake,
      datasets: this.datasets,
      writers: createScheduledWriters({
        metadata: this.metadata,
        access: this.#access,
        datasets: this.datasets,
        sql: createSqlFrontEnd(),
        clock: this.clock,
      }),
      jobs: { ...jobs, register },
      allowsServerIdentity,
      aheadBytesMin,
      spoolFolder,
      keysFolder: join(this.folder, 'home', 'keys'),
      landing: this.landing,
      clock: this.clock,
      logger: silentLogger,
    })
    await jobs.start()
    return { jobs, notify, exports, attempts }
  }

  async dataset(name = 'feed'): Promise<Dataset> {
    return await this.datasets.create(this.caller, {
      name,
      schema: {
        kind: 'columns',
        columns: structType([
          { name: 'id', type: longType },
          { name: 'person', type: stringType },
          { name: 'timestamp', type: timestampType },
        ]),
      },
    })
  }

  /** Appends so many rows with ids from `from` on. */
  async append(dataset: Dataset, from: number, rowCount: number): Promise<void> {
    await this.lake.append(dataset.tableId, from, rowCount)
  }

  /** The lake's own record of its commits up to one, which this lake does not keep: made now, if not before. */
  async commits({ tableId, id }: Dataset, through: number): Promise<void> {
    const now = this.clock.now()
    const { db } = this.metadata
    await sql`insert into lake_tables (id, dataset_id, sandbox_id, columns, cluster_by, metadata_file, created_at)
      values (${tableId}, ${id}, ${this.caller.sandbox.id}, '{}', '[]', '', ${now})
      on conflict do nothing`.execute(db)
    await sql`insert into lake_commits (table_id, sequence, operation, added_rows, added_files, added_bytes,
        total_rows, ingest_time, committed_at)
      select ${tableId}, sequence, 'append', 1, 1, 1, 1, 1, ${now} from generate_series(1, ${through}::int) sequence
      on conflict do nothing`.execute(db)
  }

  async flow(
    { exports }: Node,
    dataset: Dataset,
    change: {
      readonly params?: object
      readonly scheduleParams?: object
      readonly name?: string
      readonly destination?: FlowDestination
    } = {},
  ): Promise<FlowId> {
    const make = async (kind: Parameters<Exports['createEntity']>[1], body: object) =>
      (await exports.createEntity(this.caller, kind, body)).id
    const { specs, auth, params }: FlowDestination = change.destination ?? {
      specs: localFolderSpecs,
      params: { path: this.destination },
    }
    const spec = { id: specs.connectionSpecId, version: '1.0' }
    const connection = await make('connections', { name: 'folder', connectionSpec: spec, auth })
    const source = await make('sourceConnections', {
      name: 'lake',
      connectionSpec: { id: dataLakeSpecId, version: '1.0' },
      params: { datasets: [{ dataSetId: dataset.id }] },
    })
    const target = await make('targetConnections', {
      name: 'folder',
      baseConnectionId: connection,
      connectionSpec: spec,
      params: { ...params, datasetFileType: 'PARQUET', compression: 'GZIP', ...change.params },
    })
    return (await make('flows', {
      name: change.name ?? 'feed',
      flowSpec: { id: specs.flowSpecId, version: '1.0' },
      sourceConnectionIds: [source],
      targetConnectionIds: [target],
      scheduleParams: {
        timeUnit: 'day',
        interval: 1,
        startTime: Date.parse('2027-01-01T00:00:00Z') / 1000,
        ...change.scheduleParams,
      },
    })) as FlowId
  }

  /** A run that is due now, as one of the schedule's ticks. */
  async tick(node: Node, flowId: FlowId): Promise<RunId> {
    const { principal, sandbox } = this.caller
    const dueAt = this.clock.now()
    const runId = await this.metadata.transaction((tx) =>
      node.jobs.enqueue(tx, {
        kind: 'export',
        subjectId: flowId,
        tick: dueAt.toISOString(),
        dueAt,
        principalId: principal.id,
        sandboxId: sandbox.id,
        payload: {},
      }),
    )
    node.jobs.ring()
    return runId
  }

  async run(node: Node, flowId: FlowId): Promise<Run> {
    return await this.settled(node, await node.exports.runNow(this.caller, flowId))
  }

  /** The run when it is over; waits between attempts pass at once. */
  async settled(node: Node, runId: RunId): Promise<Run> {
    return await vi.waitFor(
      async () => {
        const run = await this.#runThatNeedNotWait(node, runId)
        if (run && ['succeeded', 'failed', 'cancelled'].includes(run.state)) return run
        throw new Error(`The run is ${run?.state} (${JSON.stringify(run)})`)
      },
      { timeout: 150_000, interval: 10 },
    )
  }

  /** Waits until a run has come to a stop; waits between attempts, as after a lost connection, pass at once. */
  async reached(node: Node, runId: RunId, stop: Stop): Promise<void> {
    let isReached = false
    void stop.reached.then(() => (isReached = true))
    await vi.waitFor(
      async () => {
        if (isReached) return
        const run = await this.#runThatNeedNotWait(node, runId)
        throw new Error(`The run is ${run?.state} (${JSON.stringify(run)})`)
      },
      { timeout: 150_000, interval: 10 },
    )
  }

  async #runThatNeedNotWait({ jobs }: Node, runId: RunId): Promise<Run | undefined> {
    const run = await jobs.run(runId)
    const waitMs = run?.state === 'waiting' ? run.retryAt.getTime() - this.clock.now().getTime() : 0
    if (waitMs > 0) this.clock.advance(waitMs)
    // A row that was locked is looked at again. Without a move of time, by which whoever lost the lease would renew it.
    const isLapsed = run && 'leasedUntil' in run && run.leasedUntil <= this.clock.now()
    if (isLapsed) jobs.ring()
    return run
  }

  /** Names below the destination, those that begin with a dot included. */
  files(): string[] {
    try {
      return readdirSync(this.destination, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(this.destination.length + 1))
        .sort()
    } catch {
      return []
    }
  }

  spools(): string[] {
    return readdirSync(this.spoolFolder)
  }

  async verify(): Promise<VerifyReport> {
    await using store = await openStore({ kind: 'local', folder: this.destination })
    return await verifyLocation({ store, signal: new AbortController().signal })
  }

  /** Ids in the files that manifests name, as another program reads them. */
  async deliveredIds(): Promise<number[]> {
    const files = this.files().filter((name) => name.endsWith('.parquet') && !/(^|\/)\./.test(name))
    return files.length === 0 ? [] : await this.lake.idsOf(files.map((name) => join(this.destination, name)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    armFaults(undefined)
    for (const jobs of this.#nodes.toReversed()) await jobs[Symbol.asyncDispose]()
    await this.#stack.disposeAsync()
  }
}

export interface Stop {
  readonly reached: Promise<void>
  release(): void
  end(): void
}

/** Stops whoever comes first to the point; `release` lets it go on, as a zombie does, `end` lets it fail. */
export function stopAt(point: FaultPoint): Stop {
  return stopAtEach(point)[0]
}

/** Stops whoever comes first to each of the points. */
export function stopAtEach<Points extends readonly FaultPoint[]>(
  ...points: Points
): { readonly [Index in keyof Points]: Stop } {
  const stops = points.map((point) => ({
    point,
    isFirst: true,
    reached: Promise.withResolvers<void>(),
    going: Promise.withResolvers<void>(),
  }))
  armFaults(async (at) => {
    const stop = stops.find(({ point, isFirst }) => point === at && isFirst)
    if (!stop) return
    stop.isFirst = false
    stop.reached.resolve()
    await stop.going.promise
  })
  return stops.map(({ reached, going }) => ({
    reached: reached.promise,
    release: () => going.resolve(),
    end: () => going.reject(new Error('the process is gone')),
  })) as { readonly [Index in keyof Points]: Stop }
}

/** Fails once at the point, as any step may. */
export function throwAt(point: FaultPoint): void {
  let isFirst = true
  armFaults((at) => {
    if (at !== point || !isFirst) return
    isFirst = false
    throw new Error(`struck at ${point}`)
  })
}

/** Does something once when the point is reached. */
export function actAt(point: FaultPoint, act: () => void | Promise<void>): void {
  let isFirst = true
  armFaults(async (at) => {
    if (at !== point || !isFirst) return
    isFirst = false
    await act()
  })
}

export interface TestEngine extends Engine {
  /** Statements copied so far. */
  readonly copied: string[]
  /** What an engine that does its work badly does to the rows it copies. */
  spoil: { readonly limit?: number; readonly reported?: number } | undefined
}

/** A real DuckDB, small parts, and faults on demand. */
function testEngine(instance: DuckDBInstance): TestEngine {
  const copied: string[] = []
  const missing = () => {
    throw new Error('not in this test')
  }
  const engine: TestEngine = {
    copied,
    spoil: undefined,
    open: missing,
    describe: missing,
    status: missing,
    killChildren: missing,
    copy: async (statement, { folder, format, signal }) => {
      signal.throwIfAborted()
      copied.push(statement.sql)
      const connection = await instance.connect()
      try {
        const source = `(select * from ${statement.sql} limit ${engine.spoil?.limit ?? Number.MAX_SAFE_INTEGER})`
        const total = Number(
          (await connection.runAndReadAll(`select count(*) from ${source}`)).getRows()[0]?.[0],
        )
        const files = []
        for (let at = 0; at < total; at += rowsOfPart) {
          const rows = Math.min(rowsOfPart, total - at)
          const extension = format.kind
          const path = join(folder, `${String(at).padStart(8, '0')}.${extension}`)
          const codec =
            format.compression === 'none'
              ? format.kind === 'parquet'
                ? 'uncompressed'
                : 'none'
              : format.compression
          await connection.run(
            `copy (select * from ${source} order by id limit ${rows} offset ${at}) to '${path}' (format ${format.kind}, compression ${codec})`,
          )
          files.push({
            path,
            rowCount: rows,
            bytes: (await stat(path)).size,
            partition: {},
            statistics: { '"id"': { min: String(at), max: String(at + rows), nullCount: 0 } },
          })
        }
        return { rowCount: engine.spoil?.reported ?? total, files }
      } finally {
        connection.closeSync()
      }
    },
    [Symbol.asyncDispose]: async () => {},
  }
  return engine
}

export interface TestLake extends Omit<Lake, 'append'> {
  append(tableId: TableId, from: number, rowCount: number): Promise<void>
  idsOf(paths: readonly string[]): Promise<number[]>
  readonly pins: Map<string, Pin>
}

/** Tables of Parquet files, a commit each; what the lake's interface promises, without Iceberg. */
function testLake(folder: string, instance: DuckDBInstance): TestLake {
  const tables = new Map<
    TableId,
    { datasetId: string; schema: unknown; commits: { path: string; rowCount: number }[] }
  >()
  const pins = new Map<string, Pin>()
  const run = async (text: string) => {
    const connection = await instance.connect()
    try {
      return (await connection.runAndReadAll(text)).getRows()
    } finally {
      connection.closeSync()
    }
  }
  const tableOf = (tableId: TableId) => tables.get(tableId)!
  const lake = {
    pins,
    create: async (_tx: unknown, { datasetId, schema }: Parameters<Lake['create']>[1]) => {
      const id = newUuidId('table')
      tables.set(id, { datasetId, schema, commits: [] })
      await mkdir(folder, { recursive: true })
      return {
        id,
        datasetId,
        schema,
        systemColumns: structType([]),
        location: `file://${folder}`,
        dayColumn: undefined,
      }
    },
    table: async (id: TableId) => ({
      ...tableOf(id),
      id,
      systemColumns: structType([]),
      location: '',
      dayColumn: undefined,
    }),
    snapshot: async (id: TableId) => {
      const { commits } = tableOf(id)
      if (commits.length === 0) return undefined
      return {
        snapshotId: String(commits.length) as SnapshotId,
        commitSequence: commits.length,
        rowCount: commits.reduce((sum, commit) => sum + commit.rowCount, 0),
        committedAt: new Date(0),
      }
    },
    plan: async ({ tableId, snapshotId, afterSequence = 0 }: Parameters<Lake['plan']>[0]) => {
      const commits = tableOf(tableId).commits.slice(afterSequence, Number(snapshotId ?? 0))
      const files = commits.map((commit) => commit.path)
      const list = files.map((path) => `'${path}'`).join(', ')
      return {
        sql: files.length === 0 ? '(select 1 where false)' : `(select * from read_parquet([${list}]))`,
        parts: { columns: [], stored: [], fieldIds: {}, groups: [] },
        files: files.map((name) => ({ name, bytes: 0 })),
        rowCount: commits.reduce((sum, commit) => sum + commit.rowCount, 0),
        bytes: 0,
        filesSkipped: 0,
      }
    },
    lease: async (files: readonly { name: string }[]) => ({
      paths: files.map(({ name }) => name),
      [Symbol.dispose]: () => {},
    }),
    pin: async (_tx: unknown, pin: Pin) => void pins.set(pin.owner, pin),
    releasePins: async (_tx: unknown, owner: string) => void pins.delete(owner),
    append: async (tableId: TableId, from: number, rowCount: number) => {
      const path = join(folder, `${randomUUID()}.parquet`)
      await run(
        `copy (select i as id, 'p' || (i % 7) as person, timestamptz '2026-01-01 00:00:00Z' + interval (i) minute as "timestamp" from range(${from}, ${from + rowCount}) t(i)) to '${path}' (format parquet)`,
      )
      tableOf(tableId).commits.push({ path, rowCount })
    },
    idsOf: async (paths: readonly string[]) => {
      const rows = await run(
        `select id from read_parquet([${paths.map(quoteLiteral).join(', ')}], hive_partitioning = false) order by id`,
      )
      return rows.map(([id]) => Number(id))
    },
  }
  return lake as unknown as TestLake
}
