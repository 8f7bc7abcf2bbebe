import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance, type Json } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import {
  arrayType,
  binaryType,
  booleanType,
  byteType,
  dateType,
  decimalType,
  doubleType,
  type Field,
  floatType,
  integerType,
  longType,
  mapType,
  shortType,
  stringType,
  structType,
  timestampType,
} from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { PreparedFile, preparedSql } from './prepared-file.ts'
import { textReader } from './primitive-readers.ts'
import { parseJson } from './raw-json.ts'
import { fieldsReader, valueReader } from './value-readers.ts'

let connection: DuckDBConnection
let folder: string
let files = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-readers-'))
  connection = await (await DuckDBInstance.create()).connect()
  await connection.run("SET TimeZone = 'UTC'")
})

afterAll(async () => {
  connection.closeSync()
  await rm(folder, { recursive: true })
})

const rowsOf = async (sql: string): Promise<Json[][]> => (await connection.runAndReadAll(sql)).getRowsJson()

/** What the engine makes of prepared rows. */
async function throughEngine(fields: readonly Field[], rows: readonly (readonly (string | null)[])[]) {
  await using prepared = await PreparedFile.create(join(folder, `${(files += 1)}`), fields)
  for (const row of rows) expect(prepared.add(row)).toBe(true)
  await prepared.flush(true)
  return await rowsOf(preparedSql(prepared, fields))
}

type Primitive = Parameters<typeof textReader>[0]

const cases: readonly { type: Primitive; takes: readonly string[]; refuses: readonly string[] }[] = [
  { type: booleanType, takes: ['true', 'False', '0', '1'], refuses: ['yes', '', '2'] },
  { type: byteType, takes: ['-128', '127', '+5', ' 7 '], refuses: ['128', '-129', '1.5', '0x1', '1e1', ''] },
  { type: shortType, takes: ['32767', '-32768'], refuses: ['32768', '-32769'] },
  { type: integerType, takes: ['2147483647', '-2147483648', '12.00', '007'], refuses: ['2147483648', '1_0'] },
  {
    type: longType,
    takes: ['9223372036854775807', '-9223372036854775808', '0'.repeat(30)],
    refuses: ['9223372036854775808', '-9223372036854775809', '1'.repeat(25), 'NaN', '-'],
  },
  {
    type: floatType,
    takes: ['1.5', '-3e38', 'NaN', 'Infinity', '.5', '5.', '+.5', '-.5'],
    refuses: ['1e39', '1,5', 'x'],
  },
  {
    type: doubleType,
    takes: ['1e308', '-0', '1E-5', '+1', '007', ' -01.50 ', '+00', '-00e1'],
    refuses: ['1e309', '', '1e', '--1'],
  },
  {
    type: decimalType(10, 2) as Primitive,
    takes: ['1.5', '-99999999.99', '1.500', '1e3', '150e-2', '.5', '000123'],
    refuses: ['1.501', '100000000', '1e9', '1e-3', '.', ''],
  },
  {
    type: binaryType,
    takes: ['', 'AP8=', 'aGVsbG8=', String.raw`\x`, String.raw`\xdeadBEEF`],
    refuses: ['AP8', '!', 'aGVsbG8', String.raw`\xabc`],
  },
  {
    type: dateType,
    takes: ['2024-02-29', '0001-01-01', '9999-12-31'],
    refuses: ['2023-02-29', '2024-13-01', '24-01-01'],
  },
  {
    type: timestampType,
    takes: [
      '2024-01-01',
      '2024-01-01T10:00',
      '2024-01-01 10:00:00.123456789Z',
      '2024-12-31t23:59:59+05:30',
      '2024-01-01 10:00:00 -0800',
    ],
    refuses: [
      '2024-01-01T24:00:00Z',
      '2024-01-01T10:60',
      '2024-01-01T10:00:00+19:00',
      '1700000000000',
      '2024-02-30T00:00:00Z',
    ],
  },
]

describe.each(cases)('$type', ({ type, takes, refuses }) => {
  const read = textReader(type)

  test.each(takes)('takes %j, and so does the engine, for a column and for a list in JSON', async (text) => {
    const given = read(text)
    expect(given).toBeDefined()
    const [[value] = []] = await rowsOf(`SELECT TRY_CAST(${quoteLiteral(given!)} AS ${duckdbType(type)})`)
    expect(value).not.toBeNull()
    const list = arrayType(type)
    const json = valueReader(list, 'v')([text]) as string
    const [[values] = []] = await throughEngine([{ name: 'v', type: list }], [[json]])
    expect(values).toEqual([value])
  })

  test.each(refuses)('refuses %j', (text) => {
    expect(read(text)).toBeUndefined()
  })
})

test('whatever text a type takes, the engine takes too', async () => {
  const texts = fc.oneof(
    fc.string({ unit: fc.constantFrom(...Array.from('0123456789+-.eE:TZ /NaInf')), maxLength: 24 }),
    fc
      .date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') })
      .map((date) => date.toISOString()),
    fc.double().map(String),
    fc.bigInt().map(String),
  )
  const taken = fc.sample(texts, 5_000).flatMap((text) =>
    cases.flatMap(({ type }) => {
      const given = textReader(type)(text)
      return given === undefined ? [] : [{ given, type: duckdbType(type) }]
    }),
  )
  expect(taken.length).toBeGreaterThan(1_000)
  for (const type of new Set(taken.map((one) => one.type))) {
    const values = taken.filter((one) => one.type === type).map(({ given }) => `(${quoteLiteral(given)})`)
    expect(
      await rowsOf(`SELECT t FROM (VALUES ${values.join(', ')}) v(t) WHERE TRY_CAST(t AS ${type}) IS NULL`),
    ).toEqual([])
    // Bytes are made of texts of JSON, not by it.
    if (type === duckdbType(binaryType)) continue
    expect(
      await rowsOf(
        `SELECT t FROM (VALUES ${values.join(', ')}) v(t) WHERE TRY_CAST(to_json([t]) AS ${type}[])[1] IS DISTINCT FROM TRY_CAST(t AS ${type})`,
      ),
    ).toEqual([])
  }
})

