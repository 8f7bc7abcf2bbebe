import type { DataType } from '#types/data-type.ts'
import type { ByteWriter } from './byte-writer.ts'
import { cellBytesMax, cellMaker, type MakeCells, type Putters } from './cells.ts'
import { putBigNumeric, putNumeric } from './numeric.ts'
import { bigintOfWords, numberOfWords } from './raw-column.ts'
import { plainText } from './text.ts'
import type { Interval, Value } from './value.ts'

/** Days and µs from 1970 to PostgreSQL's epoch, 2000-01-01. */
const epochDays = 10_957
const epochMicros = 946_684_800_000_000

/** Cells of PostgreSQL's binary form of a column's values. */
export function binaryCells(column: number, type: DataType): MakeCells {
  return cellMaker(column, {
    putters: binaryPutters(type),
    isSentAsIs: type.kind === 'string' || type.kind === 'binary',
    write: (writer, value) => writeBinary(writer, type, value),
  })
}

const halves = new DataView(new ArrayBuffer(8))

function binaryPutters(type: DataType): Putters {
  switch (type.kind) {
    case 'boolean':
      return { number: putBoolean }
    case 'byte':
    case 'short':
      return { number: putShort }
    case 'integer':
      return { number: (bytes, at, numbers, row) => putInt32(bytes, at, numbers[row]!) }
    case 'long':
      return { word: putLong }
    case 'float':
      return { number: (bytes, at, numbers, row) => bytes.writeFloatBE(numbers[row]!, at) }
    case 'double':
      return { number: putDouble }
    case 'decimal': {
      const { scale } = type
      return {
        number: (bytes, at, numbers, row) => putNumeric(bytes, at, numbers[row]!, scale),
        word: (bytes, at, words, row) => putDecimal(bytes, at, words, row, scale),
      }
    }
    case 'date':
      return { number: (bytes, at, numbers, row) => putInt32(bytes, at, numbers[row]! - epochDays) }
    case 'timestamp':
    case 'timestamp_ntz':
      return { word: putTimestamp }
    default:
      return {}
  }
}

function putBoolean(bytes: Buffer, at: number, numbers: ArrayLike<number>, row: number): number {
  bytes[at] = numbers[row]!
  return at + 1
}

function putShort(bytes: Buffer, at: number, numbers: ArrayLike<number>, row: number): number {
  const value = numbers[row]!
  bytes[at] = value >> 8
  bytes[at + 1] = value
  return at + 2
}

function putDouble(bytes: Buffer, at: number, numbers: ArrayLike<number>, row: number): number {
  halves.setFloat64(0, numbers[row]!)
  return putInt32(bytes, putInt32(bytes, at, halves.getInt32(0)), halves.getInt32(4))
}

function putLong(bytes: Buffer, at: number, words: Int32Array, row: number): number {
  return putInt32(bytes, putInt32(bytes, at, words[2 * row + 1]!), words[2 * row]!)
}

function putTimestamp(bytes: Buffer, at: number, words: Int32Array, row: number): number {
  const micros = numberOfWords(words, row) - epochMicros
  if (!Number.isSafeInteger(micros)) {
    return bytes.writeBigInt64BE(bigintOfWords(words, row) - BigInt(epochMicros), at)
  }
  return putInt32(bytes, putInt32(bytes, at, Math.floor(micros / 2 ** 32)), micros | 0)
}

function putDecimal(bytes: Buffer, at: number, words: Int32Array, row: number, scale: number): number {
  const unscaled = numberOfWords(words, row)
  if (Number.isNaN(unscaled)) return putBigNumeric(bytes, at, bigintOfWords(words, row), scale)
  return putNumeric(bytes, at, unscaled, scale)
}

function putInt32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >> 24
  bytes[at + 1] = value >> 16
  bytes[at + 2] = value >> 8
  bytes[at + 3] = value
  return at + 4
}

function writeBinary(writer: ByteWriter, type: DataType, value: Exclude<Value, null>): void {
  switch (type.kind) {
    case 'boolean':
      return writer.int8(value ? 1 : 0)
    case 'byte':
    case 'short':
      return writer.int16(value as number)
    case 'integer':
    case 'void':
      return writer.int32(value as number)
    case 'long':
      return writer.int64(value as bigint)
    case 'float':
      return writer.float32(value as number)
    case 'double':
      return writer.float64(value as number)
    case 'date':
      return writer.int32((value as number) - epochDays)
    case 'timestamp':
    case 'timestamp_ntz':
      return writer.int64((value as bigint) - BigInt(epochMicros))
    case 'binary':
      return writer.raw(value as Uint8Array)
    case 'interval': {
      const interval = value as Interval
      writer.int64(interval.micros)
      writer.int32(interval.days)
      return writer.int32(interval.months)
    }
    case 'decimal':
      writer.reserve(cellBytesMax)
      writer.length = putBigNumeric(writer.bytes, writer.length, value as bigint, type.scale)
      return
    default:
      writer.text(plainText(type, value))
  }
}
