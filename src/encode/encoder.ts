import { createRequire } from 'node:module'
import { unreachable } from '#base/assert.ts'
import { distinctlyNamed } from '#types/distinct-names.ts'
import type { Field } from '#types/data-type.ts'
import type { ArrowStream } from './arrow.ts'
import { addedBytesMax, ByteWriter, TooManyBytes } from './byte-writer.ts'
import { copyWriter } from './copy.ts'
import { writeCsv, writeCsvHeader } from './csv.ts'
import type { Encoding } from './encoding.ts'
import { writeJsonLines, writeJsonRows } from './json.ts'
import { dataRows } from './postgres.ts'
import type { Batch } from './value.ts'

/** Turns batches of one statement into bytes, in order. */
export interface Encoder {
  /** @throws TooManyBytes for more than `addedBytesMax`, and nothing of the batch was added */
  add(batch: Batch): void
  /** About how many bytes `take` would give. */
  readonly byteCount: number
  take(): Uint8Array
  /** After the last batch: what is left, with the end of the stream where the encoding has one. */
  finish(): Uint8Array
}

export function createEncoder(encoding: Encoding, columns: readonly Field[]): Encoder {
  if (encoding.kind === 'arrow') return arrowEncoder(columns)
  if (encoding.kind === 'copy') return copyEncoder(encoding, columns)
  const writer = new ByteWriter()
  if (encoding.kind === 'csv' && encoding.header) writeCsvHeader(writer, columns)
  const add = rowWriter(writer, encoding, columns)
  return {
    add: (batch) => addWhole(writer, () => add(batch)),
    get byteCount() {
      return writer.length
    },
    take: () => writer.take(),
    finish: () => writer.take(),
  }
}

/** All of what is added, or nothing. */
function addWhole(writer: ByteWriter, add: () => void): void {
  const before = writer.length
  writer.bytesMax = before + addedBytesMax
  try {
    add()
  } catch (error) {
    writer.length = before
    throw error
  } finally {
    writer.bytesMax = Infinity
  }
}

function rowWriter(
  writer: ByteWriter,
  encoding: Exclude<Encoding, { kind: 'arrow' | 'copy' }>,
  columns: readonly Field[],
): (batch: Batch) => void {
  switch (encoding.kind) {
    case 'postgres': {
      const write = dataRows(columns, encoding)
      return (batch) => write(writer, batch)
    }
    case 'jsonLines': {
      const named = distinctlyNamed(columns)
      return (batch) => writeJsonLines(writer, named, { batch, keepsNulls: encoding.keepsNulls === true })
    }
    case 'jsonRows':
      return (batch) => writeJsonRows(writer, columns, batch)
    case 'csv':
      return (batch) => writeCsv(writer, columns, batch)
    default:
      return unreachable(encoding)
  }
}

function copyEncoder({ form }: Extract<Encoding, { kind: 'copy' }>, columns: readonly Field[]): Encoder {
  const writer = new ByteWriter()
  const copy = copyWriter(form, columns)
  return {
    add: (batch) => addWhole(writer, () => copy.add(writer, batch)),
    get byteCount() {
      return writer.length
    },
    take: () => writer.take(),
    finish: () => {
      copy.finish(writer)
      return writer.take()
    },
  }
}

/** Of the texts that lie in memory. */
function textBytesOf({ raw, rowCount }: Batch, columnCount: number): number {
  let byteCount = 0
  if (!raw) return 0
  for (let index = 0; index < columnCount; index++) {
    const values = raw.column(index)?.values
    if (values?.kind !== 'bytes') continue
    const lengths = values.lengths.subarray(raw.firstRow, raw.firstRow + rowCount)
    for (const length of lengths) byteCount += Math.max(0, length)
  }
  return byteCount
}

/** Not at start: the library's 150 modules would be half of what an engine child loads, and few results are in Arrow. */
const arrowStream = (): typeof ArrowStream =>
  (createRequire(import.meta.url)('./arrow.ts') as { ArrowStream: typeof ArrowStream }).ArrowStream

function arrowEncoder(columns: readonly Field[]): Encoder {
  const stream = new (arrowStream())(columns)
  let taken: Uint8Array[] = []
  const take = (): Uint8Array => {
    const bytes = Buffer.concat(taken)
    taken = []
    return bytes
  }
  return {
    add: (batch) => {
      const byteCount = textBytesOf(batch, columns.length)
      if (byteCount > addedBytesMax) throw new TooManyBytes(`${byteCount} bytes of texts`)
      taken.push(stream.head())
      const bytes = stream.encode([batch])
      if (bytes.length > addedBytesMax) throw new TooManyBytes(`${bytes.length} bytes`)
      taken.push(bytes)
    },
    get byteCount() {
      return taken.reduce((sum, bytes) => sum + bytes.length, 0)
    },
    take,
    finish: () => {
      taken.push(stream.finish())
      return take()
    },
  }
}
