import { randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import type { Access } from '../../src/access/access.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { BatchId } from '../../src/base/ids.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createDatasets } from '../../src/datasets/create-datasets.ts'
import { followSchema } from '../../src/datasets/follow-schema.ts'
import type { Batch, Caller, Dataset, Datasets } from '../../src/datasets/datasets.ts'
import { createDuckdbEngine } from '../../src/engine/duckdb-engine.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { createIngest } from '../../src/ingest/create-ingest.ts'
import type { Ingest, NewBatch } from '../../src/ingest/ingest.ts'
import { createJobs } from '../../src/jobs/create-jobs.ts'
import type { Jobs } from '../../src/jobs/jobs.ts'
import { createLake } from '../../src/lake/create-lake.ts'
import { localLakeFiles } from '../../src/lake/local-lake-files.ts'
import type { Lake } from '../../src/lake/lake.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'
import { structType, type Field } from '../../src/types/data-type.ts'
import { testCaller } from './access.ts'
import { testMetadata } from './metadata.ts'
import { createSchemas } from '../../src/schemas/create-schemas.ts'
import type { Schemas } from '../../src/schemas/schemas.ts'

const signal = new AbortController().signal

/** A server's share of the work; disposing it waits for what it has begun. */
export interface IngestNode extends AsyncDisposable {
  readonly jobs: Jobs
  readonly ingest: Ingest
}

export type Sent = string | Uint8Array

/** Ingestion over a real database, a real engine and a real lake. */
export class IngestBed implements AsyncDisposable {
  readonly folder: string
  readonly staging: string
  readonly metadata: Metadata
  readonly engine: Engine
  readonly access: Access
  readonly caller: Caller
  readonly lake: Lake
  readonly schemas: Schemas
  readonly datasets: Datasets
  readonly #stack: AsyncDisposableStack

  private constructor(parts: {
    readonly folder: string
    readonly metadata: Metadata
    readonly engine: Engine
    readonly account: Awaited<ReturnType<typeof testCaller>>
    readonly stack: AsyncDisposableStack
  }) {
    const { folder, metadata, engine, account } = parts
    this.folder = folder
    this.staging = join(folder, 'staging')
    this.metadata = metadata
    this.engine = engine
    this.access = account.access
    this.caller = account.caller
    this.#stack = parts.stack
    this.lake = this.#newLake(engine)
    const common = { metadata, access: account.access, clock: systemClock }
    const columnsAdded = followSchema({ lake: this.lake, clock: systemClock })
    this.schemas = createSchemas({ ...common, columnsAdded })
    this.datasets = createDatasets({ ...common, lake: this.lake, schemas: this.schemas })
  }

  static async open(): Promise<IngestBed> {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'sluice-ingest-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    await chmod(folder, 0o755) // The engine's children may be another user.
    await mkdir(join(folder, 'home'))
    const metadata = stack.use(await testMetadata())
    const engine = stack.use(
      await createDuckdbEngine({
        interactiveChildren: 1,
        statementsPerChild: 4,
        batchChildren: 2,
        memoryBytes: 2 * 1024 ** 3,
        scratchFolder: join(folder, 'scratch'),
        logger: silentLogger,
      }),
    )
    const account = await testCaller(metadata, join(folder, 'home'))
    return new IngestBed({ folder, metadata, engine, account, stack: stack.move() })
  }

