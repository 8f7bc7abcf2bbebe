import { expect, test } from 'vitest'
import { testLake, type TestLake } from '../../test/support/lake.ts'
import {
  changes,
  evolvedRow,
  evolvedTable,
  evolving,
  oldRows,
  oldTable,
} from '../../test/support/lake-states.ts'
import { decimalType, doubleType, integerType, longType, stringType } from '../types/data-type.ts'
import { fieldPlaces, icebergStruct } from '../types/iceberg.ts'
import { type Evolved, evolveSchema, type SchemaChange } from './evolve-schema.ts'
import type { Metadata } from '../metadata/metadata.ts'
import type { LakeTable, Predicate } from './lake.ts'

const signal = new AbortController().signal

/** NULL fields of structs are left out in what tests read. */
function asRead<T>(row: T): T {
  const text = JSON.stringify(row, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null))
      : value,
  )
  return JSON.parse(text) as T
}

/** Rows of the table as text in the order of their ids, timestamps as microseconds. */
async function rowsById(place: TestLake, table: LakeTable): Promise<unknown[][]> {
  const rows = await place.rowsOf(table)
  return rows
    .map((row) => [row[0], Date.parse(String(row[1]).replace('+00', 'Z')) * 1000, ...row.slice(2)])
    .map((row) => [...row.slice(0, 4), Number(row[4]).toFixed(2), ...row.slice(5)])
    .toSorted((left, right) => (String(left[0]) < String(right[0]) ? -1 : 1))
}

test('old rows and new are read alike after fields were added, renamed and widened at every depth', async () => {
  await using place = await testLake()
  const old = await oldTable(place, 20)
  const table = await evolvedTable(place, old, { from: 20, to: 25 })
  expect(table.dayColumn).toBe('at')
  expect(table.schema.fields.map((field) => field.name)).toEqual([
    '_id',
    'at',
    'n',
    'ratio',
    'price',
    'web',
    'items',
    'ids',
    'timestamp',
    'added',
  ])
  const expected = Array.from({ length: 25 }, (_, i) => asRead(evolvedRow(i, i < 20)))
  expect(await rowsById(place, table)).toEqual(expected)
  // What a rewriting made of them is the same.
  await place.lake.compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
  expect(await rowsById(place, table)).toEqual(expected)
  const row = await place.metadata.db.selectFrom('lake_tables').selectAll().executeTakeFirstOrThrow()
  expect(row.cluster_by).toEqual(["ids['ecid'].`value`", '`at`'])
})

test('files are skipped by the bounds of before, and none that holds a row', async () => {
  await using place = await testLake()
  const old = await oldTable(place, 20)
  const table = await evolvedTable(place, old, { from: 20, to: 25 })
  const snapshot = await place.lake.snapshot(table.id)
  const predicates: Predicate[] = [
    { column: 'ratio', operator: '<', value: 1 },
    { column: 'price', operator: '<', value: '0.04' },
    { column: 'n', operator: '<', value: 4 },
    { column: 'at', operator: '<', value: '2026-01-01T01:00:00Z' },
  ]
  for (const predicate of predicates) {
    const plan = await place.lake.plan({
      tableId: table.id,
      snapshotId: snapshot?.snapshotId,
      predicates: [predicate],
      columns: ['_id'],
    })
    const ids = (await place.rows(plan, table.schema.fields.slice(0, 1))).map(([id]) => id as string).sort()
    expect(ids, predicate.column).toEqual(['e0000', 'e0001', 'e0002', 'e0003'])
    expect(plan.filesSkipped).toBe(5)
  }
})

test('a change of the columns is a commit of its own, and what the caller does in it is undone with it', async () => {
  await using place = await testLake()
  const table = await oldTable(place, 5)
  const refused = place.lake.evolve({
    tableId: table.id,
    changes,
    signal,
    within: async (_tx, { schema }) => {
      expect(schema.fields).toHaveLength(10)
      throw new Error('the caller refuses')
    },
  })
  await expect(refused).rejects.toThrow('the caller refuses')
  expect(await place.lake.table(table.id)).toEqual(table)
  await place.append(table, oldRows(5, 6))
  expect(await place.rowsOf(table)).toHaveLength(6)
})

