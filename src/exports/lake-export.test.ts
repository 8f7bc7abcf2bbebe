import { readdirSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSecretStore } from '#access/secret-store.ts'
import { systemClock } from '#base/clock.ts'
import { type FlowId, newBatchId } from '#base/ids.ts'
import { silentLogger } from '#base/log.ts'
import { createSchemas } from '#schemas/create-schemas.ts'
import { followSchema } from '#datasets/follow-schema.ts'
import { createDatasets } from '#datasets/create-datasets.ts'
import { createJobs } from '#jobs/create-jobs.ts'
import { openStore } from '#objects/open-store.ts'
import { arrayType, longType, mapType, stringType, structType, timestampType } from '#types/data-type.ts'
import { testCaller } from '../../test/support/access.ts'
import { testLake } from '../../test/support/lake.ts'
import { createExports } from './create-exports.ts'
import { dataLakeSpecId, type EntityKind, localFolderSpecs } from './exports.ts'
import { verifyLocation } from './verify.ts'

const columns = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'n', type: longType },
  { name: 'tags', type: mapType(stringType, arrayType(stringType)) },
  { name: 'web', type: structType([{ name: 'page', type: stringType }]) },
])
const rows = (from: number, count: number) =>
  `select 'e' || i as _id, timestamptz '2026-02-01 00:00:00Z' + interval (i) minute as "timestamp", i as n,
    map {'a': ['x', 'y' || i]} as tags, case when i % 2 = 0 then null else {'page': '/' || i} end as web
   from range(${from}, ${from + count}) t(i)`
const { signal } = new AbortController()

/** The real lake and engine; what fails or dies is tested beside. */
test.each([
  ['PARQUET', 'ZSTD', {}],
  ['JSON', 'NONE', {}],
  ['JSON', 'GZIP', { includeSystemColumns: true }],
])(
  'a table of the lake is delivered as %s (%s) and then its increments',
  async (datasetFileType, compression, more) => {
    const here = await testLake()
    onTestFinished(() => here[Symbol.asyncDispose]())
    const { metadata, lake, engine, folder } = here
    const { access, caller } = await testCaller(metadata)
    const jobs = createJobs({
      metadata,
      clock: systemClock,
      nodeId: 'a',
      incarnation: '1',
      logger: silentLogger,
    })
    onTestFinished(() => jobs[Symbol.asyncDispose]())
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
    const exports = createExports({
      metadata,
      secrets: await createSecretStore({ metadata, keyFile, clock: systemClock }),
      access,
      engine,
      lake,
      datasets,
      jobs,
      spoolFolder: join(folder, 'home', 'spool'),
      keysFolder: join(folder, 'home', 'keys'),
      clock: systemClock,
      logger: silentLogger,
    })
    await jobs.start()
    const dataset = await datasets.create(caller, { name: 'events', schema: { kind: 'columns', columns } })
    const append = async (from: number, count: number) =>
      await lake.append({
        tableId: dataset.tableId,
        batchId: newBatchId(),
        source: { sql: rows(from, count), files: [], pool: 'batch' },
        signal,
      })
    const make = async (kind: EntityKind, body: object) => (await exports.createEntity(caller, kind, body)).id
    const destination = join(folder, 'delivered')
    const connectionSpec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
    const flowId = (await make('flows', {
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
          params: { path: destination, datasetFileType, compression, ...more },
        }),
      ],
      scheduleParams: { timeUnit: 'hour', interval: 1, startTime: Math.floor(Date.now() / 1000) + 3_600 },
    })) as FlowId
    const run = async () => {
      const finished = await jobs.finished(await exports.runNow(caller, flowId), { signal })
      return finished.state === 'succeeded' ? finished.result['rowCount'] : finished
    }
    expect(await run()).toBe(0)
    await append(0, 5_000)
    expect(await run()).toBe(5_000)
    await append(5_000, 100)
    await append(5_100, 0)
    await append(5_100, 50)
    expect(await run()).toBe(150)
    expect(await run()).toBe(0)
    await using store = await openStore({ kind: 'local', folder: destination })
    expect(await verifyLocation({ store, signal })).toMatchObject({
      isRight: true,
      findings: [],
      rowCount: 5_150,
      chains: [{ manifestCount: 4 }],
    })
    if (datasetFileType !== 'JSON' || compression !== 'NONE') return
    const lines = readdirSync(destination, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.json') && name.includes('part-'))
      .flatMap((name) => readFileSync(join(destination, name), 'utf8').trimEnd().split('\n'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(new Set(lines.map((line) => line['_id'])).size).toBe(5_150)
    expect(Object.keys(lines.find((line) => line['n'] === 1)!)).toEqual([
      '_id',
      'timestamp',
      'n',
      'tags',
      'web',
    ])
  },
)
