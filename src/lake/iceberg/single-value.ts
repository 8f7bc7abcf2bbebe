import { daysOfText, microsOfText } from './civil-time.ts'

/**
 * One value in bytes, as bounds of columns and partitions are stored (Iceberg's appendix D).
 * @see https://iceberg.apache.org/spec/#binary-single-value-serialization
 */

/** A bound, ready to compare: days for a date, microseconds for timestamps, the unscaled number for a decimal. */
export type BoundValue = boolean | number | bigint | Buffer

const charactersMax = 16
const codePointMax = 0x10ffff

/**
 * A column's smallest or largest value, from the engine's text; undefined when none can be given. Long strings are
 * cut, the upper bound of them raised, so that every value stays inside.
 */
export function encodeBound(
  type: string,
  text: string | undefined,
  side: 'lower' | 'upper',
): Buffer | undefined {
  if (text === undefined) return undefined
  switch (type) {
    case 'boolean':
      return text === 'true' || text === 'false' ? Buffer.from([text === 'true' ? 1 : 0]) : undefined
    case 'int':
      return /^-?\d+$/.test(text) ? encodeInteger(Number(text)) : undefined
    case 'long':
      return /^-?\d+$/.test(text) ? encodeLong(BigInt(text)) : undefined
    case 'float':
    case 'double':
      return encodeFloat(type, text, side)
    case 'date': {
      const days = daysOfText(text)
      return days === undefined ? undefined : encodeInteger(days)
    }
    case 'timestamp':
    case 'timestamptz': {
      const micros = microsOfText(text)
      return micros === undefined ? undefined : encodeLong(micros)
    }
    case 'string':
      return side === 'lower' ? Buffer.from(cut(text)) : upperOfText(text)
    default:
      return type.startsWith('decimal') ? encodeDecimal(type, text) : undefined
  }
}

/**
 * A file that is older than the widening of its column has the bounds of the narrower type.
 * @throws RangeError when the bytes are too few for the type.
 */
export function decodeBound(type: string, bytes: Buffer): BoundValue | undefined {
  switch (type) {
    case 'boolean':
      return bytes.readUInt8() !== 0
    case 'int':
    case 'date':
      return bytes.readInt32LE()
    case 'long':
      return bytes.length === 4 ? BigInt(bytes.readInt32LE()) : bytes.readBigInt64LE()
    case 'timestamp':
    case 'timestamptz':
      return bytes.readBigInt64LE()
    case 'float':
      return bytes.readFloatLE()
    case 'double':
      return bytes.length === 4 ? bytes.readFloatLE() : bytes.readDoubleLE()
    case 'string':
      return bytes
    default:
      return type.startsWith('decimal') ? decodeTwosComplement(bytes) : undefined
  }
}

export function encodeInteger(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function encodeLong(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}

const specialNumbers: ReadonlyMap<string, number> = new Map([
  ['inf', Infinity],
  ['-inf', -Infinity],
])

function encodeFloat(type: 'float' | 'double', text: string, side: 'lower' | 'upper'): Buffer | undefined {
  const value = specialNumbers.get(text) ?? Number(text)
  if (Number.isNaN(value) || text.trim() === '') return undefined
  // Zero has two encodings; the bound takes the outer one.
  const bound = value === 0 ? (side === 'lower' ? -0 : 0) : value
  const bytes = Buffer.alloc(type === 'float' ? 4 : 8)
  if (type === 'float') bytes.writeFloatLE(bound)
  else bytes.writeDoubleLE(bound)
  return bytes
}

export function decimalScale(type: string): number {
  return Number(/,\s*(\d+)\)/.exec(type)?.[1] ?? 0)
}

/** The digits of a decimal without its point, at the scale wanted; undefined when the text has other digits. */
export function unscaled(text: string, scale: number): bigint | undefined {
  const [, sign, whole = '', fraction = ''] = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text) ?? []
  if (sign === undefined || whole + fraction === '') return undefined
  const kept = fraction.replace(/0+$/, '')
  if (kept.length > scale) return undefined
  const digits = BigInt(whole + kept.padEnd(scale, '0'))
  return sign === '-' ? -digits : digits
}

function encodeDecimal(type: string, text: string): Buffer | undefined {
  const value = unscaled(text, decimalScale(type))
  return value === undefined ? undefined : encodeTwosComplement(value)
}

/** The fewest big-endian bytes that hold the number with its sign. */
function encodeTwosComplement(value: bigint): Buffer {
  let size = 1
  while (BigInt.asIntN(8 * size, value) !== value) size += 1
  const hex = BigInt.asUintN(8 * size, value)
    .toString(16)
    .padStart(2 * size, '0')
  return Buffer.from(hex, 'hex')
}

function decodeTwosComplement(bytes: Buffer): bigint | undefined {
  return bytes.length === 0
    ? undefined
    : BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`))
}

function cut(text: string): string {
  return Array.from(text).slice(0, charactersMax).join('')
}

/** The text itself when short, else the smallest longer text of at most so many characters that is above it. */
function upperOfText(text: string): Buffer | undefined {
  const characters = Array.from(text)
  if (characters.length <= charactersMax) return Buffer.from(text)
  for (let last = charactersMax - 1; last >= 0; last -= 1) {
    const next = nextCodePoint(characters[last]?.codePointAt(0) ?? codePointMax)
    if (next === undefined) continue
    return Buffer.from(characters.slice(0, last).join('') + String.fromCodePoint(next))
  }
  return undefined
}

/** Surrogates are no characters. */
function nextCodePoint(codePoint: number): number | undefined {
  if (codePoint >= codePointMax) return undefined
  return codePoint === 0xd7ff ? 0xe000 : codePoint + 1
}