test('a change whose answer is lost is found out, and its files stay', async () => {
  await using place = await testLake()
  const table = await oldTable(place, 20)
  /** Commits for real, and then fails as if the connection broke before the answer, once. */
  const losing = (): Metadata => {
    let isLost = false
    return {
      ...place.metadata,
      transaction: async (work) => {
        const value = await place.metadata.transaction(work)
        if (isLost) return value
        isLost = true
        throw new Error('the answer was lost')
      },
    }
  }
  const change: SchemaChange = { kind: 'add', name: 'more', type: stringType }
  const { schema } = await place
    .another({ metadata: losing() })
    .evolve({ tableId: table.id, changes: [change], signal })
  expect(schema.fields.at(-1)).toEqual({ name: 'more', type: stringType })
  expect((await place.lake.table(table.id)).schema).toEqual(schema)
  const compacted = await place
    .another({ metadata: losing() })
    .compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
  expect(compacted).toMatchObject({ conflicts: 0, filesBefore: 5, filesAfter: 1 })
  expect(await place.rowsOf(await place.lake.table(table.id))).toHaveLength(20)
  expect(await place.metadata.db.selectFrom('lake_writes').selectAll().execute()).toEqual([])
})

test('of two changes at the same time none is lost, and appends meanwhile commit', async () => {
  await using place = await testLake()
  const table = await oldTable(place, 5)
  const names = ['a', 'b', 'c', 'd']
  await Promise.all([
    ...names.map((name) =>
      place.another().evolve({
        tableId: table.id,
        changes: [{ kind: 'add', parent: ['web'], name, type: stringType }],
        signal,
      }),
    ),
    place.another().append({
      tableId: table.id,
      batchId: '01J00000000000000000000000' as never,
      source: { sql: oldRows(5, 10), files: [], pool: 'batch' },
      signal,
    }),
  ])
  const evolved = await place.lake.table(table.id)
  const web = evolved.schema.fields[5]!.type
  expect(web.kind === 'struct' && web.fields.map((field) => field.name).toSorted()).toEqual([
    ...names,
    'title',
    'visits',
  ])
  expect(await place.rowsOf(evolved)).toHaveLength(10)
})

const { struct, lastFieldId } = icebergStruct(evolving)
const before: Evolved = {
  definition: { schema: evolving, dayColumn: 'timestamp', clusterBy: [] },
  struct,
  lastColumnId: lastFieldId,
}

test.each<[string, SchemaChange]>([
  ['a name that is taken', { kind: 'add', name: 'N', type: longType }],
  ['a name of a system column', { kind: 'rename', path: ['n'], name: '_acp_batchid' }],
  ['a field that is not there', { kind: 'rename', path: ['web', 'other'], name: 'x' }],
  ['a field inside of a text', { kind: 'add', parent: ['_id'], name: 'x', type: longType }],
  ['a narrower type', { kind: 'widen', path: ['web', 'visits'], type: { kind: 'byte' } }],
  ['another kind of type', { kind: 'widen', path: ['n'], type: doubleType }],
  ['fewer digits', { kind: 'widen', path: ['price'], type: decimalType(8, 2) }],
  ['another scale', { kind: 'widen', path: ['price'], type: decimalType(20, 3) }],
  ['the key of a map', { kind: 'add', parent: ['ids', 'key'], name: 'x', type: integerType }],
  ['a name that differs only by case', { kind: 'add', parent: ['web'], name: 'TITLE', type: longType }],
])('%s is refused', (_what, change) => {
  expect(() => evolveSchema(before, [change])).toThrow(expect.objectContaining({ code: 'schema.invalid' }))
})

test('fields keep their ids, new ones get fresh ids, and only what must change in the files’ types does', () => {
  const evolved = evolveSchema(before, changes)
  const ids = new Map(Array.from(fieldPlaces(struct), (place) => [place.id, place]))
  for (const place of fieldPlaces(evolved.struct)) {
    const was = ids.get(place.id)
    if (!was) expect(place.id).toBeGreaterThan(lastFieldId)
    else if (typeof place.type === 'string' && place.type !== was.type) {
      expect([was.type, place.type]).toEqual(
        was.type === 'float' ? ['float', 'double'] : ['decimal(9, 2)', 'decimal(20, 2)'],
      )
    }
  }
  expect(evolved.lastColumnId).toBe(lastFieldId + 6)
})
