import { randomBytes } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import avro from 'avsc'
import { assert, must } from '#base/assert.ts'

/**
 * Avro's container file. It is ours because `avsc` leaves `field-id` and `element-id` out of the schema it writes, and
 * Iceberg's readers insist on them; `avsc` codes the records.
 */
export interface AvroFile {
  readonly schema: AvroRecord
  readonly metadata: ReadonlyMap<string, string>
  readonly records: readonly Record<string, unknown>[]
}

export interface AvroRecord {
  readonly type: 'record'
  readonly name: string
  readonly fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly type: AvroType
  readonly default?: null
  readonly 'field-id'?: number
}

export type AvroType =
  | string
  | readonly AvroType[]
  | AvroRecord
  | {
      readonly type: 'array'
      readonly items: AvroType
      readonly logicalType?: 'map'
      readonly 'element-id'?: number
    }
  | { readonly type: 'int' | 'long'; readonly logicalType: string; readonly 'adjust-to-utc'?: boolean }

const magic = Buffer.from('Obj\u0001', 'latin1')
const syncBytes = 16
const blockRecordsMax = 500

const header = avro.Type.forSchema({ type: 'map', values: 'bytes' })
const plainLong = avro.Type.forSchema('long')

/** Ids of snapshots need all 64 bits: they are BigInt on our side; all other numbers are safe as they are. */
const bigLong = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64LE(value)
    return buffer
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (left: bigint, right: bigint) => Number(left > right) - Number(left < right),
})
/** `snapshot_id`, `added_snapshot_id`. */
const snapshotFieldIds = new Set([1, 503])

export function encodeAvro(
  schema: AvroRecord,
  records: readonly Record<string, unknown>[],
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const json = JSON.stringify(schema)
  const type = recordType(json)
  const sync = randomBytes(syncBytes)
  const head = { ...metadata, 'avro.schema': json, 'avro.codec': 'deflate' }
  const parts = [
    magic,
    header.toBuffer(Object.fromEntries(Object.entries(head).map(([key, text]) => [key, Buffer.from(text)]))),
    sync,
  ]
  for (let start = 0; start < records.length; start += blockRecordsMax) {
    const block = records.slice(start, start + blockRecordsMax)
    const data = deflateRawSync(Buffer.concat(block.map((record) => type.toBuffer(record))))
    parts.push(plainLong.toBuffer(block.length), plainLong.toBuffer(data.length), data, sync)
  }
  return Buffer.concat(parts)
}

/** @throws Error when the bytes are not a whole Avro file of a codec we know. */
export function decodeAvro(bytes: Buffer): AvroFile {
  assert(bytes.subarray(0, magic.length).equals(magic), 'an Avro file begins with its magic')
  const head = header.decode(bytes, magic.length) as { value?: Record<string, Buffer>; offset: number }
  assert(head.offset >= 0 && head.value, 'an Avro file has a header')
  const metadata = new Map(Object.entries(head.value).map(([key, value]) => [key, value.toString()]))
  const json = must(metadata.get('avro.schema'), 'an Avro file has its schema')
  const codec = metadata.get('avro.codec') ?? 'null'
  assert(codec === 'deflate' || codec === 'null', `the Avro codec ${codec} is known`)
  const type = recordType(json)
  const sync = bytes.subarray(head.offset, head.offset + syncBytes)
  const records: Record<string, unknown>[] = []
  for (let offset = head.offset + syncBytes; offset < bytes.length;) {
    const count = longAt(bytes, offset)
    const size = longAt(bytes, count.offset)
    const end = size.offset + size.value
    assert(bytes.subarray(end, end + syncBytes).equals(sync), 'an Avro block ends with the sync marker')
    const raw = bytes.subarray(size.offset, end)
    const data = codec === 'deflate' ? inflateRawSync(raw) : raw
    let read = 0
    for (let index = 0; index < count.value; index += 1) {
      const decoded = type.decode(data, read)
      assert(decoded.offset >= 0, 'an Avro block holds as many records as it says')
      records.push(decoded.value as Record<string, unknown>)
      read = decoded.offset
    }
    assert(read === data.length, 'an Avro block holds nothing but its records')
    offset = end + syncBytes
  }
  return { schema: JSON.parse(json) as AvroRecord, metadata, records }
}

function longAt(bytes: Buffer, offset: number): { readonly value: number; readonly offset: number } {
  const decoded = plainLong.decode(bytes, offset) as { value?: number; offset: number }
  assert(decoded.offset >= 0 && decoded.value !== undefined, 'an Avro block has its counts')
  return { value: decoded.value, offset: decoded.offset }
}

const types = new Map<string, avro.Type>()
/** Ours are two for each way of partitioning. */
const typesMax = 100

function recordType(json: string): avro.Type {
  const known = types.get(json)
  if (known) return known
  const type = avro.Type.forSchema(withBigIds(JSON.parse(json) as AvroRecord) as unknown as avro.Schema, {
    registry: { snapshotId: bigLong },
    wrapUnions: false,
  })
  if (types.size >= typesMax) types.clear()
  types.set(json, type)
  return type
}

function withBigIds(record: AvroRecord): AvroRecord {
  return {
    ...record,
    fields: record.fields.map((field) =>
      snapshotFieldIds.has(field['field-id'] ?? -1) ? { ...field, type: withBigLong(field.type) } : field,
    ),
  }
}

function withBigLong(type: AvroType): AvroType {
  if (Array.isArray(type)) return type.map((branch: AvroType) => withBigLong(branch))
  return type === 'long' ? 'snapshotId' : type
}
