import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { SnapshotId } from '../base/ids.ts'
import { integerType, stringType, structType, timestampType } from '../types/data-type.ts'
import type { LakeTable, Predicate } from './lake.ts'
import { filesBelow, leasedRows, testLake, type TestLake } from '../../test/support/lake.ts'
import { passableFolder } from '../../test/support/passable-folder.ts'

const events = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'n', type: integerType },
])
/** One row a day from 2026-01-01, `n` and `_id` numbered. */
const days = (from: number, to: number) =>
  `SELECT printf('e%04d', i), TIMESTAMPTZ '2026-01-01 12:00:00+00' + INTERVAL (i) DAY, i::INTEGER FROM range(${from}, ${to}) t(i)`

async function numbers(
  place: TestLake,
  table: LakeTable,
  options: { readonly snapshotId: SnapshotId | undefined; readonly afterSequence?: number },
): Promise<number[]> {
  const plan = await place.lake.plan({ tableId: table.id, columns: ['n'], ...options })
  const rows = await place.rows(plan, table.schema.fields.slice(2))
  expect(plan.rowCount).toBe(rows.length)
  return rows.map((row) => Number(row[0])).toSorted((left, right) => left - right)
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

test('every snapshot can be read again, and increments are their differences', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  const snapshots: { readonly id: SnapshotId; readonly sequence: number; readonly upTo: number }[] = []
  for (const upTo of [3, 4, 9, 9, 12]) {
    const from = snapshots.at(-1)?.upTo ?? 0
    const result = await place.append(table, days(from, upTo))
    if (upTo > from) snapshots.push({ id: result.snapshotId!, sequence: result.commitSequence, upTo })
  }
  for (const [index, later] of snapshots.entries()) {
    expect(await numbers(place, table, { snapshotId: later.id })).toEqual(range(0, later.upTo))
    expect(await place.lake.snapshot(table.id, later.id)).toMatchObject({
      rowCount: later.upTo,
      commitSequence: later.sequence,
    })
    for (const earlier of [{ sequence: 0, upTo: 0 }, ...snapshots.slice(0, index + 1)]) {
      expect(await numbers(place, table, { snapshotId: later.id, afterSequence: earlier.sequence })).toEqual(
        range(earlier.upTo, later.upTo),
      )
    }
  }
  const commits = await place.lake.commits(table.id)
  expect(commits.map((commit) => commit.commitSequence)).toEqual([1, 2, 3, 5])
  expect(commits.map((commit) => commit.addedRowCount)).toEqual([3, 1, 5, 3])
  expect(commits.every((commit) => commit.operation === 'append')).toBe(true)
})

test('a table without rows is planned without opening a file', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  expect(await place.lake.snapshot(table.id)).toBeUndefined()
  const plan = await place.lake.plan({ tableId: table.id, snapshotId: undefined })
  expect(plan).toMatchObject({ files: [], rowCount: 0, bytes: 0, filesSkipped: 0 })
  expect(plan.sql).not.toContain('read_parquet')
  expect(await place.rows(plan, table.schema.fields)).toEqual([])
  const filled = await place.append(table, days(0, 3))
  const none = await place.lake.plan({
    tableId: table.id,
    snapshotId: filled.snapshotId,
    predicates: [{ column: 'n', operator: '>', value: 5 }],
  })
  expect(none.sql).not.toContain('read_parquet')
  expect(none.filesSkipped).toBe(1)
})

test.each<[string, Predicate[], number]>([
  ['the day', [{ column: 'timestamp', operator: '=', value: '2026-01-05T12:00:00Z' }], 1],
  [
    'a span of days',
    [
      { column: 'timestamp', operator: '>=', value: '2026-01-03' },
      { column: 'timestamp', operator: '<', value: '2026-01-05' },
    ],
    2,
  ],
  ['a time in another spelling', [{ column: 'TIMESTAMP', operator: '<=', value: '2026-01-01 12:00:00' }], 1],
  ['a number', [{ column: 'n', operator: '>=', value: 8 }], 2],
  ['a big integer', [{ column: 'n', operator: '<', value: 1n }], 1],
  ['a text', [{ column: '_id', operator: '=', value: 'e0004' }], 1],
  ['a system column', [{ column: '_ACP_BATCHID', operator: '<', value: '0' }], 0],
  ['what the value cannot tell', [{ column: 'n', operator: '=', value: 'four' }], 10],
  ['a column that is not there', [{ column: 'other', operator: '=', value: 4 }], 10],
  [
    'what can never be',
    [
      { column: 'n', operator: '>', value: 3 },
      { column: 'n', operator: '<', value: 3 },
    ],
    0,
  ],
])('files are skipped by %s', async (_what, predicates, fileCount) => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  const { snapshotId } = await place.append(table, days(0, 10))
  const plan = await place.lake.plan({ tableId: table.id, snapshotId, predicates })
  expect(plan.files).toHaveLength(fileCount)
  expect(plan.filesSkipped).toBe(10 - fileCount)
})

