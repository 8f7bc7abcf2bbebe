import { AppError } from '#base/errors.ts'
import { sparkName, type DataType } from '#types/data-type.ts'
import { isOfMonths, unitsOf } from '#types/intervals.ts'
import { filled } from './define.ts'
import { leavesOf } from './hashes-leaves.ts'
import { amountOf } from './interval-parts.ts'
import { wrapped } from './numbers.ts'
import { onceEach } from './once-each.ts'

/**
 * Spark's `hash`: 32-bit Murmur3 with seed 42 over all simple values in the arguments, each value's hash being the seed
 * of the next; NULL changes nothing.
 * @see https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
 */
export function murmurHash(values: readonly string[], types: readonly DataType[]): string {
  const leaves = values.map((value, index) => leavesOf(value, types[index] ?? { kind: 'void' }, leafOf))
  const start = `{w: [42::UBIGINT], n: 0::UBIGINT}`
  const all = [`[${start}]`, ...leaves].reduce((left, right) => `list_concat(${left}, ${right})`)
  const step = `CASE WHEN (b).w IS NULL THEN a ELSE {w: [${finished(`list_reduce(list_prepend((a).w[1], (b).w), lambda h, k: ${mixed('h', 'k')})`, '(b).n')}], n: 0::UBIGINT} END`
  return wrapped(`list_reduce(${all}, lambda a, b: ${step}).w[1]::HUGEINT`, { kind: 'integer' })
}

const offset = 0xe6546b64
const mask = '4294967295::UBIGINT'

function times(value: string, by: number): string {
  return `((${value}) * ${by}::UBIGINT & ${mask})`
}

function turned(value: string, by: number): string {
  return `(((${value} << ${by}) & ${mask}) | (${value} >> ${32 - by}))`
}

function mixed(hash: string, word: string): string {
  const k = times(turned(times(word, 0xcc9e2d51), 15), 0x1b873593)
  return `((${turned(`xor(${hash}, ${k})`, 13)} * 5::UBIGINT + ${offset}::UBIGINT) & ${mask})`
}

function finished(hash: string, length: string): string {
  const steps = [
    (h: string) => times(`xor(${h}, ${h} >> 16)`, 0x85ebca6b),
    (h: string) => times(`xor(${h}, ${h} >> 13)`, 0xc2b2ae35),
    (h: string) => `xor(${h}, ${h} >> 16)`,
  ]
  return onceEach([`xor(${hash}, ${length})`], (h = '') => steps.reduce((inner, step) => step(inner), h))
}

/** Of a simple value the words of 32 bits, and its length in bytes. */
function leafOf(value: string, type: DataType): string {
  const leaf = (words: string, length: string): string =>
    `{w: CASE WHEN ${value} IS NOT NULL THEN ${words} END, n: ${length}::UBIGINT}`
  const whole = (text: string): string => leaf(`[(CAST(${text} AS HUGEINT) & 4294967295)::UBIGINT]`, '4')
  const long = (text: string): string =>
    leaf(
      `[(CAST(${text} AS HUGEINT) & 4294967295)::UBIGINT, ((CAST(${text} AS HUGEINT) >> 32) & 4294967295)::UBIGINT]`,
      '8',
    )
  switch (type.kind) {
    case 'void':
      return '{w: NULL::UBIGINT[], n: 0::UBIGINT}'
    case 'boolean':
    case 'byte':
    case 'short':
    case 'integer':
      return whole(value)
    case 'date':
      return whole(`(${value} - DATE '1970-01-01')`)
    case 'interval': {
      const units = unitsOf(type)
      const amount = amountOf(value, units)
      if (units.length === 0) throw unhashable(type)
      return isOfMonths(units) ? whole(amount) : long(amount)
    }
    case 'long':
      return long(value)
    case 'timestamp':
    case 'timestamp_ntz':
      return long(`epoch_us(${value})`)
    case 'double':
      return long(`native_double_bits(${value})`)
    case 'float':
      return whole(`native_float_bits(CAST(${value} AS DOUBLE))`)
    case 'decimal': {
      // Up to 18 digits as a long without its point, more as the bytes of a whole number.
      const digits = `replace(CAST(${value} AS VARCHAR), '.', '')`
      if (type.precision <= 18) return long(`CAST(${digits} AS BIGINT)`)
      const bytes = `native_integer_bytes(${digits})`
      return leaf(bytesAsWords(`hex(${bytes})`), `coalesce(octet_length(${bytes}), 0)`)
    }
    case 'string':
      return leaf(bytesAsWords(`hex(encode(${value}))`), `coalesce(strlen(${value}), 0)`)
    case 'binary':
      return leaf(bytesAsWords(`hex(${value})`), `coalesce(octet_length(${value}), 0)`)
    default:
      throw unhashable(type)
  }
}

function unhashable(type: DataType): AppError {
  return new AppError('query.unsupported', `hash cannot take a value of type ${sparkName(type)}.`, {
    hint: 'Cast it to string or bigint first.',
  })
}

/** Words of four bytes, the lowest first; what is left over goes byte by byte, with its sign. */
function bytesAsWords(digits: string): string {
  return onceEach([digits], (hex = '') =>
    filled(
      `list_concat(list_transform(range(0, length($1) // 8), lambda i: ('0x' || $1[8*i+7:8*i+8] || $1[8*i+5:8*i+6] || $1[8*i+3:8*i+4] || $1[8*i+1:8*i+2])::UBIGINT), list_transform(range(length($1) // 8 * 4, length($1) // 2), lambda i: ('0x' || CASE WHEN $1[2*i+1:2*i+1] >= '8' THEN 'FFFFFF' ELSE '' END || $1[2*i+1:2*i+2])::UBIGINT))`,
      [hex],
    ),
  )
}
