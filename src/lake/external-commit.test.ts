import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testLake, type TestLake } from '../../test/support/lake.ts'
import { numbersOf, numberTable, put, range } from '../../test/support/lake-numbers.ts'
import { encodeManifestList, type ManifestSummary } from './iceberg/manifest-list.ts'
import { encodeManifest } from './iceberg/manifest.ts'
import { manifestTableOf, schemaOf, type SnapshotMetadata } from './iceberg/table-metadata.ts'
import type { TableUpdate } from './iceberg/table-update.ts'
import type { LakeTable } from './lake.ts'
import { readBase, type TableBase } from './table-base.ts'
import { tableReader } from './table-reader.ts'

const signal = new AbortController().signal

async function baseOf(place: TestLake, table: LakeTable): Promise<TableBase> {
  return await readBase({ metadata: place.metadata, lakeFiles: place.files, reader: tableReader() }, table.id)
}

const fieldsOf = (base: TableBase) => schemaOf(base.metadata).fields.map((field) => ({ ...field }))

const commit = async (place: TestLake, table: LakeTable, ...updates: TableUpdate[]) =>
  await place.lake.commit({ tableId: table.id, requirements: [], updates, signal })

test('requirements that do not hold are a conflict, and nothing changes', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, [1])
  const before = await place.lake.metadata(table.id)
  for (const requirement of [
    { type: 'assert-table-uuid', uuid: 'another' },
    { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': 42n },
    { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': null },
    { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 1 },
    { type: 'assert-current-schema-id', 'current-schema-id': 7 },
    { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 7 },
    { type: 'assert-default-spec-id', 'default-spec-id': 7 },
    { type: 'assert-default-sort-order-id', 'default-sort-order-id': 7 },
  ] as const) {
    const updates: TableUpdate[] = [{ action: 'set-properties', updates: { a: 'b' } }]
    await expect(
      place.lake.commit({ tableId: table.id, requirements: [requirement], updates, signal }),
      requirement.type,
    ).rejects.toMatchObject({ code: 'lake.conflict' })
  }
  expect(await place.lake.metadata(table.id)).toEqual(before)
})

test('properties, tags and columns are taken over, and a tag keeps its snapshot from expiry', async () => {
  await using place = await testLake()
  const table = await numberTable(place)
  const { snapshotId } = await put(place, table, [1])
  await commit(
    place,
    table,
    { action: 'set-properties', updates: { owner: 'me', other: 'x' } },
    { action: 'remove-properties', removals: ['other'] },
    { action: 'set-snapshot-ref', 'ref-name': 'kept', type: 'tag', 'snapshot-id': BigInt(snapshotId!) },
  )
  await put(place, table, [2])
  const { json } = await place.lake.metadata(table.id)
  expect(json).toContain('"owner":"me"')
  expect(json).not.toContain('"other"')
  expect(await place.lake.expire({ tableId: table.id, retentionMs: -1_000_000, signal })).toMatchObject({
    snapshotsRemoved: 0,
  })
  expect(await numbersOf(place, table, { snapshotId: snapshotId! })).toEqual([1])

  const struct = schemaOf((await baseOf(place, table)).metadata)
  const fields = [
    ...struct.fields.map((field) => ({ ...field })),
    { id: 99, name: 'note', required: false, type: 'string' },
  ]
  const evolved = await commit(
    place,
    table,
    { action: 'add-schema', schema: { type: 'struct', fields, 'schema-id': -1 } },
    { action: 'set-current-schema', 'schema-id': -1 },
  )
  expect(evolved.schema.fields).toEqual([...table.schema.fields, { name: 'note', type: { kind: 'string' } }])
  expect(await place.lake.table(table.id)).toEqual(evolved)
})