test('manifests of other days are not even opened', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  await place.append(table, days(0, 5))
  const { snapshotId } = await place.append(table, days(5, 10))
  const [first] = (await filesBelow(place.folder)).filter((name) => name.endsWith('-m0.avro'))
  const predicates = (value: string) => [{ column: 'timestamp', operator: '=' as const, value }]
  const cold = () => place.another()
  const request = { tableId: table.id, snapshotId }
  await rm(join(place.folder, first!))
  const outcomes = await Promise.allSettled(
    ['2026-01-02T12:00:00Z', '2026-01-07T12:00:00Z'].map((value) =>
      cold().plan({ ...request, predicates: predicates(value) }),
    ),
  )
  expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected'])
})

test('rows without a day, and files of nothing but NULLs, are skipped by comparisons only', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  const { snapshotId } = await place.append(
    table,
    `${days(0, 2)} UNION ALL SELECT 'none', NULL, 7 UNION ALL SELECT NULL, TIMESTAMPTZ '2026-03-01 00:00:00+00', NULL`,
  )
  const filesFor = async (predicates: Predicate[]) =>
    (await place.lake.plan({ tableId: table.id, snapshotId, predicates })).files.length
  expect(await filesFor([])).toBe(4)
  expect(await filesFor([{ column: 'timestamp', operator: '>', value: '2000-01-01' }])).toBe(3)
  expect(await filesFor([{ column: 'n', operator: '>=', value: 0 }])).toBe(3)
  expect(await filesFor([{ column: '_id', operator: '>=', value: '' }])).toBe(3)
})

test('only the columns asked for are read, in the order of the schema', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  const { snapshotId } = await place.append(table, days(0, 1))
  const request = { tableId: table.id, snapshotId }
  const some = await place.lake.plan({ ...request, columns: ['n', '_id'] })
  expect(await place.rows(some, [table.schema.fields[0]!, table.schema.fields[2]!])).toEqual([['e0000', 0]])
  const none = await place.lake.plan({ ...request, columns: [] })
  expect(await place.rows(none, [{ name: 'any', type: { kind: 'boolean' } }])).toEqual([[true]])
  await expect(place.lake.plan({ ...request, columns: ['m'] })).rejects.toMatchObject({
    code: 'query.unknown_column',
  })
})

test('a column named as the folder of a partition keeps its own values', async () => {
  await using place = await testLake()
  const table = await place.table(
    structType([
      { name: 'day', type: stringType },
      { name: 't', type: timestampType },
    ]),
    { dayColumn: 't' },
  )
  await place.append(table, `SELECT 'Monday', TIMESTAMPTZ '2026-01-05 00:00:00+00'`)
  expect(await place.rowsOf(table)).toEqual([['Monday', expect.stringContaining('2026-01-05')]])
})

test('a snapshot or table that is not there is said as such', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  await place.append(table, days(0, 1))
  const gone = { code: 'source.removed' }
  const snapshotId = '42' as SnapshotId
  await expect(place.lake.snapshot(table.id, snapshotId)).rejects.toMatchObject(gone)
  await expect(place.lake.plan({ tableId: table.id, snapshotId })).rejects.toMatchObject(gone)
  const pin = { tableId: table.id, snapshotId, owner: 'run:1', until: new Date() }
  await expect(place.metadata.transaction((tx) => place.lake.pin(tx, pin))).rejects.toMatchObject(gone)
  const tableId = crypto.randomUUID() as LakeTable['id']
  await expect(place.lake.table(tableId)).rejects.toMatchObject({ code: 'dataset.unknown' })
  await expect(place.lake.snapshot(tableId)).rejects.toMatchObject({ code: 'dataset.unknown' })
})

