import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import { createEncoder } from '#encode/encoder.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Batch } from '#encode/value.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { batchReader } from './values.ts'

let connection: DuckDBConnection

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  connection = await instance.connect()
  await connection.run(`SET TimeZone = 'UTC'`)
})
afterAll(() => connection.closeSync())

/** A kind of column: its values as the engine's text for them. */
interface Kind {
  readonly type: DataType
  readonly sql: fc.Arbitrary<string>
}

const whole = (bits: bigint): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }),
      fc.bigInt({ min: -1_000n, max: 1_000n }),
      ...(bits > 53n ? [fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n })] : []),
    )
    .map(String)
const decimal = (precision: number, scale: number): Kind => ({
  type: { kind: 'decimal', precision, scale },
  sql: fc
    .oneof(
      fc.bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n }),
      fc.bigInt({ min: -20_000n, max: 20_000n }),
    )
    .map((unscaled) => {
      const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
      const point = digits.length - scale
      const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
      return `'${unscaled < 0n ? '-' : ''}${text}'`
    }),
})
const double = fc
  .oneof(
    fc.double(),
    fc.integer().map((value) => value / 7),
    fc.tuple(fc.integer(), fc.integer({ min: 0, max: 9 })).map(([value, digits]) => value / 10 ** digits),
    fc
      .tuple(fc.maxSafeInteger(), fc.integer({ min: 1, max: 9 }))
      .map(([value, digits]) => value / 10 ** digits),
    fc.integer({ min: -300, max: 300 }).map((exponent) => Number(`1e${exponent}`)),
    fc.constantFrom(1e15, 999_999_999_999_999, 123_456_789_012_345.6, 2 ** 53, 1e-5, 0, -0),
  )
  .map((value) => quoteLiteral(Object.is(value, -0) ? '-0' : String(value)))
const float = fc
  .oneof(
    fc.float(),
    fc.integer({ min: -1_000_000, max: 1_000_000 }).map((value) => Math.fround(value / 7)),
  )
  .map((value) => quoteLiteral(Object.is(value, -0) ? '-0' : String(value)))
const micros = fc
  .oneof(
    fc.bigInt({ min: -(9n * 10n ** 18n), max: 9n * 10n ** 18n }),
    fc.bigInt({ min: -(7n * 10n ** 16n), max: 3n * 10n ** 17n }),
    fc.integer({ min: -30_000, max: 50_000 }).map((days) => BigInt(days) * 86_400_000_000n),
    fc.integer({ min: -30_000, max: 50_000 }).map((days) => BigInt(days) * 86_400_000_000n - 1n),
    fc.integer().map((ms) => BigInt(ms) * 1_000n),
  )
  .map((value) => `make_timestamp(${value})`)
const text = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom('a', '\t', '\n', '\\', '\b', '\v', '\f', '\r', '"', ',', '|', 'é', '\uFEFF'),
    }),
    fc.integer({ min: 10, max: 15 }).map((length) => 'x'.repeat(length)),
    fc.integer({ min: 0, max: 9_000 }).map((length) => 'long'.repeat(length)),
  )
  .map((value) => value.replaceAll('\0', ''))
const bytes = fc
  .uint8Array({ maxLength: 40 })
  .map((value) => `unhex('${Buffer.from(value).toString('hex')}')`)

const kinds: readonly Kind[] = [
  { type: { kind: 'boolean' }, sql: fc.boolean().map(String) },
  { type: { kind: 'byte' }, sql: whole(8n) },
  { type: { kind: 'short' }, sql: whole(16n) },
  { type: { kind: 'integer' }, sql: whole(32n) },
  { type: { kind: 'long' }, sql: whole(64n) },
  { type: { kind: 'float' }, sql: float },
  { type: { kind: 'double' }, sql: double },
  decimal(4, 2),
  decimal(4, 4),
  decimal(9, 0),
  decimal(9, 5),
  decimal(18, 3),
  decimal(18, 12),
  decimal(18, 15),
  decimal(38, 10),
  { type: { kind: 'string' }, sql: text.map(quoteLiteral) },
  { type: { kind: 'binary' }, sql: bytes },
  {
    type: { kind: 'date' },
    sql: fc
      .oneof(
        fc.integer({ min: -1_500_000, max: 4_000_000 }),
        fc.integer({ min: -719_164, max: -719_160 }),
        fc.integer({ min: 2_932_894, max: 2_932_898 }),
        fc.integer({ min: -150_000, max: 150_000 }),
      )
      .map((days) => `DATE '1970-01-01' + ${days}`),
  },
  { type: { kind: 'timestamp' }, sql: micros },
  { type: { kind: 'timestamp_ntz' }, sql: micros },
  {
    type: { kind: 'interval' },
    sql: fc.integer().map((value) => `to_seconds(${value}) + to_days(${value % 99})`),
  },
  {
    type: { kind: 'array', element: { kind: 'string' } },
    sql: fc.array(text, { maxLength: 3 }).map((items) => `[${items.map(quoteLiteral).join(', ')}]`),
  },
  { type: { kind: 'void' }, sql: fc.constant('NULL') },
]
const columns: readonly Field[] = kinds.map(({ type }, index) => ({ name: `c${index}`, type }))
const anyRow = fc.tuple(
  ...kinds.map(({ sql, type }) =>
    fc.option(sql, { nil: 'NULL' }).map((value) => `TRY_CAST(${value} AS ${duckdbType(type)})`),
  ),
)

