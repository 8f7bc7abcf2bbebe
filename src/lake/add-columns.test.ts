import { expect, test } from 'vitest'
import { filesBelow, hangingAt, testLake } from '../../test/support/lake.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { armFaults } from '../base/faults.ts'
import {
  arrayType,
  longType,
  mapType,
  stringType,
  type StructType,
  structType,
  timestampType,
} from '../types/data-type.ts'
import type { LakeTable } from './lake.ts'
import { writerSilentMsMax } from './writes.ts'

const before = structType([
  { name: 'id', type: longType },
  { name: 'web', type: structType([{ name: 'page', type: stringType }]) },
  { name: 'items', type: arrayType(structType([{ name: 'sku', type: stringType }])) },
  { name: 'ids', type: mapType(stringType, structType([{ name: 'id', type: stringType }])) },
])
const after = structType([
  { name: 'id', type: longType },
  {
    name: 'web',
    type: structType([
      { name: 'page', type: stringType },
      { name: 'site', type: structType([{ name: 'name', type: stringType }]) },
    ]),
  },
  {
    name: 'items',
    type: arrayType(
      structType([
        { name: 'sku', type: stringType },
        { name: 'count', type: longType },
      ]),
    ),
  },
  {
    name: 'ids',
    type: mapType(
      stringType,
      structType([
        { name: 'id', type: stringType },
        { name: 'seen', type: timestampType },
      ]),
    ),
  },
  { name: 'note', type: stringType },
])
const old = `SELECT 1::BIGINT, {page: '/a'}, [{sku: 'x'}], MAP {'k': {id: 'i'}}`
/** NULL fields of structs are left out in what tests read. */
const oldRead = (id = 1) => [id, { page: '/a' }, [{ sku: 'x' }], { k: { id: 'i' } }, null]
const newer = `SELECT 2::BIGINT, {page: '/b', site: {name: 's'}}, [{sku: 'y', count: 3::BIGINT}],
  MAP {'k': {id: 'j', seen: TIMESTAMPTZ '2026-01-01 00:00:00+00'}}, 'n'`
const newerRead = [
  2,
  { page: '/b', site: { name: 's' } },
  [{ sku: 'y', count: 3 }],
  { k: { id: 'j', seen: expect.stringContaining('2026-01-01') } },
  'n',
]

type Place = Awaited<ReturnType<typeof testLake>>
const grow = async (place: Place, table: LakeTable, schema: StructType = after) =>
  await place.metadata.transaction((tx) => place.lake.addColumns(tx, { tableId: table.id, schema }))
const rows = async (place: Place, table: LakeTable) =>
  (await place.rowsOf(await place.lake.table(table.id))).toSorted((a, b) => Number(a[0]) - Number(b[0]))

test('columns are added at every depth; older rows have NULL there, and again changes nothing', async () => {
  await using place = await testLake()
  const table = await place.table(before)
  await place.append(table, old)
  expect(await grow(place, table)).toEqual(after)
  expect((await place.lake.table(table.id)).schema).toEqual(after)
  const { json } = await place.lake.metadata(table.id)
  expect(await grow(place, table, before)).toEqual(after)
  expect((await place.lake.metadata(table.id)).json).toBe(json)
  await place.append(table, newer)
  expect(await rows(place, table)).toEqual([oldRead(), newerRead])
  expect(JSON.parse(json).schemas).toHaveLength(2)
})

test('a transaction that is undone leaves the table as it was; its file goes with the sweep', async () => {
  const clock = new ManualClock('2026-03-01T00:00:00Z')
  await using place = await testLake({ clock })
  const table = await place.table(before)
  await place.append(table, old)
  const files = await filesBelow(place.folder)
  const undone = place.metadata.transaction(async (tx) => {
    await place.lake.addColumns(tx, { tableId: table.id, schema: after })
    throw new Error('Undone.')
  })
  await expect(undone).rejects.toThrow('Undone.')
  expect((await place.lake.table(table.id)).schema).toEqual(before)
  expect((await filesBelow(place.folder)).length).toBe(files.length + 1)
  await place.append(table, old.replace('1::', '3::'))
  expect(await rows(place, table)).toHaveLength(2)
  const kept = (await filesBelow(place.folder)).length - 1
  clock.advance(writerSilentMsMax + 1)
  const { signal } = new AbortController()
  expect(await place.lake.sweep({ signal })).toEqual({ filesRemoved: 1 })
  expect(await filesBelow(place.folder)).toHaveLength(kept)
  expect(await grow(place, table)).toEqual(after)
})

test('a failure before the pointer moves removes the file at once', async () => {
  await using place = await testLake()
  const table = await place.table(before)
  const files = await filesBelow(place.folder)
  armFaults(() => {
    throw new Error('Full.')
  })
  await expect(grow(place, table)).rejects.toThrow('Full.')
  armFaults(undefined)
  expect(await filesBelow(place.folder)).toEqual(files)
})

test('rows that were read by the older columns are taken, whenever the columns come', async () => {
  await using place = await testLake()
  const table = await place.table(before)
  // The files are written, the commit is about to be made.
  const late = await hangingAt('lake.commit.before', () => place.append(table, old))
  await grow(place, table)
  late.release()
  await late.outcome
  // The statement was made before, the files are written after.
  await place.append(table, old.replace('1::', '4::'), { columns: before })
  expect(await rows(place, table)).toEqual([oldRead(), oldRead(4)])
  const renamed = structType([{ name: 'gone', type: longType }])
  await expect(place.append(table, 'SELECT 1::BIGINT', { columns: renamed })).rejects.toMatchObject({
    code: 'lake.conflict',
  })
})

test('loads and new columns at once: every row is there, every column is there', async () => {
  await using place = await testLake()
  const table = await place.table(structType([{ name: 'id', type: longType }]))
  const widths = Array.from({ length: 8 }, (_, width) =>
    structType(
      Array.from({ length: width + 2 }, (_, index) => ({
        name: index === 0 ? 'id' : `c${index}`,
        type: longType,
      })),
    ),
  )
  await Promise.all([
    ...widths.map((schema) => grow(place, table, schema)),
    ...Array.from({ length: 8 }, async (_, id) => {
      const { schema } = await place.lake.table(table.id)
      const list = schema.fields.map((_, index) => `${index === 0 ? id : index}::BIGINT`)
      await place.append(table, `SELECT ${list.join(', ')}`, { columns: schema })
    }),
  ])
  const found = await place.lake.table(table.id)
  expect(found.schema.fields.map(({ name }) => name).sort()).toEqual(
    widths
      .at(-1)!
      .fields.map(({ name }) => name)
      .sort(),
  )
  const all = await rows(place, table)
  expect(all.map((row) => row[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  const row = await place.metadata.db.selectFrom('lake_tables').selectAll().executeTakeFirstOrThrow()
  expect(row.columns).toEqual(found.schema)
})
