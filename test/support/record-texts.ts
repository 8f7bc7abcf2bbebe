import { fc } from './fast-check.ts'
import {
  type DataType,
  type Field,
  arrayType,
  binaryType,
  booleanType,
  byteType,
  dateType,
  decimalType,
  doubleType,
  floatType,
  integerType,
  longType,
  mapType,
  shortType,
  stringType,
  structType,
  timestampNtzType,
  timestampType,
} from '../../src/types/data-type.ts'

/** Records of JSON and CSV, so many times plain as not: hostile ones, and ones that are only unusual. */
const inner = structType([
  { name: 's', type: stringType },
  { name: 'n', type: longType },
  { name: 't', type: timestampType },
  { name: 'd', type: doubleType },
])
export const fields: readonly Field[] = [
  { name: 'text', type: stringType },
  { name: 'flag', type: booleanType },
  { name: 'b', type: byteType },
  { name: 'h', type: shortType },
  { name: 'i', type: integerType },
  { name: 'l', type: longType },
  { name: 'f', type: floatType },
  { name: 'd', type: doubleType },
  { name: 'dec', type: decimalType(12, 3) },
  { name: 'day', type: dateType },
  { name: 'time', type: timestampType },
  { name: 'local', type: timestampNtzType },
  { name: 'bytes', type: binaryType },
  { name: 'page-größe.x', type: inner },
  { name: 'list', type: arrayType(longType) },
  { name: 'items', type: arrayType(inner) },
  { name: 'ids', type: mapType(stringType, arrayType(inner)) },
]

export const pick = (...texts: readonly string[]) => fc.constantFrom(...texts)
const oddTexts = [
  '',
  ' ',
  ' x ',
  'NULL',
  'null',
  'a,b',
  'é😀',
  'a\tb',
  '\\',
  '"',
  '""',
  '\u2028',
  '\u0085',
  '#c',
  'a"b',
]
const times = fc
  .date({ min: new Date('1000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString())
const whole = (max: number) => fc.maxSafeInteger().map((value) => String(value % max))
const doubles = fc.oneof(
  fc
    .double({ min: -1e6, max: 1e6, noNaN: true })
    .map((value) => value.toFixed(4).replace(/^-(?=[0.]+$)/, '')),
  fc
    .tuple(
      pick('', '-'),
      fc.bigInt({ min: 1n, max: 10n ** 15n - 1n }),
      fc.bigInt({ min: 0n, max: 10n ** 16n - 1n }),
    )
    .map(([sign, one, part]) => `${sign}${one}.${part}`),
  fc
    .tuple(fc.integer({ min: 1, max: 999_999_999 }), fc.integer({ min: -99, max: 99 }))
    .map((parts) => parts.join('e')),
)

/** Values that are plain nearly always, as text. */
export const plainTexts: Partial<Record<DataType['kind'], fc.Arbitrary<string>>> = {
  string: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom(...oddTexts)),
  boolean: pick('true', 'false'),
  byte: whole(100),
  short: whole(10_000),
  integer: whole(1e9),
  long: fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }).map(String),
  float: pick('0.5', '1', '-12.25'),
  double: doubles,
  decimal: pick('1.5', '-99999.999', '0'),
  date: times.map((time) => time.slice(0, 10)),
  timestamp: times,
  timestamp_ntz: times,
  binary: pick('AP8=', String.raw`\xff`),
}

/** Values of all kinds that are mostly not, as JSON. */
export const oddJson: readonly string[] = [
  '-0',
  '-0.0',
  '-0.5',
  '0e5',
  '1e999',
  '1E+05',
  'NaN',
  'Infinity',
  '.5',
  '5.',
  '1e-300',
  '-0.00e1',
  '1.0',
  '1e3',
  '007',
  '99999',
  '1.5',
  '-9223372036854775808',
  '12345678901234567890',
  '1.23456789012345678',
  'true',
  '[]',
  '{}',
  '""',
  '[null]',
  '"12"',
  '" 7 "',
  '"NaN"',
  '"true"',
  '"1.50"',
  '{"s":"x"}',
  '{"x": [1.50]}',
  '[1, 2]',
  '"AP8="',
  String.raw`"\u0041\u00e9"`,
  String.raw`"\ud83d\ude00"`,
  String.raw`"\ud800"`,
  String.raw`"\u0000"`,
  '"\u0001"',
  String.raw`"\u0001\u0004n\b\f\/"`,
  '"2024-02-29T10:00:00Z"',
  '"2023-02-29T10:00:00Z"',
  '"2024-04-31"',
  '"2024-01-01"',
  '"2024-01-31 23:59:59.123456+05:30"',
  '"2024-12-30T01:02:03-0800"',
  '"2024-01-01T10:00:00.1234567Z"',
  '"2024-01-01T10:00:00+18:00"',
  '"2024-01-01T24:00:00Z"',
  '"1969-12-31T23:59:59.999Z"',
  '"0001-01-01"',
  '" 2024-01-01 "',
  '{"a":null,"a":[]}',
  '{"a":null,"b":[]}',
  '{"1":null,"b":null}',
  '{"b":null,"1":null}',
  '{"a":null,"b":null,"c":null}',
  '{"a":null,"b":null,"a":[]}',
  '{"__proto__":[]}',
  String.raw`{"\u0061":[],"a":null}`,
  String.raw`{"\ud800":[]}`,
  '{"a":[],}',
  '[null,]',
  '[ null , null ]',
]
export const neverPlain = new Set<DataType['kind']>(['float', 'decimal', 'binary'])
const oddValues = pick(...oddJson)
const inQuotes = new Set<DataType['kind']>(['string', 'date', 'timestamp', 'timestamp_ntz', 'binary'])
const keys = pick('a', 'b', '', 'é', '__proto__')

