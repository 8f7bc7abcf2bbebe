import { unreachable } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { literalOfText } from '#query/literal-text.ts'
import type { Literal } from '#query/query.ts'
import { refuseManyElements } from '#types/array-text.ts'
import { type DataType, sparkName } from '#types/data-type.ts'
import { PayloadReader, utf8 } from './payload-reader.ts'
import { withOwnDigits } from './own-digits.ts'
import { jsonbOid, oidOid, typeOfOid, uuidOid, uuidsOid } from './wire-type.ts'

const epochMs = Date.UTC(2000, 0, 1)
const dayMs = 86_400_000
const yearOneMs = Date.parse('0001-01-01T00:00:00Z')
const year10000Ms = Date.parse('9999-12-31T23:59:59Z') + 1000

interface Sent {
  /** 0 is text, 1 binary. */
  readonly format: number
  /** What the client called the type, 0 where it left that open. */
  readonly oid?: number
}

/**
 * A numeric has the digits that came, not those of the type that stood for it before.
 * @throws AppError as `literalOfText`, 'query.encoding' for a text that PostgreSQL could not hold
 */
export function literalOfParameter(type: DataType, bytes: Buffer | null, { format, oid = 0 }: Sent): Literal {
  if (bytes === null) return { type, value: null }
  const literal = format === 0 ? literalOfText(type, text(bytes)) : literalOfBinary(type, bytes, oid)
  return oid === uuidOid || oid === uuidsOid ? uuidOf(literal) : withOwnDigits(literal)
}

function text(bytes: Buffer): string {
  if (!bytes.includes(0)) return utf8(bytes)
  throw new AppError('query.encoding', 'A text has no character U+0000.')
}

