import { expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { decodeAvro } from './avro.ts'
import { parseJson, printJson } from './json.ts'
import {
  addedRecord,
  type DataFile,
  daysOf,
  decodeManifest,
  decodeManifestRecords,
  deletedRecord,
  encodeManifest,
  existingRecord,
} from './manifest.ts'
import { decodeManifestList, encodeManifestList, type ManifestSummary } from './manifest-list.ts'

const id63 = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n })
/** Plain numbers in Avro end a little before the largest safe integer. */
const count = fc.integer({ min: 0, max: 2 ** 50 })
const numberMap = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9999 }), count), { maxLength: 5 })
  .map((pairs): ReadonlyMap<number, number> => new Map(pairs))
const bytesMap = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.uint8Array({ maxLength: 20 })), { maxLength: 5 })
  .map(
    (pairs): ReadonlyMap<number, Buffer> => new Map(pairs.map(([key, bytes]) => [key, Buffer.from(bytes)])),
  )
const dataFile: fc.Arbitrary<DataFile> = fc.record({
  path: fc.string({ unit: 'grapheme' }).map((name) => `file:///lake/${name}.parquet`),
  rowCount: count,
  bytes: count,
  day: fc.option(fc.integer({ min: -1_000_000, max: 3_000_000 })),
  columnBytes: numberMap,
  valueCounts: numberMap,
  nullCounts: numberMap,
  lowerBounds: bytesMap,
  upperBounds: bytesMap,
  sortOrderId: fc.nat(3),
})
const partitioned = {
  schema: { type: 'struct', fields: [] },
  schemaId: 0,
  specId: 0,
  partitionFields: [{ name: 'timestamp_day', transform: 'day', 'source-id': 2, 'field-id': 1000 }],
  dayField: 'timestamp_day',
}

function summaryOf(files: readonly DataFile[], snapshotId: bigint): ManifestSummary {
  return {
    path: 'file:///lake/metadata/m0.avro',
    bytes: 1,
    sha256: undefined,
    specId: 0,
    sequenceNumber: 3,
    minSequenceNumber: 2,
    addedSnapshotId: snapshotId,
    addedFileCount: files.length,
    existingFileCount: 0,
    deletedFileCount: 0,
    addedRowCount: 5,
    existingRowCount: 0,
    deletedRowCount: 0,
    days: daysOf(files),
  }
}

test('manifests come back as they were written, also over several blocks', () => {
  fc.assert(
    fc.property(fc.array(dataFile, { maxLength: 4 }), id63, (files, snapshotId) => {
      const many = files.length === 4 ? Array.from({ length: 300 }, () => files).flat() : files
      const bytes = encodeManifest(
        partitioned,
        many.map((file) => addedRecord(file, snapshotId)),
      )
      const entries = decodeManifest(bytes, summaryOf(many, snapshotId))
      expect(entries).toEqual(many.map((file) => ({ snapshotId, file })))
    }),
    { numRuns: 50 },
  )
})

test('lines that are moved to another manifest keep what they say, and those of removed files tell no values', () => {
  fc.assert(
    fc.property(fc.array(dataFile, { minLength: 2, maxLength: 4 }), id63, (files, snapshotId) => {
      const first = decodeManifestRecords(
        encodeManifest(
          partitioned,
          files.map((file) => addedRecord(file, snapshotId)),
        ),
        summaryOf(files, snapshotId),
      )
      expect(first.map((record) => record.sequenceNumber)).toEqual(files.map(() => 3))
      const [gone, ...kept] = first
      const moved = [deletedRecord(gone!, 9n), ...kept.map(existingRecord)]
      const summary = {
        ...summaryOf(files, 9n),
        sequenceNumber: 8,
        addedFileCount: 0,
        existingFileCount: kept.length,
        deletedFileCount: 1,
      }
      const bytes = encodeManifest(partitioned, moved)
      expect(decodeManifestRecords(bytes, summary)).toEqual(moved)
      expect(decodeManifest(bytes, summary)).toEqual(files.slice(1).map((file) => ({ snapshotId, file })))
      expect(moved[0]!.file['lower_bounds']).toBeNull()
    }),
    { numRuns: 50 },
  )
})

test('lists of manifests come back as they were written', () => {
  fc.assert(
    fc.property(fc.array(fc.array(dataFile, { minLength: 1, maxLength: 3 })), id63, (manifests, id) => {
      const summaries = manifests.map((files) => summaryOf(files, id))
      const bytes = encodeManifestList(summaries, { id, parentId: undefined, sequenceNumber: 3 })
      expect(decodeManifestList(bytes)).toEqual(summaries)
    }),
    { numRuns: 50 },
  )
})

test('manifests keep the field ids that other readers insist on, and say what they are', () => {
  const { schema, metadata } = decodeAvro(encodeManifest(partitioned, []))
  expect(schema.fields.map((field) => field['field-id'])).toEqual([0, 1, 3, 4, 2])
  expect(JSON.stringify(schema)).toContain('"element-id":133')
  expect(Object.fromEntries(metadata)).toMatchObject({
    'format-version': '2',
    content: 'data',
    'partition-spec-id': '0',
    'partition-spec': JSON.stringify(partitioned.partitionFields),
  })
})

test('a manifest that was cut anywhere is refused', () => {
  const [file] = fc.sample(dataFile, { numRuns: 1, seed: 7 })
  const files = Array.from({ length: 20 }, () => file!)
  const bytes = encodeManifest(
    partitioned,
    files.map((file) => addedRecord(file, 1n)),
  )
  const summary = summaryOf(files, 1n)
  for (let length = 0; length < bytes.length; length += 1) {
    expect(() => decodeManifest(bytes.subarray(0, length), summary), `${length} bytes`).toThrow()
  }
  expect(decodeManifest(bytes, summary)).toHaveLength(20)
})

test('JSON keeps every digit of whole numbers', () => {
  fc.assert(
    fc.property(id63, fc.double({ noNaN: true, noDefaultInfinity: true }), (id, other) => {
      const printed = printJson({ id, other, text: String(id) })
      const parsed = parseJson(printed) as { id: number | bigint; other: number | bigint; text: string }
      expect(BigInt(parsed.id)).toBe(id)
      expect(parsed.text).toBe(String(id))
      expect(Number(parsed.other)).toBe(other + 0)
    }),
  )
})
