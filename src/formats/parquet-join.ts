import { must } from '#base/assert.ts'
import { readThrift, type ThriftField, type ThriftStruct, thriftType, writeThrift } from './thrift.ts'

/**
 * Row groups of Parquet files as row groups of another file: the bytes of their columns are taken as they are, only the
 * footer is new. Columns may be left out or stand in another order.
 *
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
export interface ParquetFooter {
  readonly fields: ThriftStruct
  readonly columns: readonly FooterColumn[]
  readonly rowGroups: readonly ThriftStruct[]
}

/** A top-level column. */
interface FooterColumn {
  readonly elements: readonly ThriftStruct[]
  /** Equal for columns that are the same in all that a schema says of them. */
  readonly signature: string
  readonly leafStart: number
  readonly leafCount: number
}

/** What is taken over of one row group. */
export interface MovedGroup {
  /** Where the bytes are in its file, in the order in which they are written; `end` is exclusive. */
  readonly ranges: readonly { readonly start: number; readonly end: number }[]
  readonly rowCount: number
  readonly bytes: number
  readonly leafCount: number
  /** As the new footer describes it, when its bytes begin at `at`. */
  describe(at: number): ThriftStruct
}

/** Ids of fields, as the format names them. */
const fileMetaData = { schema: 2, rowCount: 3, rowGroups: 4, keyValues: 5 }
const schemaElement = { name: 4, childCount: 5, fieldId: 9 }
const rowGroup = { columns: 1, bytes: 2, rowCount: 3, fileOffset: 5, compressedBytes: 6 }
const columnChunk = { fileOffset: 2, metaData: 3 }
const metaData = {
  codec: 4,
  bytes: 6,
  compressedBytes: 7,
  dataPage: 9,
  indexPage: 10,
  dictionaryPage: 11,
  bloomFilter: 14,
  bloomFilterBytes: 15,
}
const codecs = { none: 0, snappy: 1, gzip: 2, zstd: 6 }
export type ParquetCodec = keyof typeof codecs

/** @param bytes of the footer alone @throws Error when they are none */
export function parquetFooter(bytes: Uint8Array): ParquetFooter {
  const fields = readThrift(bytes)
  const [root, ...elements] = structs(fields, fileMetaData.schema)
  const columns: FooterColumn[] = []
  let leafStart = 0
  let at = 0
  for (
    let index = numberOf(must(root, 'a schema has a root'), schemaElement.childCount);
    index > 0;
    index -= 1
  ) {
    const start = at
    at = endOf(elements, at)
    const own = elements.slice(start, at)
    const leafCount = own.filter((element) => numberOf(element, schemaElement.childCount) === 0).length
    const signature = own.map((element) => writeThrift(element).toString('base64')).join(' ')
    columns.push({ elements: own, signature, leafStart, leafCount })
    leafStart += leafCount
  }
  return { fields, columns, rowGroups: structs(fields, fileMetaData.rowGroups) }
}

/**
 * The row groups of a file without the columns that the wanted footer does not have; undefined where one of its columns
 * is not there in just that form, or not compressed that way.
 */
export function movableGroups(
  { columns, rowGroups }: ParquetFooter,
  wanted: ParquetFooter,
  codec: ParquetCodec,
): readonly MovedGroup[] | undefined {
  const leaves: number[] = []
  const bySignature = new Map(columns.map((column) => [column.signature, column]))
  for (const { signature } of wanted.columns) {
    const own = bySignature.get(signature)
    if (!own) return undefined
    for (let leaf = 0; leaf < own.leafCount; leaf += 1) leaves.push(own.leafStart + leaf)
  }
  const groups = rowGroups.map((group) => {
    const all = structs(group, rowGroup.columns)
    const chunks = leaves.map((leaf) =>
      structOf(must(all[leaf], 'each leaf has a chunk'), columnChunk.metaData),
    )
    return chunks.every((chunk) => numberOf(chunk, metaData.codec) === codecs[codec])
      ? movedGroup(chunks, numberOf(group, rowGroup.rowCount))
      : undefined
  })
  return groups.every((group) => group !== undefined) ? groups : undefined
}