test.each<[string, (base: TableBase) => TableUpdate[], string]>([
  ['another format', () => [{ action: 'upgrade-format-version', 'format-version': 3 }], 'request.invalid'],
  ['another uuid', () => [{ action: 'assign-uuid', uuid: 'x' }], 'request.invalid'],
  ['another place', () => [{ action: 'set-location', location: 'file:///elsewhere' }], 'request.invalid'],
  [
    'data elsewhere',
    () => [{ action: 'set-properties', updates: { 'write.data.path': 'file:///elsewhere' } }],
    'request.invalid',
  ],
  [
    'data in a folder whose name begins alike',
    (base) => [{ action: 'set-properties', updates: { 'write.data.path': `${base.files.location}x/data` } }],
    'request.invalid',
  ],
  [
    'other partitions',
    () => [
      {
        action: 'add-spec',
        spec: {
          'spec-id': -1,
          fields: [{ 'field-id': 1001, 'source-id': 1, name: 'b', transform: 'bucket[4]' }],
        },
      },
    ],
    'request.invalid',
  ],
  [
    'a column of a type that not all can read',
    (base) => [
      {
        action: 'add-schema',
        schema: {
          type: 'struct',
          'schema-id': -1,
          fields: [...fieldsOf(base), { id: 99, name: 't', required: false, type: 'time' }],
        },
      },
      { action: 'set-current-schema', 'schema-id': -1 },
    ],
    'schema.invalid',
  ],
  [
    'no system columns',
    (base) => [
      {
        action: 'add-schema',
        schema: { type: 'struct', 'schema-id': -1, fields: fieldsOf(base).slice(0, 3) },
      },
      { action: 'set-current-schema', 'schema-id': -1 },
    ],
    'schema.invalid',
  ],
  [
    'another branch',
    (base) => [
      {
        action: 'set-snapshot-ref',
        'ref-name': 'other',
        type: 'branch',
        'snapshot-id': base.metadata['current-snapshot-id']!,
      },
    ],
    'request.invalid',
  ],
  [
    'the newest snapshot taken away',
    (base) => [{ action: 'remove-snapshots', 'snapshot-ids': [base.metadata['current-snapshot-id']!] }],
    'request.invalid',
  ],
])('a commit with %s is refused', async (_what, updates, code) => {
  await using place = await testLake()
  const table = await numberTable(place)
  await put(place, table, [1])
  const before = await place.lake.metadata(table.id)
  await expect(commit(place, table, ...updates(await baseOf(place, table)))).rejects.toMatchObject({ code })
  expect(await place.lake.metadata(table.id)).toEqual(before)
})

test('a snapshot that names a manifest of another table, or one that cannot be read, is refused', async () => {
  await using place = await testLake()
  const [table, other] = [await numberTable(place), await numberTable(place)]
  await put(place, table, range(0, 3))
  await put(place, other, range(3, 6))
  const base = await baseOf(place, table)
  const reader = tableReader()
  const at = (name: string) => join(place.folder, table.datasetId, name)
  const manifestsIn = async (given: TableBase) =>
    await reader.manifests(given.files, given.metadata.snapshots[0]!)
  const own = await manifestsIn(base)
  const foreign = await manifestsIn(await baseOf(place, other))
  const snapshotId = 4242n
  const snapshotWith = async (
    manifests: readonly ManifestSummary[],
    name: string,
  ): Promise<TableUpdate[]> => {
    const parentId = base.metadata['current-snapshot-id']
    const list = encodeManifestList(manifests, { id: snapshotId, parentId, sequenceNumber: 2 })
    await writeFile(at(`metadata/${name}`), list)
    const snapshot: SnapshotMetadata = {
      'snapshot-id': snapshotId,
      'parent-snapshot-id': parentId,
      'sequence-number': 2,
      'timestamp-ms': Date.now() + 1_000,
      'manifest-list': base.files.uri(`metadata/${name}`),
      summary: { operation: 'append' },
    }
    return [
      { action: 'add-snapshot', snapshot },
      { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': snapshotId },
    ]
  }
  const invalid = { code: 'request.invalid' }
  await expect(
    commit(place, table, ...(await snapshotWith([...own, ...foreign], 'a.avro'))),
  ).rejects.toMatchObject(invalid)
  const copied = { ...foreign[0]!, path: base.files.uri('metadata/copied.avro'), addedSnapshotId: snapshotId }
  const bytes = await (
    await baseOf(place, other)
  ).files.read(`metadata/${foreign[0]!.path.split('/').at(-1)}`)
  await writeFile(at('metadata/copied.avro'), bytes)
  // The manifest lies here, and the files it names do not.
  await expect(
    commit(place, table, ...(await snapshotWith([...own, copied], 'b.avro'))),
  ).rejects.toMatchObject(invalid)
  await writeFile(at('metadata/copied.avro'), bytes.subarray(0, 100))
  await expect(
    commit(place, table, ...(await snapshotWith([...own, copied], 'c.avro'))),
  ).rejects.toMatchObject(invalid)
  // Nor may a file be named that is not there, or is cut.
  const [file] = (await reader.records(base.files, own[0]!)).map((record) => ({
    ...record,
    status: 'added' as const,
    snapshotId,
    sequenceNumber: null,
  }))
  for (const change of [{ file_path: base.files.uri('data/none.parquet') }, { file_size_in_bytes: 1 }]) {
    const named = { ...file!, file: { ...file!.file, ...change } }
    const written = encodeManifest(manifestTableOf(base.metadata), [named])
    const name = `metadata/${Object.keys(change)[0]}.avro`
    await writeFile(at(name), written)
    const manifest = { ...copied, path: base.files.uri(name), bytes: written.length, addedFileCount: 1 }
    await expect(
      commit(place, table, ...(await snapshotWith([...own, manifest], `e-${Object.keys(change)[0]}.avro`))),
    ).rejects.toMatchObject(invalid)
  }
  expect(await numbersOf(place, table)).toEqual([0, 1, 2])
  // What stays of the table is no addition: the same snapshot with its own manifests alone is taken.
  await commit(place, table, ...(await snapshotWith(own, 'd.avro')))
  expect(await numbersOf(place, table)).toEqual([0, 1, 2])
})