/** As PostgreSQL prints it, however it was written. */
function uuidOf({ type, value, elements }: Literal): Literal {
  if (elements) return { type, value, elements: elements.map(uuidOf) }
  if (value === null) return { type, value }
  const digits = String(value)
    .toLowerCase()
    .replaceAll('-', '')
    .replace(/^\{(.*)\}$/, '$1')
  if (!/^[0-9a-f]{32}$/.test(digits)) {
    throw new AppError(
      'query.value',
      `A uuid was expected, ${JSON.stringify(String(value).slice(0, 80))} came.`,
    )
  }
  return { type, value: digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') }
}

function literalOfBinary(type: DataType, bytes: Buffer, oid: number): Literal {
  const sized = (byteCount: number): Buffer => {
    if (bytes.length === byteCount) return bytes
    throw new AppError(
      'query.value',
      `A binary ${sparkName(type)} has ${byteCount} bytes, ${bytes.length} came.`,
    )
  }
  switch (type.kind) {
    case 'boolean':
      return { type, value: sized(1)[0] !== 0 }
    case 'byte':
    case 'short':
      return { type, value: sized(2).readInt16BE() }
    case 'integer':
      return { type, value: sized(4).readInt32BE() }
    case 'long':
      return { type, value: oid === oidOid ? BigInt(sized(4).readUInt32BE()) : sized(8).readBigInt64BE() }
    case 'float':
      return { type, value: sized(4).readFloatBE() }
    case 'double':
      return { type, value: sized(8).readDoubleBE() }
    case 'date':
      return { type, value: isoDate(sized(4).readInt32BE()) }
    case 'timestamp':
      return { type, value: `${isoMicros(sized(8).readBigInt64BE())}Z` }
    case 'timestamp_ntz':
      return { type, value: isoMicros(sized(8).readBigInt64BE()) }
    case 'binary':
      return { type, value: bytes.toString('hex') }
    case 'decimal':
      return { type, value: numericText(bytes) }
    case 'string':
      return { type, value: textOfBinary(bytes, oid) }
    case 'interval': {
      const span = sized(16)
      return { type, value: `${span.readInt32BE(12)} ${span.readInt32BE(8)} ${span.readBigInt64BE()}` }
    }
    case 'array':
      return arrayOfBinary(type, bytes)
    case 'void':
    case 'map':
    case 'struct':
      throw new AppError('query.unsupported', `A parameter of type ${sparkName(type)} cannot be binary.`, {
        hint: 'Send it as text.',
      })
    default:
      return unreachable(type)
  }
}

/** Of PostgreSQL's types that are texts to us two have bytes of their own. */
function textOfBinary(bytes: Buffer, oid: number): string {
  if (oid === uuidOid) {
    if (bytes.length !== 16) throw new AppError('query.value', `A uuid has 16 bytes, ${bytes.length} came.`)
    return bytes.toString('hex')
  }
  if (oid !== jsonbOid) return text(bytes)
  if (bytes[0] !== 1) throw new AppError('query.value', 'A jsonb of version 1 was expected.')
  return text(bytes.subarray(1))
}

/** At most one dimension; each element with its length, −1 for NULL. */
function arrayOfBinary(type: DataType, bytes: Buffer): Literal {
  const invalid = new AppError('query.value', 'The bytes are no array of one dimension.')
  const reader = new PayloadReader(bytes)
  const dimensionCount = reader.int32()
  reader.int32() // Whether there are NULLs.
  const oid = reader.int32()
  const element = typeOfOid(oid)
  if (!element || element.kind === 'array' || dimensionCount < 0 || dimensionCount > 1) throw invalid
  const elementCount = dimensionCount === 0 ? 0 : reader.int32()
  if (dimensionCount === 1) reader.int32() // The first index.
  if (elementCount < 0 || elementCount * 4 > reader.remaining) throw invalid
  refuseManyElements(elementCount) // Before they are made.
  const elements = Array.from({ length: elementCount }, () => {
    const byteCount = reader.int32()
    if (byteCount < -1) throw invalid
    return literalOfParameter(element, byteCount === -1 ? null : reader.bytes(byteCount), { format: 1, oid })
  })
  reader.end()
  return { type, value: '', elements }
}

function outOfRange(what: string): AppError {
  return new AppError('query.value', `A ${what} from year 1 to 9999 was expected.`)
}

function isoDate(days: number): string {
  const time = epochMs + days * dayMs
  if (!(time >= yearOneMs && time < year10000Ms)) throw outOfRange('date')
  return new Date(time).toISOString().slice(0, 10)
}

function isoMicros(micros: bigint): string {
  const perSecond = 1_000_000n
  let seconds = micros / perSecond
  let fraction = micros % perSecond
  if (fraction < 0n) {
    seconds -= 1n
    fraction += perSecond
  }
  const time = epochMs + Number(seconds) * 1000
  if (!(time >= yearOneMs && time < year10000Ms)) throw outOfRange('timestamp')
  return `${new Date(time).toISOString().slice(0, 19)}.${String(fraction).padStart(6, '0')}`
}

/** PostgreSQL's numeric: groups of four digits, the first with the weight of its power of 10 000. */
function numericText(bytes: Buffer): string {
  const invalid = new AppError('query.value', 'The bytes are no binary numeric.')
  if (bytes.length < 8) throw invalid
  const groupCount = bytes.readInt16BE(0)
  const weight = bytes.readInt16BE(2)
  const sign = bytes.readUInt16BE(4)
  const scale = bytes.readUInt16BE(6)
  if (groupCount < 0 || bytes.length !== 8 + groupCount * 2 || Math.abs(weight) > 20 || scale > 76)
    throw invalid
  if (sign !== 0 && sign !== 0x4000) throw new AppError('query.value', 'A numeric parameter must be finite.')
  const group = (index: number): string => {
    const value = index >= 0 && index < groupCount ? bytes.readUInt16BE(8 + index * 2) : 0
    if (value > 9999) throw invalid
    return String(value).padStart(4, '0')
  }
  let whole = ''
  for (let index = 0; index <= weight; index++) whole += group(index)
  let fraction = ''
  for (let index = weight + 1; fraction.length < scale; index++) fraction += group(index)
  const digits = whole.replace(/^0+(?=\d)/, '') || '0'
  return `${sign === 0 ? '' : '-'}${digits}${scale === 0 ? '' : `.${fraction.slice(0, scale)}`}`
}