  /** One with the same `nodeId` is the next life of an earlier one, which then counts as dead. */
  async node({
    nodeId = 'a',
    staging = this.staging,
    isIdle = false,
    engine = this.engine,
    change = (lake) => lake,
  }: {
    readonly nodeId?: string
    readonly staging?: string
    /** Takes files, works on nothing. */
    readonly isIdle?: boolean
    readonly engine?: Engine
    readonly change?: (lake: Lake) => Lake
  } = {}): Promise<IngestNode> {
    const jobs = createJobs({
      metadata: this.metadata,
      clock: systemClock,
      nodeId,
      incarnation: randomUUID(),
      logger: silentLogger,
    })
    const ingest = createIngest({
      metadata: this.metadata,
      access: this.access,
      engine,
      datasets: this.datasets,
      lake: change(this.#newLake(engine)),
      jobs,
      folder: staging,
      clock: systemClock,
      logger: silentLogger,
    })
    if (!isIdle) await jobs.start()
    return { jobs, ingest, [Symbol.asyncDispose]: () => jobs[Symbol.asyncDispose]() }
  }

  /** Another process's view of the one lake. */
  #newLake(engine: Engine): Lake {
    return createLake({
      metadata: this.metadata,
      engine,
      files: localLakeFiles(join(this.folder, 'lake')),
      clock: systemClock,
      logger: silentLogger,
      incarnation: randomUUID(),
    })
  }

  async dataset(fields: readonly Field[], name = randomUUID()): Promise<Dataset> {
    return await this.datasets.create(this.caller, {
      name,
      schema: { kind: 'columns', columns: structType(fields) },
    })
  }

  /** An open batch with its files. */
  async upload(
    { ingest }: IngestNode,
    dataset: Dataset,
    files: Readonly<Record<string, Sent>>,
    options: Partial<NewBatch> = {},
  ): Promise<BatchId> {
    const batch = await ingest.open(this.caller, { datasetId: dataset.id, format: 'json', ...options })
    for (const [fileName, bytes] of Object.entries(files)) {
      await this.send({ ingest }, { batch, fileName, bytes })
    }
    return batch.id
  }

  async send(
    { ingest }: Pick<IngestNode, 'ingest'>,
    file: {
      readonly batch: Pick<Batch, 'id' | 'datasetId'>
      readonly fileName: string
      readonly bytes: Sent
    },
  ): Promise<{ readonly bytes: number; readonly sha256: string }> {
    return await ingest.upload(this.caller, {
      batchId: file.batch.id,
      datasetId: file.batch.datasetId,
      fileName: file.fileName,
      bytes: inPieces(Buffer.from(file.bytes)),
      signal,
    })
  }

  async load(
    node: IngestNode,
    dataset: Dataset,
    files: Readonly<Record<string, Sent>>,
    options: Partial<NewBatch> = {},
  ): Promise<Batch> {
    const batchId = await this.upload(node, dataset, files, options)
    await node.ingest.complete(this.caller, batchId)
    return await this.finished(batchId)
  }

  async finished(batchId: BatchId): Promise<Batch> {
    return await vi.waitFor(
      async () => {
        const batch = await this.datasets.batch(this.caller, batchId)
        if (batch.state === 'queued' || batch.state === 'processing') throw new Error('Not over yet.')
        return batch
      },
      { timeout: 30_000, interval: 20 },
    )
  }

  /** The rows of the newest snapshot as JSON arrays, ordered by their text. */
  async rows(dataset: Dataset): Promise<unknown[][]> {
    const snapshot = await this.lake.snapshot(dataset.tableId)
    const plan = await this.lake.plan({ tableId: dataset.tableId, snapshotId: snapshot?.snapshotId })
    using lease = await this.lake.lease(plan.files, { signal })
    await using pull = await this.engine.open(
      { sql: `SELECT * FROM ${plan.sql}`, files: lease.paths, pool: 'interactive' },
      { encoding: { kind: 'jsonRows' }, columns: dataset.schema.fields, signal },
    )
    let text = ''
    for (let isDone = false; !isDone;) {
      const chunk = await pull.pull({ rowCountMax: 100_000, bytesMax: 10_000_000 })
      text += Buffer.from(chunk.bytes).toString()
      isDone = chunk.state === 'done'
    }
    return text
      .split('\n')
      .filter((line) => line !== '')
      .toSorted()
      .map((line) => JSON.parse(line) as unknown[])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

async function* inPieces(bytes: Uint8Array, pieceBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}
