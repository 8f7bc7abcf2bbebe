import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { never, testEngine, type TestEngine } from '../../test/support/engine.ts'
import { gzipPieces } from './duckdb/gzip-pieces.ts'
import { linePieces } from './duckdb/line-pieces.ts'

/** The engine writes the texts of files, by expressions that must say what our encoders say of the same rows. */

let its: TestEngine
beforeAll(async () => {
  its = await testEngine()
})
afterAll(() => its[Symbol.asyncDispose]())

/** Values of one type each, the hard ones. */
const values: Readonly<Record<string, readonly string[]>> = {
  BOOLEAN: ['true', 'false'],
  TINYINT: ['-128', '127'],
  SMALLINT: ['-32768', '0'],
  INTEGER: ['2147483647', '-1'],
  BIGINT: ['9223372036854775807', '-9223372036854775808'],
  HUGEINT: ['170141183460469231731687303715884105727 // 10', '-5'],
  'DECIMAL(38, 10)': ['-0.0000000001', '1234567890123456789012345678.5', '0'],
  'DECIMAL(9, 2)': ['-0.5', '1000.1', '-12'],
  'DECIMAL(4, 4)': ['0.5', '-0.5', '0'],
  'DECIMAL(38, 38)': ['-0.00000000000000000000000000000000000001', '0.1'],
  'MAP(DECIMAL(2, 2), DECIMAL(3, 3))': ['MAP {0.25: -0.125}'],
  FLOAT: ['0.1', '16777216', '-3.4028235e38', '1e-30', `'nan'`, `'inf'`, '1.5'],
  DOUBLE: [
    '0.1',
    '-0.0',
    '1e15',
    '123456789012345.0',
    '1e21',
    '1e300',
    '5e-324',
    '1e-7',
    '1/3',
    '2.5e-5',
  ].concat([`'nan'`, `'inf'`, `'-inf'`, '-1e16']),
  VARCHAR: [
    `''`,
    `'plain'`,
    `'a,b'`,
    `'say "x"'`,
    `'"'`,
    `chr(10)`,
    `'a' || chr(13) || 'b'`,
    `'\\'`,
    `chr(1) || chr(31) || chr(127)`,
    `'日本 😀 ß'`,
    `'null'`,
    `' spaced '`,
    `chr(9) || '/' || chr(8232)`,
    `'#'`,
  ],
  BLOB: [`'\\x00\\xFF'::BLOB`, `''::BLOB`],
  JSON: [`'{"a":1}'`],
  UUID: [`'6f1b4b0e-7a7e-4f0c-9a43-000000000001'`],
  TIME: [`'12:34:56.5'`],
  DATE: [
    `'2018-01-18'`,
    `'0001-01-01'`,
    `'0044-03-15 (BC)'`,
    `'9999-12-31'`,
    `'10000-01-01'`,
    `'1582-10-04'`,
  ],
  TIMESTAMP: [
    `'2018-01-18 06:55:53'`,
    `'2018-01-18 06:55:53.1'`,
    `'1969-12-31 23:59:59.999999'`,
    `'0999-01-01 00:00:00.001'`,
    `'0044-03-15 (BC) 01:02:03.000004'`,
    `'12345-01-01 00:00:00'`,
    `'9999-12-31 23:59:59.999'`,
  ],
  TIMESTAMPTZ: [`'2018-01-18 06:55:53.12+02'`, `'0001-01-01 00:00:00+00'`, `'0044-03-15 (BC) 00:00:00+00'`],
  TIMESTAMP_NS: [`'2018-01-18 06:55:53.123456'`],
  INTERVAL: [
    `'14 months 3 days 04:05:06.5'`,
    `'0 days'`,
    `'-1 day'`,
    `'-00:00:00.000001'`,
    `'100:00:00'`,
    `'-14 months'`,
    `'-1 month 2 days -00:00:01'`,
    `'1 day -2 hours'`,
    `'-2 days 3 hours'`,
    `'-1 year 00:00:01'`,
  ],
  'INTEGER[]': ['[]', '[1, NULL, 3]', '[NULL]'],
  'VARCHAR[]': [`['a"b', NULL, '']`],
  'DOUBLE[][]': [`[[1.5, 'nan'::DOUBLE], [], NULL]`],
  'INTEGER[2]': ['[1, 2]'],
  'MAP(VARCHAR, INTEGER[])': [`MAP {'a"': [1], '': NULL}`, 'MAP {}'],
  'MAP(DATE, VARCHAR)': [`MAP {DATE '2018-01-18': 'x'}`],
  'MAP(DOUBLE, BOOLEAN)': [`MAP {1.5: true, 2: false}`],
  'STRUCT(a INTEGER, "b c" VARCHAR)': [`{'a': 1, 'b c': 'x,"y"'}`, `{'a': NULL, 'b c': NULL}`],
  'STRUCT(s STRUCT(t TIMESTAMPTZ, l DECIMAL(5, 2)[]), n INTEGER)': [
    `{'s': {'t': TIMESTAMPTZ '2020-01-01 00:00:00Z', 'l': [1.5]}, 'n': NULL}`,
    `{'s': NULL, 'n': 3}`,
  ],
  'STRUCT(m MAP(VARCHAR, STRUCT(id VARCHAR, "primary" BOOLEAN)[]))[]': [
    `[{'m': MAP {'ECID': [{'id': 'p"', 'primary': true}, NULL], 'email': NULL}}, NULL]`,
  ],
  INT: ['NULL'],
}