/** The footer of a file of these groups, without ids of fields, and what follows it. */
export function joinedFooter(
  wanted: ParquetFooter,
  groups: readonly ThriftStruct[],
  rowCount: number,
): Buffer {
  const schema = structs(wanted.fields, fileMetaData.schema).map((element) =>
    without(element, [schemaElement.fieldId]),
  )
  const fields = changed(without(wanted.fields, [fileMetaData.keyValues]), {
    [fileMetaData.schema]: listField(schema),
    [fileMetaData.rowCount]: longField(rowCount),
    [fileMetaData.rowGroups]: listField(groups),
  })
  const footer = writeThrift(fields)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footer.length)
  return Buffer.concat([footer, length, parquetMagic])
}

export const parquetMagic = Buffer.from('PAR1')

function movedGroup(chunks: readonly ThriftStruct[], rowCount: number): MovedGroup {
  const parts = chunks.map((chunk) => {
    const pages = [metaData.dictionaryPage, metaData.dataPage]
      .map((id) => numberOf(chunk, id))
      .filter((at) => at > 0)
    const start = Math.min(...pages)
    return { chunk, start, end: start + numberOf(chunk, metaData.compressedBytes) }
  })
  const bytes = parts.reduce((sum, { start, end }) => sum + end - start, 0)
  return {
    ranges: parts.map(({ start, end }) => ({ start, end })),
    rowCount,
    bytes,
    leafCount: chunks.length,
    describe: (at) => {
      let page = at
      const columns = parts.map(({ chunk, start, end }) => {
        // They lie elsewhere in the file, and nobody who reads all values finds out that one is wrong.
        const moved = new Map(without(chunk, [metaData.bloomFilter, metaData.bloomFilterBytes]))
        for (const id of [metaData.dataPage, metaData.indexPage, metaData.dictionaryPage]) {
          const offset = numberOf(chunk, id)
          if (offset > 0) moved.set(id, longField(offset - start + page))
        }
        page += end - start
        return new Map([
          [columnChunk.fileOffset, longField(0)],
          [columnChunk.metaData, { type: thriftType.struct, value: moved }],
        ])
      })
      return new Map([
        [rowGroup.columns, listField(columns)],
        [rowGroup.bytes, longField(chunks.reduce((sum, chunk) => sum + numberOf(chunk, metaData.bytes), 0))],
        [rowGroup.rowCount, longField(rowCount)],
        [rowGroup.fileOffset, longField(at)],
        [rowGroup.compressedBytes, longField(bytes)],
      ])
    },
  }
}

/** Behind an element and all that is below it. */
function endOf(elements: readonly ThriftStruct[], at: number): number {
  let end = at + 1
  const element = must(elements[at], 'a schema has the elements that it says')
  for (let child = numberOf(element, schemaElement.childCount); child > 0; child -= 1)
    end = endOf(elements, end)
  return end
}

function changed(fields: ThriftStruct, by: Readonly<Record<number, ThriftField>>): ThriftStruct {
  const all = new Map(fields)
  for (const [id, field] of Object.entries(by)) all.set(Number(id), field)
  return new Map([...all].toSorted(([one], [other]) => one - other))
}

function without(fields: ThriftStruct, ids: readonly number[]): ThriftStruct {
  return new Map([...fields].filter(([id]) => !ids.includes(id)))
}

const longField = (value: number): ThriftField => ({ type: thriftType.i64, value })
const listField = (items: readonly ThriftStruct[]): ThriftField => ({
  type: thriftType.list,
  value: { type: thriftType.struct, items },
})

/** 0 where it is not there. */
function numberOf(fields: ThriftStruct, id: number): number {
  const value = fields.get(id)?.value
  return typeof value === 'number' ? value : 0
}

function structOf(fields: ThriftStruct, id: number): ThriftStruct {
  const value = fields.get(id)?.value
  if (!(value instanceof Map)) throw new TypeError(`The field ${id} is no struct.`)
  return value
}

function structs(fields: ThriftStruct, id: number): readonly ThriftStruct[] {
  const value = fields.get(id)?.value
  if (typeof value !== 'object' || !('items' in value)) throw new TypeError(`The field ${id} is no list.`)
  return value.items.map((item) => {
    if (!(item instanceof Map)) throw new TypeError(`The field ${id} is no list of structs.`)
    return item
  })
}
