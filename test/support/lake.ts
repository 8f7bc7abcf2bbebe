import { randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { newBatchId, newDatasetId, newUuidId } from '../../src/base/ids.ts'
import { armFaults, type FaultPoint } from '../../src/base/faults.ts'
import { silentLogger } from '../../src/base/log.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { createLake } from '../../src/lake/create-lake.ts'
import type { LakeFiles } from '../../src/lake/lake-files.ts'
import type { AppendRequest, AppendResult, Lake, LakeTable, NewTable, ScanPlan } from '../../src/lake/lake.ts'
import { localLakeFiles } from '../../src/lake/local-lake-files.ts'
import { openLakeFiles } from '../../src/lake/open-lake-files.ts'
import { systemColumns } from '../../src/lake/system-columns.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'
import type { Field, StructType } from '../../src/types/data-type.ts'
import { sharedEngine } from './engine.ts'
import { testMetadata } from './metadata.ts'
import type { S3Server } from './s3-server.ts'

const signal = new AbortController().signal

export interface TestLake extends AsyncDisposable {
  readonly lake: Lake
  readonly engine: Engine
  readonly metadata: Metadata & { readonly databaseUrl: string }
  /** Where the lake's files are on the disk, ours or the S3 server's. */
  readonly folder: string
  readonly files: LakeFiles
  readonly clock: Clock
  /** Another process's view of the same lake. */
  another(options?: {
    readonly clock?: Clock
    readonly metadata?: Metadata
    readonly folder?: string
    readonly files?: LakeFiles
  }): Lake
  table(columns: StructType, options?: Partial<NewTable>): Promise<LakeTable>
  append(table: LakeTable, sql: string, options?: Partial<AppendRequest>): Promise<AppendResult>
  /** The rows of a plan as JSON arrays. */
  rows(plan: ScanPlan, columns: readonly Field[]): Promise<unknown[][]>
  /** The rows of the newest snapshot, user columns only. */
  rowsOf(table: LakeTable): Promise<unknown[][]>
}

/** Where lakes are in S3, and how they reach it. */
export interface S3Place {
  readonly server: S3Server
  /** Of a proxy before the server. */
  readonly endpoint?: string
  readonly cacheBytes?: number
  /** Instead of one with children. */
  readonly engine?: Engine
}

let s3: S3Place | undefined

/** From now on the lakes of this test file are at the server; undefined: in folders. */
export function putLakesOn(place: S3Place | undefined): void {
  s3 = place
}

/** The files of a new lake on S3, and the folder in which the server keeps them. */
async function s3Files(
  { server, endpoint = server.endpoint, cacheBytes = 50_000_000 }: S3Place,
  folder: string,
): Promise<{ readonly files: LakeFiles; readonly folder: string }> {
  const bucket = await server.makeBucket()
  const files = await openLakeFiles(
    {
      folder: join(folder, 'lake'),
      location: `s3://${bucket}/the/lake`,
      cacheFolder: join(folder, 'cache'),
      cacheBytes,
    },
    {
      server: { region: server.region, endpoint },
      credentials: { s3: server.credentials },
      logger: silentLogger,
    },
  )
  const kept = server.pathOf(bucket, 'the/lake')
  await mkdir(kept, { recursive: true })
  return { files, folder: kept }
}

/** A lake of its own, in a folder of its own or a bucket, over a real engine and a real database. */
export async function testLake(
  options: {
    readonly clock?: Clock
    readonly engine?: Engine
    /** Instead of where the lakes of this test file are. */
    readonly on?: S3Place
  } = {},
): Promise<TestLake> {
  const stack = new AsyncDisposableStack()
  const own = await mkdtemp(join(tmpdir(), 'lake-test-'))
  stack.defer(() => rm(own, { recursive: true, force: true }))
  await chmod(own, 0o755) // The engine's children may be another user.
  const at = options.on ?? s3
  const { files, folder } = at ? await s3Files(at, own) : { files: localLakeFiles(own), folder: own }
  stack.use(files)
  const metadata = stack.use(await testMetadata())
  const engine = options.engine ?? at?.engine ?? (await sharedEngine()).engine
  const another: TestLake['another'] = (given = {}) =>
    createLake({
      metadata: given.metadata ?? metadata,
      engine,
      files: given.files ?? (given.folder === undefined ? files : localLakeFiles(given.folder)),
      clock: given.clock ?? options.clock ?? systemClock,
      logger: silentLogger,
      incarnation: randomUUID(),
    })
  const lake = another()
  const rows: TestLake['rows'] = async (plan, columns) => await leasedRows(lake, engine, { plan, columns })
  return {
    lake,
    engine,
    metadata,
    folder,
    files,
    clock: options.clock ?? systemClock,
    another,
    rows,
    table: async (schema, given = {}) =>
      await metadata.transaction((tx) =>
        lake.create(tx, {
          datasetId: newDatasetId(),
          sandboxId: newUuidId('sandbox'),
          schema,
          ...given,
        }),
      ),
    append: async (table, sql, given = {}) =>
      await lake.append({
        tableId: table.id,
        batchId: newBatchId(),
        source: { sql, files: [], pool: 'batch' },
        signal,
        ...given,
      }),
    rowsOf: async (table) => {
      const snapshot = await lake.snapshot(table.id)
      const plan = await lake.plan({ tableId: table.id, snapshotId: snapshot?.snapshotId })
      return await rows(plan, table.schema.fields)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** The rows of a plan as JSON arrays. */
export async function leasedRows(
  lake: Lake,
  engine: Engine,
  { plan, columns }: { readonly plan: ScanPlan; readonly columns: readonly Field[] },
): Promise<unknown[][]> {
  using lease = await lake.lease(plan.files, { signal })
  await using pull = await engine.open(
    { sql: `SELECT * FROM ${plan.sql}`, files: lease.paths, pool: 'interactive' },
    { encoding: { kind: 'jsonRows' }, columns, signal },
  )
  let text = ''
  for (;;) {
    const chunk = await pull.pull({ rowCountMax: 100_000, bytesMax: 10_000_000 })
    text += Buffer.from(chunk.bytes).toString()
    if (chunk.state === 'done') break
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown[])
}

/** User and system columns, as a plan with system columns gives them. */
export function withSystemColumns(table: LakeTable): readonly Field[] {
  return [...table.schema.fields, ...systemColumns.fields]
}

/** Names of all files below a folder, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted()
}

/** Begins the work and stops it at its first pass through the fault point, as if its process stood still or died. */
export async function hangingAt<T>(
  point: FaultPoint,
  work: () => Promise<T>,
): Promise<{ readonly outcome: Promise<T>; release(): void }> {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  armFaults(async (passed) => {
    if (passed !== point) return
    armFaults(undefined)
    reached.resolve()
    await released.promise
  })
  const outcome = work()
  outcome.catch(() => {}) // Whoever awaits it is told.
  await Promise.race([reached.promise, outcome])
  return { outcome, release: () => released.resolve() }
}
