import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { createEncoder } from '#encode/encoder.ts'
import type { Value } from '#encode/value.ts'
import {
  arrayType,
  booleanType,
  dateType,
  decimalType,
  doubleType,
  floatType,
  integerType,
  intervalType,
  longType,
  stringType,
  timestampNtzType,
  timestampType,
  type DataType,
} from '#types/data-type.ts'
import { literalOfParameter } from './parameter.ts'

/** A value's bytes as the server itself would send them. */
function sent(type: DataType, value: Value, format: 0 | 1): Buffer {
  const columns = [{ name: 'c', type }]
  const encoder = createEncoder({ kind: 'postgres', formats: [format] }, columns)
  encoder.add({ rowCount: 1, value: () => value })
  return Buffer.from(encoder.take()).subarray(11)
}

const yearOne = Date.parse('0001-01-01T00:00:00Z')
const year9999 = Date.parse('9999-12-31T23:59:59Z')

test.each<[string, DataType, fc.Arbitrary<Value>]>([
  ['boolean', booleanType, fc.boolean()],
  ['integer', integerType, fc.integer()],
  ['long', longType, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  ['double', doubleType, fc.double()],
  ['text', stringType, fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''))],
  ['date', dateType, fc.integer({ min: yearOne / 86_400_000, max: Math.floor(year9999 / 86_400_000) })],
  ['timestamp', timestampType, fc.bigInt({ min: BigInt(yearOne) * 1000n, max: BigInt(year9999) * 1000n })],
  [
    'timestamp without zone',
    timestampNtzType,
    fc.bigInt({ min: BigInt(yearOne) * 1000n, max: BigInt(year9999) * 1000n }),
  ],
  [
    'interval',
    intervalType,
    fc.record({
      months: fc.integer({ min: -100_000, max: 100_000 }),
      days: fc.integer(),
      micros: fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n }),
    }),
  ],
  ['decimal', decimalType(38, 6), fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n })],
])('a %s sent as text and as binary means the same', (_name, type, values) => {
  fc.assert(
    fc.property(values, (value) => {
      const text = literalOfParameter(type, sent(type, value, 0), { format: 0 })
      const binary = literalOfParameter(type, sent(type, value, 1), { format: 1 })
      expect(binary).toEqual(text)
      expect(text.value).not.toBeNull()
    }),
  )
})

test('instants with a zone are taken to UTC, with their microseconds', () => {
  const at = (text: string) => literalOfParameter(timestampType, Buffer.from(text), { format: 0 }).value
  expect(at('2024-02-29 23:30:00.123456+02')).toBe('2024-02-29T21:30:00.123456Z')
  expect(at('2024-02-29T23:30:00-05:30')).toBe('2024-03-01T05:00:00.000000Z')
  expect(at('2024-02-29')).toBe('2024-02-29T00:00:00.000000Z')
})

test('what is no value of its type is refused by name', () => {
  const refused = (type: DataType, bytes: Buffer, format: number, code = 'query.value') =>
    expect(() => literalOfParameter(type, bytes, { format })).toThrow(expect.objectContaining({ code }))
  refused(integerType, Buffer.from('1.5'), 0)
  refused(integerType, Buffer.alloc(3), 1)
  refused(booleanType, Buffer.from('perhaps'), 0)
  refused(decimalType(38, 18), Buffer.from('0001', 'hex'), 1)
  for (const [type, text] of [
    [integerType, '2147483648'],
    [longType, '9223372036854775808'],
    [longType, '-99999999999999999999'],
  ] as const) {
    refused(type, Buffer.from(text), 0, 'query.out_of_range')
  }
  for (const [type, text] of [
    [dateType, '0044-03-15 BC'],
    [dateType, '2024-01-02 or so'],
    [dateType, '2023-02-29'],
    [timestampType, 'yesterday'],
  ] as const) {
    refused(type, Buffer.from(text), 0, 'query.time_text')
  }
  for (const format of [0, 1]) refused(stringType, Buffer.from('a\0b'), format, 'query.encoding')
  expect(literalOfParameter(longType, Buffer.from(`${'0'.repeat(30)}7`), { format: 0 }).value).toBe(7n)
})

test.each<[text: string, precision: number, scale: number, plain: string]>([
  ['0', 1, 0, '0'],
  ['0.5', 1, 1, '0.5'],
  ['-001.50', 3, 2, '-1.50'],
  ['1e-20', 20, 20, '0.00000000000000000001'],
  ['12.5E+3', 5, 0, '12500'],
  ['1180591620717411303424', 22, 0, '1180591620717411303424'],
])('the numeric %s is a decimal(%d,%d)', (text, precision, scale, value) => {
  const type = decimalType(precision, scale)
  expect(literalOfParameter(decimalType(38, 18), Buffer.from(text), { format: 0 })).toEqual({ type, value })
})

