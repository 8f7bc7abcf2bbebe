import type { DataType, Field } from '#types/data-type.ts'
import type { ByteWriter } from './byte-writer.ts'
import { isComplex, plainText } from './text.ts'
import type { Batch, Interval, Value } from './value.ts'

/** µs and days from 1970 to PostgreSQL's epoch, 2000-01-01. */
const epochMicros = 946_684_800_000_000n
const epochDays = 10_957

/** DataRow messages, one a row. */
export function writeDataRows(
  writer: ByteWriter,
  columns: readonly Field[],
  formats: readonly (0 | 1)[],
  batch: Batch,
): void {
  for (let row = 0; row < batch.rowCount; row++) {
    writer.int8(0x44)
    const lengthAt = writer.length
    writer.int32(0)
    writer.int16(columns.length)
    for (let column = 0; column < columns.length; column++) {
      writeField(writer, columns[column]!.type, formats[column] ?? 0, batch.value(column, row))
    }
    writer.patchInt32(lengthAt, writer.length - lengthAt)
  }
}

/** A value with its length in front. */
export function writeField(writer: ByteWriter, type: DataType, format: 0 | 1, value: Value): void {
  if (value === null) {
    writer.int32(-1)
    return
  }
  const lengthAt = writer.length
  writer.int32(0)
  if (format === 0 || isComplex(type)) writer.text(plainText(type, value))
  else writeBinary(writer, type, value)
  writer.patchInt32(lengthAt, writer.length - lengthAt - 4)
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
      return writer.int64((value as bigint) - epochMicros)
    case 'binary':
      return writer.raw(value as Uint8Array)
    case 'interval': {
      const interval = value as Interval
      writer.int64(interval.micros)
      writer.int32(interval.days)
      return writer.int32(interval.months)
    }
    case 'decimal':
      return writeNumeric(writer, value as bigint, type.scale)
    default:
      writer.text(plainText(type, value))
  }
}

/** PostgreSQL's numeric: digits to the base 10 000, the first with the weight of its power. */
function writeNumeric(writer: ByteWriter, unscaled: bigint, scale: number): void {
  const isNegative = unscaled < 0n
  const text = String(isNegative ? -unscaled : unscaled).padStart(scale + 1, '0')
  const whole = text.slice(0, text.length - scale)
  const fraction = text.slice(text.length - scale)
  const groupsOf4 = (digits: string): number[] => (digits.match(/.{4}/g) ?? []).map(Number)
  const left = groupsOf4(whole.padStart(Math.ceil(whole.length / 4) * 4, '0'))
  const right = groupsOf4(fraction.padEnd(Math.ceil(fraction.length / 4) * 4, '0'))
  const digits = [...left, ...right]
  let weight = left.length - 1
  while (digits.length > 0 && digits[0] === 0) {
    digits.shift()
    weight--
  }
  while (digits.at(-1) === 0) digits.pop()
  writer.int16(digits.length)
  writer.int16(digits.length === 0 ? 0 : weight)
  writer.int16(isNegative ? 0x4000 : 0)
  writer.int16(scale)
  for (const digit of digits) writer.int16(digit)
}