test('a pin is replaced by its owner and released with it', async () => {
  await using place = await testLake()
  const table = await place.table(events)
  const first = await place.append(table, days(0, 1))
  const second = await place.append(table, days(1, 2))
  const until = new Date('2026-06-01T00:00:00Z')
  for (const snapshotId of [first.snapshotId!, second.snapshotId!]) {
    await place.metadata.transaction((tx) =>
      place.lake.pin(tx, { tableId: table.id, snapshotId, owner: 'run:1', until }),
    )
  }
  const pins = () => place.metadata.db.selectFrom('lake_pins').selectAll().execute()
  expect(await pins()).toEqual([
    { owner: 'run:1', table_id: table.id, snapshot_id: second.snapshotId, until },
  ])
  await place.metadata.transaction((tx) => place.lake.releasePins(tx, 'run:2'))
  expect(await pins()).toHaveLength(1)
  await place.metadata.transaction((tx) => place.lake.releasePins(tx, 'run:1'))
  expect(await pins()).toEqual([])
})

test.each<[string, (folder: string, name: string) => Promise<void>]>([
  ['missing', async (folder, name) => await rm(join(folder, name))],
  ['cut', async (folder, name) => await truncate(join(folder, name), 20)],
  ['empty', async (folder, name) => await writeFile(join(folder, name), '')],
])(
  'a file that is %s fails the plan or its reading and is named, and no rows are returned',
  async (_how, harm) => {
    await using place = await testLake()
    const table = await place.table(events, { dayColumn: 'timestamp' })
    const { snapshotId } = await place.append(table, days(0, 2))
    const names = await filesBelow(place.folder)
    const kinds = [/\.parquet$/, /-m0\.avro$/, /snap-.*\.avro$/, /00001-.*\.metadata\.json$/]
    const victims = kinds.map((kind) => names.find((name) => kind.test(name))!)
    for (const victim of victims.slice(0, 4)) {
      await using copy = await testLakeCopy(place, table)
      await harm(copy.folder, victim)
      const failure = await copy.lake
        .plan({ tableId: table.id, snapshotId })
        .then(async (plan) => await leasedRows(copy.lake, place.engine, { plan, columns: events.fields }))
        .catch((error: unknown) => error)
      expect(failure, victim).toMatchObject({
        code: 'lake.corrupt',
        detail: { file: victim.slice(victim.indexOf('/') + 1) },
      })
      expect(String(failure)).not.toContain(copy.folder)
    }
  },
)

test('a manifest of which bytes were changed fails the plan', async () => {
  await using place = await testLake()
  const at = async (offsetOf: (length: number) => number): Promise<void> => {
    const table = await place.table(events)
    const { snapshotId } = await place.append(table, days(0, 2))
    const folder = join(place.folder, table.datasetId)
    const path = join(
      folder,
      (await filesBelow(folder)).find((name) => name.endsWith('-m0.avro'))!,
    )
    const bytes = await readFile(path)
    const offset = offsetOf(bytes.length)
    const broken = Buffer.from(bytes)
    broken[offset]! ^= 0xff
    await writeFile(path, broken)
    await expect(
      place.another().plan({ tableId: table.id, snapshotId }),
      `byte ${offset}`,
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(?:lake|store)\.corrupt$/) })
    await writeFile(path, bytes)
    expect((await place.another().plan({ tableId: table.id, snapshotId })).rowCount).toBe(2)
  }
  // Beside each other: a store elsewhere is asked again and again.
  await Promise.all([at(() => 0), at((length) => length - 1), at((length) => length - 40)])
})

test('a home that was copied elsewhere is read from there', async () => {
  await using place = await testLake()
  const table = await place.table(events, { dayColumn: 'timestamp' })
  const { snapshotId } = await place.append(table, days(0, 3))
  await using copy = await testLakeCopy(place, table)
  const plan = await copy.lake.plan({ tableId: table.id, snapshotId })
  expect(plan.files).toHaveLength(3)
  for (const file of plan.files) expect(plan.sql).toContain(`'${join(copy.folder, file.name)}'`)
  expect(await leasedRows(copy.lake, place.engine, { plan, columns: table.schema.fields })).toHaveLength(3)
})

async function testLakeCopy(place: TestLake, table: LakeTable) {
  const folder = passableFolder('lake-copy')
  await cp(join(place.folder, table.datasetId), join(folder, table.datasetId), { recursive: true })
  expect(await readdir(folder)).toEqual([table.datasetId])
  return {
    folder,
    lake: place.another({ folder }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