const encodings: readonly Encoding[] = [
  { kind: 'postgres', formats: columns.map(() => 0) },
  { kind: 'postgres', formats: columns.map(() => 1) },
  { kind: 'copy', form: { kind: 'binary' } },
  ...['\t', '|', ',', '-', '.', '\b', '"'].map(
    (delimiter) =>
      ({
        kind: 'copy',
        form: { kind: 'text', delimiter, null: delimiter === ',' ? 'é' : '\\N', header: true },
      }) as const,
  ),
  {
    kind: 'copy',
    form: { kind: 'csv', delimiter: ',', null: '', header: false, quote: '"', escape: '"', forceQuote: [] },
  },
]

/** The batches of a query, whose floats stay floats. */
async function batchesOf(sql: string, of: readonly Field[]): Promise<Batch[]> {
  const result = await connection.stream(sql)
  const read = batchReader(of, result.columnTypes())
  const batches: Batch[] = []
  for (;;) {
    const chunk = await result.fetchChunk()
    if (!chunk || chunk.rowCount === 0) return batches
    batches.push(read(chunk))
  }
}

function encoded(encoding: Encoding, of: readonly Field[], batches: readonly Batch[]): string {
  const encoder = createEncoder(encoding, of)
  for (const batch of batches) encoder.add(batch)
  return Buffer.from(encoder.finish()).toString('latin1')
}

test('rows written from memory are byte for byte those written value by value', async () => {
  const rows = fc.array(anyRow, { minLength: 1, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(rows, async (values) => {
      const sql = `FROM (VALUES ${values.map((row) => `(${row.join(', ')})`).join(', ')}) AS t(${columns.map(({ name }) => name).join(', ')})`
      const batches = await batchesOf(sql, columns)
      const slow = batches.map(({ raw: _raw, ...batch }) => batch)
      for (const encoding of encodings) {
        expect(encoded(encoding, columns, batches)).toBe(encoded(encoding, columns, slow))
      }
    }),
    { numRuns: 40 },
  )
}, 60_000)

test('texts are those that went in, wherever the engine keeps them', async () => {
  const of: readonly Field[] = [{ name: 't', type: { kind: 'string' } }]
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(text), { minLength: 1, maxLength: 300 }), async (texts) => {
      const rows = texts.map((value, index) => `(${index}, ${value === null ? 'NULL' : quoteLiteral(value)})`)
      const sql = `SELECT t FROM (VALUES ${rows.join(', ')}) AS v(i, t) ORDER BY i`
      const [batch] = await batchesOf(sql, of)
      expect(texts.map((_, row) => batch?.value(0, row))).toEqual(texts)
    }),
    { numRuns: 60 },
  )
}, 60_000)

test('texts that lie here and there in memory, and those of dictionaries, are found', async () => {
  const of: readonly Field[] = [
    { name: 'i', type: { kind: 'long' } },
    { name: 't', type: { kind: 'string' } },
  ]
  const queries = [
    `SELECT i, t FROM rows ORDER BY md5(i::VARCHAR)`,
    `SELECT rows.i, other.t FROM rows JOIN rows AS other ON other.i = rows.i`,
    `SELECT i, t FROM rows WHERE i % 7 = 0`,
  ]
  await connection.run(
    `CREATE TEMP TABLE rows AS SELECT i, CASE WHEN i % 5 > 0 THEN repeat(i::VARCHAR || ' ', (i % 23 * 7)::INT) END AS t FROM range(20000) AS r(i)`,
  )
  for (const sql of queries) {
    for (const batch of await batchesOf(sql, of)) {
      for (let row = 0; row < batch.rowCount; row++) {
        const i = Number(batch.value(0, row))
        const expected = i % 5 > 0 ? `${i} `.repeat((i % 23) * 7) : null
        if (batch.value(1, row) !== expected) expect(batch.value(1, row)).toBe(expected)
      }
    }
  }
})

test('texts too large to be copied together are read one by one', async () => {
  const sql = `SELECT CASE WHEN i % 5 > 0 THEN i || repeat('ä', 30000) END AS t FROM range(2048) AS r(i)`
  const [batch] = await batchesOf(sql, [{ name: 't', type: { kind: 'string' } }])
  expect(batch?.rowCount).toBe(2048)
  expect(batch?.raw?.column(0)).toBeUndefined()
  for (const row of [0, 1, 2, 1033, 2045, 2047]) {
    const text = batch?.value(0, row)
    if (text !== (row % 5 > 0 ? `${row}${'ä'.repeat(30_000)}` : null)) expect(text).toBe(`text ${row}`)
  }
})
