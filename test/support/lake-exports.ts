import { readdirSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecretStore } from '../../src/access/secret-store.ts'
import { systemClock } from '../../src/base/clock.ts'
import { type FlowId, newBatchId, type RunId } from '../../src/base/ids.ts'
import { silentLogger } from '../../src/base/log.ts'
import { createDatasets } from '../../src/datasets/create-datasets.ts'
import type { Caller, Dataset } from '../../src/datasets/datasets.ts'
import { followSchema } from '../../src/datasets/follow-schema.ts'
import { createExports } from '../../src/exports/create-exports.ts'
import { landingInHome } from '../../src/exports/landing/landing-in-home.ts'
import { type Exports } from '../../src/exports/exports.ts'
import { type EntityKind } from '../../src/exports/entity-kind.ts'
import { dataLakeSpecId, localFolderSpecs } from '../../src/exports/destination-specs.ts'
import { verifyLocation, type VerifyReport } from '../../src/exports/verify/verify.ts'
import { createJobs } from '../../src/jobs/create-jobs.ts'
import type { Jobs, Run } from '../../src/jobs/jobs.ts'
import { createScheduledWriters } from '../../src/query/scheduled-writers.ts'
import { createSqlFrontEnd } from '../../src/sql/front-end.ts'
import { createLineage } from '../../src/notify/lineage.ts'
import { createNotify } from '../../src/notify/create-notify.ts'
import { openStore } from '../../src/objects/open-store.ts'
import { createSchemas } from '../../src/schemas/create-schemas.ts'
import type { StructType } from '../../src/types/data-type.ts'
import { testCaller } from './access.ts'
import { testLake, type TestLake } from './lake.ts'

const { signal } = new AbortController()

/** Exports of the real lake by the real engine into a folder. */
export interface LakeExports extends AsyncDisposable {
  readonly here: TestLake
  readonly caller: Caller
  readonly exports: Exports
  readonly jobs: Jobs
  readonly destination: string
  dataset(columns: StructType): Promise<Dataset>
  append(dataset: Dataset, sql: string): Promise<void>
  flow(
    dataset: Dataset,
    change?: { readonly params?: object; readonly scheduleParams?: object },
  ): Promise<FlowId>
  run(flowId: FlowId): Promise<Run>
  finished(runId: RunId): Promise<Run>
  verify(): Promise<VerifyReport>
  /** Names of parts below the destination, in the order of their numbers. */
  parts(): string[]
  /** Of files of plain JSON. */
  rowsOf(name: string): Record<string, unknown>[]
}

/** @param options of staging ahead, which begins with files of so many bytes */
export async function openLakeExports(
  options: { readonly aheadBytesMin?: number } = {},
): Promise<LakeExports> {
  await using stack = new AsyncDisposableStack()
  const here = stack.use(await testLake())
  const { metadata, lake, engine, folder } = here
  const { access, caller } = await testCaller(metadata)
  const jobs = stack.use(
    createJobs({ metadata, clock: systemClock, nodeId: 'a', incarnation: '1', logger: silentLogger }),
  )
  const datasets = createDatasets({
    metadata,
    access,
    lake,
    schemas: createSchemas({
      metadata,
      access,
      clock: systemClock,
      columnsAdded: followSchema({ lake, clock: systemClock }),
    }),
    clock: systemClock,
  })
  await mkdir(join(folder, 'home'), { mode: 0o711 })
  const keyFile = join(folder, 'home', 'master.json')
  const secrets = await createSecretStore({ metadata, keyFile, clock: systemClock })
  const notify = createNotify({
    metadata,
    access,
    jobs,
    secrets,
    allowsPrivate: true,
    clock: systemClock,
    logger: silentLogger,
  })
  const exports = createExports({
    lineage: createLineage({
      metadata: metadata,
      jobs,
      collector: undefined,
      producer: 'urn:test',
      clock: systemClock,
    }),
    metadata,
    secrets,
    notify,
    access,
    engine,
    lake,
    datasets,
    allowsServerIdentity: false,
    writers: createScheduledWriters({
      metadata,
      access,
      datasets,
      sql: createSqlFrontEnd(),
      clock: systemClock,
    }),
    jobs,
    spoolFolder: join(folder, 'home', 'spool'),
    keysFolder: join(folder, 'home', 'keys'),
    landing: landingInHome(join(folder, 'home')),
    clock: systemClock,
    logger: silentLogger,
    ...options,
  })
  await jobs.start()
  const destination = join(folder, 'delivered')
  const make = async (kind: EntityKind, body: object) => (await exports.createEntity(caller, kind, body)).id
  const finished = async (runId: RunId) => await jobs.finished(runId, { signal })
  const owned = stack.move()
  return {
    here,
    caller,
    exports,
    jobs,
    destination,
    finished,
    dataset: (columns) => datasets.create(caller, { name: 'events', schema: { kind: 'columns', columns } }),
    append: async (dataset, sql) => {
      await lake.append({
        tableId: dataset.tableId,
        batchId: newBatchId(),
        source: { sql, files: [], pool: 'batch' },
        signal,
      })
    },
    flow: async (dataset, change = {}) => {
      const connectionSpec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
      return (await make('flows', {
        name: 'feed',
        flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
        sourceConnectionIds: [
          await make('sourceConnections', {
            name: 'lake',
            connectionSpec: { id: dataLakeSpecId, version: '1.0' },
            params: { datasets: [{ dataSetId: dataset.id }] },
          }),
        ],
        targetConnectionIds: [
          await make('targetConnections', {
            name: 'folder',
            baseConnectionId: await make('connections', { name: 'folder', connectionSpec }),
            connectionSpec,
            params: { path: destination, datasetFileType: 'JSON', compression: 'NONE', ...change.params },
          }),
        ],
        scheduleParams: {
          timeUnit: 'hour',
          interval: 1,
          startTime: Math.floor(Date.now() / 1000) + 36_000,
          ...change.scheduleParams,
        },
      })) as FlowId
    },
    run: async (flowId) => await finished(await exports.runNow(caller, flowId)),
    verify: async () => {
      await using store = await openStore({ kind: 'local', folder: destination })
      return await verifyLocation({ store, signal })
    },
    parts: () =>
      readdirSync(destination, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.includes('part-'))
        .toSorted(),
    rowsOf: (name) =>
      readFileSync(join(destination, name), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
