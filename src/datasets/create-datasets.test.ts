import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { testCaller } from '../../test/support/access.ts'
import { sharedEngine } from '../../test/support/engine.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { systemClock } from '../base/clock.ts'
import { newBatchId, newDatasetId, newUuidId } from '../base/ids.ts'
import { silentLogger } from '../base/log.ts'
import { createLake } from '../lake/create-lake.ts'
import { localLakeFiles } from '../lake/local-lake-files.ts'
import type { SchemaChange } from '../lake/evolve-schema.ts'
import type { Lake, NewTable } from '../lake/lake.ts'
import type { Metadata } from '../metadata/metadata.ts'
import {
  arrayType,
  longType,
  mapType,
  stringType,
  structType,
  timestampType,
  voidType,
} from '../types/data-type.ts'
import { xdmProperties } from '../types/xdm-document.ts'
import type { Schemas } from '../schemas/schemas.ts'
import { createSchemas } from '../schemas/create-schemas.ts'
import { createDatasets } from './create-datasets.ts'
import type { Caller, Datasets } from './datasets.ts'
import { followSchema } from './follow-schema.ts'

/** Over the real lake; what it is asked to make is remembered. */
async function world(metadata: Metadata) {
  const folder = await mkdtemp(join(tmpdir(), 'datasets-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { engine } = await sharedEngine()
  const tables: NewTable[] = []
  const whole = createLake({
    metadata,
    engine,
    files: localLakeFiles(folder),
    clock: systemClock,
    logger: silentLogger,
    incarnation: 'a',
  })
  const lake: Lake = {
    ...whole,
    create: async (tx, table) => {
      tables.push(table)
      return await whole.create(tx, table)
    },
  }
  const { access, caller } = await testCaller(metadata)
  const clock = systemClock
  const schemas = createSchemas({ metadata, access, clock, columnsAdded: followSchema({ lake, clock }) })
  return {
    datasets: createDatasets({ metadata, access, lake, schemas, clock }),
    schemas,
    caller,
    tables,
    lake,
    access,
  }
}

const columns = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  {
    name: 'identityMap',
    type: mapType(stringType, arrayType(structType([{ name: 'id', type: stringType }]))),
  },
])

test('a dataset is made with its table, schema, tag and layout, and found by table, name and id', async () => {
  await using metadata = await testMetadata()
  const { datasets, schemas, caller, tables } = await world(metadata)
  const made = await datasets.create(caller, { name: 'Web Events!', schema: { kind: 'columns', columns } })
  expect(made).toMatchObject({
    name: 'Web Events!',
    tableName: 'web_events',
    behavior: 'time-series',
    tags: { 'adobe/pqs/table': ['web_events'] },
    schema: columns,
  })
  expect(made.id).toMatch(/^[0-9a-f]{24}$/)
  expect(tables).toEqual([
    {
      datasetId: made.id,
      sandboxId: caller.sandbox.id,
      schema: columns,
      dayColumn: 'timestamp',
      clusterBy: ["identityMap['ECID'][0].id", 'timestamp'],
    },
  ])
  for (const name of ['WEB_events', 'Web Events!', made.id]) {
    expect(await datasets.find(caller, name)).toEqual(made)
  }
  expect(await datasets.find(caller, 'elsewhere')).toBeUndefined()
  expect(await datasets.get(caller, made.id)).toEqual(made)
  expect(await datasets.list(caller, { limit: 10, start: 0 })).toEqual([made])
  expect(await datasets.tables(caller)).toEqual([made])
  const schema = await schemas.get(caller, 'schemas', made.schemaId)
  expect(schema.document['properties']).toEqual(xdmProperties(columns))
  expect(await schemas.get(caller, 'schemas', schema.altId)).toEqual(schema)
})