const query = (type: string): string =>
  ['NULL', ...values[type]!]
    .map((value, index) => `SELECT ${index} AS n, CAST(${value} AS ${type}) AS "the ""value"""`)
    .join(' UNION ALL ') + ' ORDER BY n'

/** As the encoders write it, which other doors use. */
async function encoded(type: string, kind: 'json' | 'csv'): Promise<string> {
  const columns = await its.engine.describe({ sql: query(type), files: [], pool: 'batch' }, { signal: never })
  const encoding =
    kind === 'json' ? ({ kind: 'jsonLines' } as const) : ({ kind: 'csv', header: true } as const)
  return (
    await its.bytes(query(type), { encoding, columns, files: [], pool: 'batch', signal: never })
  ).toString()
}

async function copied(type: string, kind: 'json' | 'csv'): Promise<string> {
  const { files, rowCount } = await its.copy(query(type), { kind, compression: 'none' })
  expect(rowCount).toBe(values[type]!.length + 1)
  return files.map(({ path }) => readFileSync(path).toString()).join('')
}

const isOfDoubles = (type: string): boolean => /FLOAT|DOUBLE/.test(type)

/** Numbers as they are spelt where all digits count, else by what they are worth. */
function parsed(type: string): (text: string) => unknown {
  // The sign of a zero is left out by the encoders.
  if (isOfDoubles(type)) return (text) => JSON.parse(text.replaceAll(/-0(?=[,\]}])/g, '0'))
  const reviver = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && /^-?\d{16,}|^-?\d+\.\d+$/.test(context?.source ?? '')
      ? context?.source
      : value
  return (text) => JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1])
}

/** Where the engine spells a float, or a double within something, in another way. */
const worth = (text: string): string =>
  text.replaceAll(/-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g, (number) =>
    /[e]|\d{16}/.test(number) ? String(Number(number)) : number,
  )

describe.each(Object.keys(values))('%s', (type) => {
  test('as JSON', async () => {
    const [ours, its] = [await encoded(type, 'json'), await copied(type, 'json')].map((text) =>
      text.trimEnd().split('\n'),
    )
    expect(its!.map(parsed(type))).toEqual(ours!.map(parsed(type)))
  })

  test('as CSV', async () => {
    const [ours, its] = [await encoded(type, 'csv'), await copied(type, 'csv')]
    const seen = isOfDoubles(type) && type !== 'DOUBLE' ? worth : String
    expect(seen(its)).toBe(seen(ours))
  })
})

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

test('pieces compressed at the same time are one stream', async () => {
  const property = fc.asyncProperty(
    fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        fc.nat(90_000).map((n) => Buffer.alloc(n, `${n} `)),
      ),
    ),
    async (pieces) => {
      const stream = Buffer.concat(await all(gzipPieces(from(pieces))))
      expect(gunzipSync(stream).equals(Buffer.concat(pieces))).toBe(true)
    },
  )
  await fc.assert(property, { seed: 1, numRuns: 60 })
})

test('pieces end where rows do, however the bytes come', async () => {
  const cell = fc.oneof(
    fc.constant('plain'),
    fc.constant('"a\nb"'),
    fc.constant('"say ""x""\n"'),
    fc.constant('""'),
  )
  const property = fc.asyncProperty(
    fc.array(fc.tuple(cell, cell)),
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 40 }),
    async (rows, chunkBytes, pieceBytes) => {
      const lines = rows.map((cells) => `${cells.join(',')}\n`)
      const bytes = Buffer.from(lines.join(''))
      const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
        bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
      )
      const pieces = await all(linePieces(from(chunks), { kind: 'csv', pieceBytes }))
      expect(Buffer.concat(pieces.map((piece) => piece.bytes)).equals(bytes)).toBe(true)
      let next = 0
      for (const piece of pieces) {
        expect(piece.bytes.toString()).toBe(lines.slice(next, (next += piece.rowCount)).join(''))
      }
      expect(next).toBe(lines.length)
      const whole = await all(linePieces(from([bytes]), { kind: 'csv', pieceBytes }))
      expect(whole.map(({ rowCount }) => rowCount)).toEqual(pieces.map(({ rowCount }) => rowCount))
    },
  )
  await fc.assert(property, { seed: 1, numRuns: 200 })
})

test('a text without its end is refused', async () => {
  const torn = linePieces(from([Buffer.from('{"a":1}\n{"a"')]), { kind: 'json', pieceBytes: 1_000 })
  await expect(all(torn)).rejects.toThrow('the last row of a text has an end')
})