test('a uuid is read in all of its forms', () => {
  const uuid = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
  const sentAs = (bytes: Buffer, format: number) =>
    literalOfParameter(stringType, bytes, { format, oid: 2950 }).value
  expect(sentAs(Buffer.from(uuid.replaceAll('-', ''), 'hex'), 1)).toBe(uuid)
  for (const text of [uuid, uuid.toUpperCase(), `{${uuid}}`, uuid.replaceAll('-', '')]) {
    expect(sentAs(Buffer.from(text), 0)).toBe(uuid)
  }
  expect(() => sentAs(Buffer.from('3f2504e0'), 0)).toThrow('A uuid was expected, "3f2504e0" came.')
  expect(() => sentAs(Buffer.alloc(15), 1)).toThrow('A uuid has 16 bytes, 15 came.')
})

test('a numeric of more digits than there are is refused', () => {
  for (const text of ['1e38', '1e-39', `${'9'.repeat(20)}.${'1'.repeat(19)}`, '1e999']) {
    expect(() => literalOfParameter(decimalType(38, 18), Buffer.from(text), { format: 0 })).toThrow(
      /at most 38 digits/,
    )
  }
})

/** Where each digit is tried as the first behind the point it takes minutes. */
test.each([decimalType(38, 18), doubleType])(
  'what has digits without end and is no number is refused: %o',
  (type) => {
    const text = Buffer.from(`${'1'.repeat(500_000)}x`)
    expect(() => literalOfParameter(type, text, { format: 0 })).toThrow('was expected')
  },
)

test('NULL is NULL in every type', () => {
  expect(literalOfParameter(longType, null, { format: 1 })).toEqual({ type: longType, value: null })
})

const spans = fc.record({
  months: fc.integer({ min: -100_000, max: 100_000 }),
  days: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  micros: fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n }),
})

/** As the server sends it to a client that asked for ISO 8601. */
function sentAsIso(value: Value): string {
  const encoder = createEncoder({ kind: 'postgres', formats: [0], intervals: 'iso_8601' }, [
    { name: 'c', type: intervalType },
  ])
  encoder.add({ rowCount: 1, value: () => value })
  return Buffer.from(encoder.take()).subarray(11).toString()
}

test('an interval in ISO 8601 means the same', () => {
  fc.assert(
    fc.property(spans, (value) => {
      const iso = literalOfParameter(intervalType, Buffer.from(sentAsIso(value)), { format: 0 })
      expect(iso).toEqual(literalOfParameter(intervalType, sent(intervalType, value, 1), { format: 1 }))
    }),
  )
})

test.each<[months: number, days: number, micros: bigint, text: string]>([
  [0, 0, 0n, 'PT0S'],
  [14, 3, 14_706_500_000n, 'P1Y2M3DT4H5M6.5S'],
  [-1, 0, -500_000n, 'P-1MT-0.5S'],
  [0, 1, -3_600_000_000n, 'P1DT-1H'],
])('%i months, %i days and %i µs are %s', (months, days, micros, text) => {
  expect(sentAsIso({ months, days, micros })).toBe(text)
})

test.each([
  'P',
  'PT',
  '1D',
  'P1',
  'P1DT',
  'P1.5D',
  'PT1H2D',
  'P999999999Y',
  '5000000000 days',
  '99999999999999999999999999 years',
  '9999999999999999999999 secs',
])('%s is no interval', (text) => {
  expect(() => literalOfParameter(intervalType, Buffer.from(text), { format: 0 })).toThrow(
    /interval was expected/,
  )
})

test('a binary array of more elements than a statement takes is refused before they are made', () => {
  const head = Buffer.alloc(20)
  for (const [index, number] of [1, 0, 23, 8_000_000, 1].entries()) head.writeInt32BE(number, index * 4)
  const bytes = Buffer.concat([head, Buffer.alloc(32_000_000, 0xff)])
  expect(() => literalOfParameter(arrayType(integerType), bytes, { format: 1 })).toThrow(
    expect.objectContaining({ code: 'query.limit' }),
  )
})

test.each<[DataType, string]>([
  [doubleType, '1e999'],
  [doubleType, '-1e309'],
  [doubleType, '2e-400'],
  [floatType, '1e39'],
  [floatType, '1e-50'],
])('a %o that no such number is near is refused: %s', (type, text) => {
  expect(() => literalOfParameter(type, Buffer.from(text), { format: 0 })).toThrow(
    expect.objectContaining({ code: 'query.out_of_range' }),
  )
})

test.each<[DataType, string, number]>([
  [doubleType, '-Infinity', Number.NEGATIVE_INFINITY],
  [doubleType, '0e-999', 0],
  [doubleType, '5e-324', 5e-324],
  [floatType, '3.4028235e38', 3.4028235e38],
])('a %o may be %s', (type, text, value) => {
  expect(literalOfParameter(type, Buffer.from(text), { format: 0 }).value).toBe(value)
})
