import type { DataType } from '#types/data-type.ts'
import { cellMaker, type MakeCells, type Putters } from './cells.ts'
import { firstPlainDay, lastPlainDay, writeDate, writeDecimal, writeInteger, writeTime } from './digits.ts'
import { bigintOfWords, numberOfWords } from './raw-column.ts'
import type { Interval } from './value.ts'
import {
  dateText,
  decimalText,
  doubleText,
  floatDigits,
  isoIntervalText,
  plainText,
  timestampText,
} from './text.ts'

const dayMicros = 86_400_000_000

/** Cells of what `plainText` prints of a column's values. */
export function textCells(column: number, type: DataType): MakeCells {
  return cellMaker(column, {
    putters: textPutters(type),
    // Texts, and what the engine has printed.
    isSentAsIs: type.kind !== 'binary',
    write: (writer, value) => void writer.text(plainText(type, value)),
  })
}

export function isoIntervalCells(column: number): MakeCells {
  return cellMaker(column, {
    putters: {},
    isSentAsIs: false,
    write: (writer, value) => void writer.text(isoIntervalText(value as Interval)),
  })
}

function textPutters(type: DataType): Putters {
  switch (type.kind) {
    case 'boolean':
      return { number: putBoolean }
    case 'byte':
    case 'short':
    case 'integer':
      return { number: (bytes, at, numbers, row) => writeInteger(bytes, at, numbers[row]!) }
    case 'long':
      return { word: putLong }
    case 'date':
      return { number: putDate }
    case 'decimal': {
      const { scale } = type
      return {
        number: (bytes, at, numbers, row) => writeDecimal(bytes, at, numbers[row]!, scale),
        word: (bytes, at, words, row) => putDecimal(bytes, at, words, row, scale),
      }
    }
    case 'double':
      return { number: (bytes, at, numbers, row) => putDouble(bytes, at, numbers[row]!) }
    case 'float':
      return { number: (bytes, at, numbers, row) => putDouble(bytes, at, floatDigits(numbers[row]!)) }
    case 'timestamp':
      return { word: putInstant }
    case 'timestamp_ntz':
      return { word: putTimestamp }
    default:
      return {}
  }
}

function putBoolean(bytes: Buffer, at: number, numbers: ArrayLike<number>, row: number): number {
  bytes[at] = numbers[row] === 0 ? 0x66 : 0x74
  return at + 1
}

function putDate(bytes: Buffer, at: number, numbers: ArrayLike<number>, row: number): number {
  const days = numbers[row]!
  if (days < firstPlainDay || days > lastPlainDay) return putAscii(bytes, at, dateText(days))
  return writeDate(bytes, at, days)
}

function putLong(bytes: Buffer, at: number, words: Int32Array, row: number): number {
  const value = numberOfWords(words, row)
  if (Number.isNaN(value)) return putAscii(bytes, at, String(bigintOfWords(words, row)))
  return writeInteger(bytes, at, value)
}

function putDecimal(bytes: Buffer, at: number, words: Int32Array, row: number, scale: number): number {
  const value = numberOfWords(words, row)
  if (Number.isNaN(value)) return putAscii(bytes, at, decimalText(bigintOfWords(words, row), scale))
  return writeDecimal(bytes, at, value, scale)
}

function putInstant(bytes: Buffer, at: number, words: Int32Array, row: number): number {
  const zone = putTimestamp(bytes, at, words, row)
  bytes[zone] = 0x2b
  bytes[zone + 1] = 0x30
  bytes[zone + 2] = 0x30
  return zone + 3
}

/** Of a text each of whose characters is one byte. */
function putAscii(bytes: Buffer, at: number, text: string): number {
  return at + bytes.write(text, at, 'latin1')
}

function putTimestamp(bytes: Buffer, at: number, words: Int32Array, row: number): number {
  const micros = numberOfWords(words, row)
  const days = Math.floor(micros / dayMicros)
  // Not true of NaN either.
  if (!(days >= firstPlainDay && days <= lastPlainDay)) {
    return putAscii(bytes, at, timestampText(bigintOfWords(words, row)))
  }
  const end = writeDate(bytes, at, days)
  bytes[end] = 0x20
  return writeTime(bytes, end + 1, micros - days * dayMicros)
}

/**
 * Most doubles that people make have a few digits: those whose quotient of a whole number and a power of ten is the
 * number itself are printed by that, for both are exact and division rounds as reading does. Up to 15 digits no other
 * text so short reads back the same.
 */
function putDouble(bytes: Buffer, at: number, value: number): number {
  const size = Math.abs(value)
  if (!(size >= 1e-3 && size < 1e15)) return putAscii(bytes, at, doubleText(value))
  let scale = 0
  let unscaled = size
  if (size !== Math.floor(size)) {
    scale = 2
    unscaled = Math.round(size * 1e2)
    if (unscaled / 1e2 !== size) {
      scale = 6
      unscaled = Math.round(size * 1e6)
      if (unscaled / 1e6 !== size) scale = -1
    }
    if (scale < 0 || unscaled >= 1e15) return putAscii(bytes, at, String(value)) // As PostgreSQL does in this range.
    for (; unscaled % 10 === 0; unscaled /= 10) scale -= 1
  }
  return writeDecimal(bytes, at, value < 0 ? -unscaled : unscaled, scale)
}