test('table names never meet, whatever the datasets are called', async () => {
  await using metadata = await testMetadata()
  const { datasets, caller } = await world(metadata)
  const schema = { kind: 'columns', columns: structType([{ name: 'x', type: voidType }]) } as const
  const names = ['a__b', 'A b', '-a-b-', 'pg_class', 'public', '2024', '日本', '"; drop table x; --', '   ']
  const made = await Promise.all(names.map((name) => datasets.create(caller, { name, schema })))
  const tableNames = made.map((dataset) => dataset.tableName)
  expect(new Set(tableNames).size).toBe(names.length)
  for (const name of tableNames) expect(name).toMatch(/^[a-z_](?:_?[a-z0-9])*$/)
  expect(tableNames.filter((name) => name.startsWith('pg_'))).toEqual([])
  expect(made[0]?.schema.fields[0]?.type).toEqual(stringType)
  const long = await datasets.create(caller, { name: 'x'.repeat(255), schema })
  expect(long.tableName.length).toBeLessThanOrEqual(63)
  await expect(datasets.create(caller, { name: 'y', tableName: 'T_PUBLIC', schema })).rejects.toMatchObject({
    code: 'dataset.exists',
  })
  await expect(datasets.create(caller, { name: 'y', tableName: 'a b', schema })).rejects.toMatchObject({
    code: 'request.invalid',
    hint: 'Take "a_b".',
  })
})

test('a deleted dataset is gone and its table name free', async () => {
  await using metadata = await testMetadata()
  const { datasets, caller } = await world(metadata)
  const dataset = { name: 'x', schema: { kind: 'columns', columns } } as const
  const first = await datasets.create(caller, dataset)
  await datasets.delete(caller, first.id)
  await expect(datasets.get(caller, first.id)).rejects.toMatchObject({ code: 'dataset.unknown' })
  await expect(datasets.delete(caller, first.id)).rejects.toMatchObject({ code: 'dataset.unknown' })
  expect(await datasets.find(caller, 'x')).toBeUndefined()
  expect((await datasets.create(caller, dataset)).tableName).toBe('x')
})

test('columns that a table cannot keep are refused with their path', async () => {
  await using metadata = await testMetadata()
  const { datasets, caller } = await world(metadata)
  const create = (fields: Parameters<typeof structType>[0]) =>
    datasets.create(caller, { name: 'x', schema: { kind: 'columns', columns: structType(fields) } })
  await expect(create([])).rejects.toThrow('a table needs at least one column')
  await expect(create([{ name: '_ACP_BatchId', type: longType }])).rejects.toThrow(
    '/_ACP_BatchId: "_ACP_BatchId" is the name of a system column.',
  )
  await expect(
    create([
      {
        name: 'a',
        type: structType([
          { name: 'b', type: longType },
          { name: 'B', type: longType },
        ]),
      },
    ]),
  ).rejects.toThrow('Two fields of /a are called "B", case apart.')
  await expect(create([{ name: 'i', type: { kind: 'interval' } }])).rejects.toThrow(
    '/i: an interval cannot be stored.',
  )
  expect(await datasets.list(caller, { limit: 10, start: 0 })).toEqual([])
})

test('a registered schema gives a dataset its columns and behaviour', async () => {
  await using metadata = await testMetadata()
  const { datasets, schemas, caller } = await world(metadata)
  const schema = await schemas.create(caller, 'schemas', {
    title: 'Shop events',
    allOf: [{ $ref: 'https://ns.adobe.com/xdm/context/experienceevent' }, { $ref: '#/definitions/mine' }],
    definitions: { mine: { properties: { _acme: { properties: { size: { type: 'integer' } } } } } },
  })
  const made = await datasets.create(caller, { name: 'shop', schema: { kind: 'registered', id: schema.id } })
  expect(made.behavior).toBe('time-series')
  expect(made.schema.fields.map((field) => field.name)).toEqual([
    '_id',
    'timestamp',
    'eventType',
    'eventMergeId',
    'producedBy',
    'identityMap',
    '_acme',
  ])
  await expect(
    datasets.create(caller, { name: 'other', schema: { kind: 'registered', id: 'https://nowhere' } }),
  ).rejects.toMatchObject({ code: 'schema.unknown' })
})

test('a field group that gains a field widens every dataset of its schemas, and their tables', async () => {
  await using metadata = await testMetadata()
  const { datasets, schemas, caller, lake } = await world(metadata)
  const { group, dataset, tenant } = await shop(schemas, datasets, caller)
  await addField(schemas, caller, { id: group.id, tenant, name: 'second' })
  const after = await datasets.get(caller, dataset.id)
  expect(after.version).toBe(1)
  expect(after.schema.fields.at(-1)).toEqual({
    name: tenant,
    type: structType([
      { name: 'first', type: stringType },
      { name: 'second', type: stringType },
    ]),
  })
  expect((await lake.table(after.tableId)).schema).toEqual(after.schema)
  const { json } = await lake.metadata(after.tableId)
  // A title changes no table.
  await schemas.patch(caller, {
    kind: 'mixins',
    id: group.id,
    patch: { op: 'replace', path: '/title', value: 'T' },
  })
  expect((await lake.metadata(after.tableId)).json).toBe(json)
})

