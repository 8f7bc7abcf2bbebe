import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { createEncoder } from '#encode/encoder.ts'
import type { Encoding } from '#encode/encoding.ts'
import { doubleText } from '#encode/text.ts'
import type { Field } from '#types/data-type.ts'
import { doubleSql } from './plain-sql.ts'
import { openStatement } from './statement.ts'

let connection: DuckDBConnection

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  connection = await instance.connect()
  await connection.run(`SET TimeZone = 'UTC'; SET preserve_insertion_order = false`)
})
afterAll(() => connection.closeSync())

const bits = new DataView(new ArrayBuffer(8))
/** Every double there is, and those that people write and that are near the edges. */
const double = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => {
    bits.setBigUint64(0, value)
    return bits.getFloat64(0)
  }),
  fc
    .tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 25 }))
    .map(([value, digits]) => value / 10 ** digits),
  fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 3 })).map(([value, shift]) => value * 2 ** shift),
  fc.integer({ min: -330, max: 310 }).map((exponent) => Number(`1e${exponent}`)),
  fc
    .constantFrom(1e-4, 1e15, 1e16, 2 ** 53, 1e-3, 1e6, 123_456_789_012_345.6)
    .chain((edge) => fc.integer({ min: -3, max: 3 }).map((steps) => edge * (1 + steps * Number.EPSILON))),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, -1e15, -1.5e15, 1e15 + 0.125),
)

const literal = (value: number): string => {
  bits.setFloat64(0, value)
  return Number.isFinite(value) && !Object.is(value, -0)
    ? `${value.toExponential()}::DOUBLE`
    : `'${Object.is(value, -0) ? '-0' : value}'::DOUBLE`
}

test('doubles have one text, whether the engine prints them or we do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(double, { minLength: 1, maxLength: 300 }), async (values) => {
      const rows = values.map((value, index) => `(${index}, ${literal(value)})`).join(', ')
      const printed = await connection.runAndReadAll(
        `SELECT ${doubleSql('v')}, v FROM (VALUES ${rows}) AS t(i, v) ORDER BY i`,
      )
      for (const [text, value] of printed.getRows()) expect(text).toBe(doubleText(value as number))
    }),
    { numRuns: 60 },
  )
})

const columns: readonly Field[] = [
  { name: 'whole', type: { kind: 'long' } },
  { name: 'number', type: { kind: 'double' } },
  { name: 'other', type: { kind: 'double' } },
]

async function allRows(sql: string, encoding: Encoding, of = columns): Promise<string> {
  const rows = await openStatement({ connection }, { sql, encoding, columns: of })
  const pieces: Uint8Array[] = []
  for (;;) {
    const { bytes, isLast } = await rows.pull(1_000, 100_000)
    pieces.push(bytes)
    if (isLast) return Buffer.concat(pieces).toString('latin1')
  }
}

const ofEach = (format: 0 | 1): Encoding => ({ kind: 'postgres', formats: [format, format, format] })
const copyOf = (delimiter: string): Encoding => ({
  kind: 'copy',
  form: { kind: 'text', delimiter, null: '\\N', header: false },
})

test('texts of numbers keep the order and the gaps of their rows, whatever the engine has them as', async () => {
  const sql = `SELECT i, i / 7, CASE WHEN i % 3 > 0 THEN (i / 8)::DECIMAL(18, 3) END FROM range(20000) AS r(i) ORDER BY hash(i)`
  const ids = (await connection.runAndReadAll(sql)).getRows().map(([id]) => id as bigint)
  const valuesOf = (id: bigint): (bigint | number | null)[] => {
    const number = Number(id)
    // As a decimal of three digits, halves rounded up.
    return [id, number / 7, number % 3 > 0 ? Math.round((number * 1000) / 8) / 1000 : null]
  }
  const rows = ids.map(valuesOf)
  for (const encoding of [ofEach(0), ofEach(1), copyOf('\t'), copyOf('.'), copyOf('5')]) {
    const encoder = createEncoder(encoding, columns)
    encoder.add({ rowCount: rows.length, value: (column, row) => rows[row]![column]! })
    expect((await allRows(sql, encoding)) === Buffer.from(encoder.finish()).toString('latin1')).toBe(true)
  }
})

test('a text that closes parentheses it has not opened is refused, with numbers and without', async () => {
  const names = `query("column 0", "column 1", "column 2")`
  const sql = `SELECT 1::BIGINT, 2, 3) AS ${names} UNION ALL SELECT * FROM (SELECT 4::BIGINT, 5, 6`
  await expect(allRows(sql, ofEach(0))).rejects.toThrow(/syntax error/i)
  await expect(allRows(sql, ofEach(1))).rejects.toThrow(/syntax error/i)
})

test('what fails after the first rows is a failure with its reason, not the end of the rows', async () => {
  const rows = (last: string): string =>
    `SELECT i, i / 7, CASE WHEN i = 399999 THEN ${last} END::DECIMAL(18, 3) FROM failing`
  await connection.run('CREATE OR REPLACE TABLE failing AS SELECT i FROM range(400000) AS r(i)')
  for (const format of [0, 1] as const) {
    await expect(allRows(rows(`error('late')`), ofEach(format))).rejects.toThrow(/late/)
  }
})