test('texts of any characters come through the prepared file as they are', async () => {
  const fields = [
    { name: 'one', type: stringType },
    { name: 'ONE more "name"', type: stringType },
  ]
  const text = fc.option(
    fc.string({
      unit: fc.oneof(
        fc.constantFrom('\u0001', '\u0004', '\n', '\r', '"', ',', '1', 'n', 'e', '\\'),
        fc.string({ unit: 'binary', maxLength: 1 }).filter((one) => one !== '\0'),
      ),
      maxLength: 12,
    }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(text, text), { maxLength: 20 }), async (rows) => {
      expect(await throughEngine(fields, rows)).toEqual(rows)
    }),
    { numRuns: 30 },
  )
})

test('a NUL or half a character is no text of a table', async () => {
  await using prepared = await PreparedFile.create(join(folder, 'bad'), [{ name: 'a', type: stringType }])
  expect([prepared.add(['a\0']), prepared.add(['\ud800']), prepared.rowCount]).toEqual([false, false, 0])
})

test('nested values keep every digit and all their fields', async () => {
  const type = structType([
    { name: 'id', type: longType },
    { name: 'price', type: decimalType(38, 10) },
    { name: 'tags', type: mapType(stringType, arrayType(integerType)) },
    {
      name: 'events',
      type: arrayType(
        structType([
          { name: 'at', type: timestampType },
          { name: 'text', type: stringType },
        ]),
      ),
    },
    { name: 'raw', type: binaryType },
    { name: 'missing', type: structType([{ name: 'x', type: dateType }]) },
  ])
  const text = valueReader(
    type,
    'v',
  )(
    parseJson(
      '{"id":9007199254740993,"price":12345678901234567890.1234567891,"tags":{"a":[1,null],"b":[]},"EVENTS":[{"at":"2024-01-01T10:00:00+02:00","text":"\\u0001 \\n"},null],"raw":"AP8="}',
    ),
  )
  const [[value] = []] = await throughEngine([{ name: 'v', type }], [[text as string], [null]])
  expect(value).toEqual({
    id: '9007199254740993',
    price: '12345678901234567890.1234567891',
    tags: [
      { key: 'a', value: [1, null] },
      { key: 'b', value: [] },
    ],
    events: [{ at: '2024-01-01 08:00:00+00', text: '\u0001 \n' }, null],
    raw: String.raw`\x00\xFF`,
    missing: null,
  })
})

describe('a row that does not fit says where', () => {
  const fields: readonly Field[] = [
    { name: 'id', type: longType },
    {
      name: 'who',
      type: structType([
        { name: 'age', type: byteType },
        { name: 'name', type: stringType },
      ]),
    },
    { name: 'list', type: arrayType(arrayType(dateType)) },
    { name: 'any', type: stringType },
    { name: 'double', type: doubleType },
  ]
  const required = [['id'], ['who', 'name']]
  const read = fieldsReader(fields, '', { required })
  const look = fieldsReader(fields, '', { required, isForLook: true })

  test.each<[object, string]>([
    [{ id: 'x' }, 'the field "id" is bigint, "x" came'],
    [{ id: 1.5 }, 'the field "id" is bigint, "1.5" came'],
    [{ id: { a: 1 } }, 'the field "id" is bigint, "{\\"a\\":1}" came'],
    [{ id: 1, who: [] }, 'the field "who" is struct<age:tinyint,name:string>, "[]" came'],
    [{ id: 1, who: { age: 300, name: 'n' } }, 'the field "who.age" is tinyint, "300" came'],
    [{ id: 1, list: [[], ['2024-01-01', 'no']] }, 'the field "list[][]" is date, "no" came'],
    [{ id: 1, other: 1 }, 'the dataset has no field "other"'],
    [{ id: 1, who: { name: 'n', x: 1 } }, 'the dataset has no field "who.x"'],
    [{ id: 1, who: { name: 'n', _acp_x: 1 } }, 'the dataset has no field "who._acp_x"'],
    [{ id: 1, double: Infinity }, 'the field "double" is double, "Infinity" came'],
    [{ id: 1, any: -Infinity }, 'the field "any" is string, "-Infinity" came'],
    [{}, 'the required field "id" is missing'],
    [{ id: null }, 'the required field "id" is missing'],
    [{ id: 1, who: { age: 3 } }, 'the required field "who.name" is missing'],
  ])('%j', (row, reason) => {
    for (const result of [read(row), look(row)]) expect(result).toEqual(expect.objectContaining({ reason }))
  })

  test('text columns take every value; NULL fields that nobody knows, and what another lake said of the row, do no harm', () => {
    expect(read({ ID: 1, any: { a: [1] }, unknown: null })).toEqual(['1', null, null, '{"a":[1]}', null])
    expect(read({ id: 1, _ACP_BATCHID: 'b', _acp_system_metadata: {} })).toEqual([
      '1',
      null,
      null,
      null,
      null,
    ])
    expect(read({ id: 1, any: 2.5, who: { name: '' } })).toEqual([
      '1',
      '{"age":null,"name":""}',
      null,
      '2.5',
      null,
    ])
    expect(look({ id: 1, any: 2.5, who: { name: '' } })).toEqual(['1', '', null, '2.5', null])
  })
})