/** A value of a type as JSON: plain so many times as not. */
export function jsonOf(type: DataType, plainness: number): fc.Arbitrary<string> {
  const plain = (): fc.Arbitrary<string> => {
    switch (type.kind) {
      case 'struct':
        return objectOf(type.fields, plainness)
      case 'array':
        return fc
          .array(jsonOf(type.element, plainness), { maxLength: 3 })
          .map((items) => `[${items.join(',')}]`)
      case 'map': {
        const entry = fc.tuple(keys, jsonOf(type.value, plainness))
        return fc
          .uniqueArray(entry, { maxLength: 2, selector: ([key]) => key })
          .map((entries) => `{${entries.map(([key, value]) => `"${key}":${value}`).join(', ')}}`)
      }
      default: {
        const text = plainTexts[type.kind]!
        return inQuotes.has(type.kind) ? text.map((one) => JSON.stringify(one)) : text
      }
    }
  }
  return fc.oneof(
    { weight: plainness, arbitrary: plain() },
    { weight: Math.ceil(plainness / 10), arbitrary: fc.constant('null') },
    { weight: 1, arbitrary: oddValues },
  )
}

const [comma, colon] = [pick(',', ', '), pick(':', ': ')]

export function objectOf(of: readonly Field[], plainness: number): fc.Arbitrary<string> {
  const parts = of.map(({ name, type }) =>
    fc
      .tuple(fc.constant(name), jsonOf(type, plainness), fc.nat(5))
      .map(([key, value, absent]) => (absent === 0 ? undefined : ([key, value] as const))),
  )
  const odd = fc.nat(plainness)
  return fc.tuple(fc.tuple(...parts), comma, colon, odd).map(([given, separator, mark, oddness]) => {
    const entries = given.filter((entry) => entry !== undefined)
    if (oddness === 0) entries.reverse()
    if (oddness === 1 && entries[0]) entries.push([entries[0][0], entries.at(-1)![1]])
    if (oddness === 2) entries.push(['unknown', '1'])
    if (oddness === 3 && entries[0]) entries[0] = [entries[0][0].toUpperCase(), entries[0][1]]
    if (oddness === 4) entries.unshift(['_ACP_BATCHID', '"x"'])
    const text = entries.map(([key, value]) => `${JSON.stringify(key)}${mark}${value}`).join(separator)
    return oddness === 5 ? `{${text},}` : oddness === 6 ? `{ ${text} }` : `{${text}}`
  })
}

export const oddLines = [
  '',
  ' ',
  '{}',
  '[1]',
  'null',
  '{"text":"a"',
  '{"text":"a"} {"text":"b"}',
  '{,"text":"a"}',
  '{"text":"a" "i":1}',
  '{"text":\'a\'}',
  '{"text":"a"} //',
  '{"list":[1,]}',
  '{"list":[1 2]}',
  '\uFEFF{"i":1}',
  'x',
]

/** A field of CSV: quotes where they must be, and now and then where they need not. */
export function cellOf(type: DataType, plainness: number): fc.Arbitrary<string> {
  const isText = inQuotes.has(type.kind)
  const value = isText
    ? fc.oneof({ weight: plainness, arbitrary: plainTexts[type.kind]! }, { weight: 1, arbitrary: oddValues })
    : jsonOf(type, plainness).map((text) => (text === 'null' ? '' : text))
  return fc.tuple(value, fc.nat(9)).map(([text, quotes]) => {
    if (text === '' && quotes > 2) return ''
    return /[",\r\n]/.test(text) || quotes === 0 ? `"${text.replaceAll('"', '""')}"` : text
  })
}
