import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { testCaller } from '../../test/support/access.ts'
import { testLake } from '../../test/support/lake.ts'
import type { Access, Decision } from '../access/access.ts'
import { systemClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { createSchemas } from '../schemas/create-schemas.ts'
import { longType, structType, timestampType } from '../types/data-type.ts'
import { createDatasets } from './create-datasets.ts'
import { createSharedTables } from './create-shared-tables.ts'
import { followSchema } from './follow-schema.ts'

const columns = structType([{ name: 'k', type: longType }])
const signal = new AbortController().signal

/** Real but for the decisions on one dataset, which nobody can narrow yet. */
async function world() {
  const place = await testLake()
  const { metadata, lake } = place
  const { access: real, caller } = await testCaller(metadata)
  const decisions = new Map<string, Decision>()
  const access: Access = {
    ...real,
    decide: async (question) =>
      decisions.get(`${question.permission} ${question.datasetId}`) ?? (await real.decide(question)),
    require: async (question) => {
      const decision = decisions.get(`${question.permission} ${question.datasetId}`)
      if (decision?.isAllowed === false) {
        throw new AppError('access.denied', `This needs the permission ${question.permission}.`)
      }
      return decision ?? (await real.require(question))
    },
  }
  const clock = systemClock
  const schemas = createSchemas({ metadata, access, clock, columnsAdded: followSchema({ lake, clock }) })
  const datasets = createDatasets({ metadata, access, lake, schemas, clock })
  const shared = createSharedTables({ metadata, access, lake, datasets, schemas, clock })
  return { place, metadata, datasets, shared, caller, decisions, real }
}

test('a table that one may not see does not exist, and one that is filtered cannot be loaded', async () => {
  const { place, datasets, shared, caller, decisions } = await world()
  await using _ = place
  const [open, hidden, filtered, masked, readable] = await Promise.all(
    ['open', 'hidden', 'filtered', 'masked', 'readable'].map(
      async (name) => await datasets.create(caller, { name, schema: { kind: 'columns', columns } }),
    ),
  )
  decisions.set(`view-datasets ${hidden!.id}`, { isAllowed: false, missing: 'view-datasets' })
  decisions.set(`view-datasets ${filtered!.id}`, {
    isAllowed: true,
    rowFilters: ['k > 1'],
    masks: {},
    hiddenColumns: [],
  })
  decisions.set(`view-datasets ${masked!.id}`, {
    isAllowed: true,
    rowFilters: [],
    masks: { k: 'NULL' },
    hiddenColumns: [],
  })
  decisions.set(`manage-datasets ${readable!.id}`, { isAllowed: false, missing: 'manage-datasets' })

  expect(await shared.list(caller)).toEqual(['open', 'readable'])
  await shared.load(caller, open!.tableName)
  const missing = await shared.load(caller, 'missing').catch((error: AppError) => error)
  const denied = await shared.load(caller, 'hidden').catch((error: AppError) => error)
  expect(denied).toMatchObject({ code: 'dataset.unknown' })
  expect((denied as AppError).message.replace('hidden', 'missing')).toBe((missing as AppError).message)
  const change = { isFirst: false, requirements: [], updates: [] }
  for (const ask of [
    async (name: string) => await shared.load(caller, name),
    async (name: string) => await shared.commit(caller, name, { change, signal }),
    async (name: string) => await shared.drop(caller, name, { isPurge: true, signal }),
  ]) {
    await expect(ask('hidden')).rejects.toMatchObject({ code: 'dataset.unknown' })
    for (const name of ['filtered', 'masked']) {
      await expect(ask(name), name).rejects.toMatchObject({ code: 'access.denied' })
    }
  }
  await shared.load(caller, 'readable')
  await expect(shared.commit(caller, 'readable', { change, signal })).rejects.toMatchObject({
    code: 'access.denied',
  })
})

test('a namespace is a sandbox of the own organisation, and each load and change is in the audit', async () => {
  const { place, metadata, datasets, shared, caller } = await world()
  await using _ = place
  const { id } = await datasets.create(caller, { name: 'mine', schema: { kind: 'columns', columns } })
  expect(await shared.namespaces(caller.principal)).toEqual(['prod'])
  expect(await shared.open(caller.principal, 'prod')).toEqual(caller)
  expect(await shared.open(caller.principal, 'another')).toBeUndefined()
  await shared.load(caller, 'mine')
  const updates = [{ action: 'set-properties' as const, updates: { a: 'b' } }]
  await shared.commit(caller, 'mine', { change: { isFirst: false, requirements: [], updates }, signal })
  await shared.drop(caller, 'mine', { isPurge: false, signal })
  const audit = await metadata.db.selectFrom('audit').select(['action', 'asset_id', 'status']).execute()
  expect(audit).toContainEqual({ action: 'deny', asset_id: 'another', status: 'Deny' })
  for (const action of ['read', 'update', 'delete']) {
    expect(audit).toContainEqual({ action, asset_id: id, status: 'Allow' })
  }
})

test('a staged table is made once, by who staged it under its name, or forgotten with its folder', async () => {
  const { place, metadata, shared, caller, datasets } = await world()
  await using _ = place
  const request = {
    name: 'later',
    schema: structType([...columns.fields, { name: 'at', type: timestampType }]),
    dayColumn: 'at',
    properties: {},
    isStaged: true,
  }
  const staged = JSON.parse((await shared.create(caller, request)).json) as Record<string, string>
  expect(await shared.list(caller)).toEqual([])
  const updates = [
    { action: 'assign-uuid' as const, uuid: staged['table-uuid']! },
    { action: 'set-location' as const, location: staged['location']! },
  ]
  const change = { isFirst: true, requirements: [], updates }
  await expect(shared.commit(caller, 'other', { change, signal })).rejects.toMatchObject({
    code: 'request.invalid',
  })
  await shared.commit(caller, 'later', { change, signal })
  const made = await datasets.find(caller, 'later')
  expect(made).toMatchObject({ tableName: 'later', schema: request.schema })
  expect(await place.lake.table(made!.tableId)).toMatchObject({ dayColumn: 'at' })
  await expect(shared.commit(caller, 'later', { change, signal })).rejects.toMatchObject({
    code: 'request.invalid',
  })

  const never = await shared.create(caller, { ...request, name: 'never' })
  const folder = (JSON.parse(never.json) as { location: string }).location.replace('file://', '')
  await mkdir(`${folder}/data`, { recursive: true })
  await writeFile(`${folder}/data/left.parquet`, 'rows')
  expect(await place.lake.sweep({ signal })).toEqual({ filesRemoved: 0 })
  const later = { now: () => new Date(Date.now() + 8 * 86_400_000), sleep: async () => {} }
  const { filesRemoved } = await place.another({ clock: later }).sweep({ signal })
  expect(filesRemoved).toBe(1)
  expect(existsSync(folder)).toBe(false)
  expect(existsSync(staged['location']!.replace('file://', ''))).toBe(true)
  expect(await metadata.db.selectFrom('lake_staged_tables').selectAll().execute()).toEqual([])
})