test('where a table cannot grow, the schema stays as it is too', async () => {
  await using metadata = await testMetadata()
  const { datasets, schemas, caller, lake } = await world(metadata)
  const { group, dataset, tenant } = await shop(schemas, datasets, caller)
  // Another engine was first, with a name that SQL does not tell from this one.
  const twin: SchemaChange = { kind: 'add', parent: [tenant], name: 'SECOND', type: stringType }
  await lake.evolve({
    tableId: dataset.tableId,
    changes: [twin],
    signal: new AbortController().signal,
  })
  await expect(addField(schemas, caller, { id: group.id, tenant, name: 'second' })).rejects.toMatchObject({
    code: 'schema.invalid',
  })
  expect((await schemas.get(caller, 'mixins', group.id)).version).toBe('1.0')
  expect(await datasets.get(caller, dataset.id)).toEqual(dataset)
  await datasets.delete(caller, dataset.id)
  await addField(schemas, caller, { id: group.id, tenant, name: 'second' })
})

async function shop(schemas: Schemas, datasets: Datasets, caller: Caller) {
  const tenant = `_${String((await schemas.stats(caller))['tenantId'])}`
  const group = await schemas.create(caller, 'mixins', {
    title: 'Own',
    type: 'object',
    properties: { [tenant]: { type: 'object', properties: { first: { type: 'string' } } } },
  })
  const schema = await schemas.create(caller, 'schemas', {
    title: 'Shop',
    allOf: [{ $ref: 'https://ns.adobe.com/xdm/context/experienceevent' }, { $ref: group.id }],
  })
  const dataset = await datasets.create(caller, {
    name: 'shop',
    schema: { kind: 'registered', id: schema.id },
  })
  return { tenant, group, dataset }
}

async function addField(
  schemas: Schemas,
  caller: Caller,
  { id, tenant, name }: { readonly id: string; readonly tenant: string; readonly name: string },
) {
  const path = `/properties/${tenant}/properties/${name}`
  return await schemas.patch(caller, {
    kind: 'mixins',
    id,
    patch: [{ op: 'add', path, value: { type: 'string' } }],
  })
}

test('a batch that SQL wrote is recorded once', async () => {
  await using metadata = await testMetadata()
  const { datasets, caller } = await world(metadata)
  const { id: datasetId } = await datasets.create(caller, { name: 'x', schema: { kind: 'columns', columns } })
  const batch = { id: newBatchId(), datasetId, recordCount: 7, bytes: 99, tags: { a: 1 } }
  await metadata.transaction((tx) => datasets.recordCommittedBatch(tx, batch))
  await metadata.transaction((tx) => datasets.recordCommittedBatch(tx, batch))
  expect(await datasets.batches(caller, { datasetId, limit: 10, start: 0 })).toEqual([
    expect.objectContaining({ ...batch, state: 'success', format: 'sql', failedRecordCount: 0, errors: [] }),
  ])
  expect(await datasets.batch(caller, batch.id)).toMatchObject({ datasetId, recordCount: 7 })
  await expect(datasets.batch(caller, newBatchId())).rejects.toMatchObject({ code: 'batch.unknown' })
  await expect(
    metadata.transaction((tx) => datasets.recordCommittedBatch(tx, { ...batch, datasetId: newDatasetId() })),
  ).rejects.toMatchObject({ code: 'dataset.unknown' })
})

test('nobody sees or makes a dataset without the permission, nor one of another sandbox', async () => {
  await using metadata = await testMetadata()
  const { datasets, caller } = await world(metadata)
  const made = await datasets.create(caller, { name: 'x', schema: { kind: 'columns', columns } })
  const stranger = { principal: { ...caller.principal, id: newUuidId('principal') }, sandbox: caller.sandbox }
  await expect(datasets.get(stranger, made.id)).rejects.toMatchObject({ code: 'access.denied' })
  await expect(datasets.delete(stranger, made.id)).rejects.toMatchObject({ code: 'access.denied' })
  await expect(
    datasets.create(stranger, { name: 'y', schema: { kind: 'columns', columns } }),
  ).rejects.toMatchObject({ code: 'access.denied' })
})
