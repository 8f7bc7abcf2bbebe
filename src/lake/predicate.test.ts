import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { quoteLiteral } from '../base/sql-text.ts'
import {
  arrayType,
  booleanType,
  type DataType,
  dateType,
  decimalType,
  doubleType,
  floatType,
  longType,
  shortType,
  stringType,
  structType,
  timestampType,
} from '../types/data-type.ts'
import { duckdbType } from '../types/duckdb.ts'
import { icebergStruct } from '../types/iceberg.ts'
import { encodeBound } from './iceberg/single-value.ts'
import type { Predicate } from './lake.ts'
import { filePredicate } from './predicate.ts'
import { testLake } from '../../test/support/lake.ts'

interface Column {
  readonly name: string
  readonly type: DataType
  /** Texts of values that the engine casts; what predicates say is made from them, too. */
  readonly values: fc.Arbitrary<string>
  readonly predicateValue: (text: string) => Predicate['value']
}

const asText = (text: string): string => text
const integer = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(String)
const numbers = fc.oneof(
  fc.constantFrom('0', '-0.0', 'nan', 'inf', '-inf', '0.1', '1e300', '9007199254740993'),
  fc.integer({ min: -5, max: 5 }).map((value) => String(value / 4)),
)
const day = fc.integer({ min: 0, max: 6 }).map((day) => `2026-01-0${day + 1}`)

const columns: readonly Column[] = [
  {
    name: 'long',
    type: longType,
    values: fc.oneof(integer(-3n, 3n), integer(2n ** 53n - 2n, 2n ** 53n + 2n)),
    predicateValue: BigInt,
  },
  {
    name: 'long as double',
    type: longType,
    values: integer(2n ** 53n - 3n, 2n ** 53n + 3n),
    predicateValue: Number,
  },
  { name: 'short', type: shortType, values: integer(-4n, 4n), predicateValue: Number },
  { name: 'double', type: doubleType, values: numbers, predicateValue: numberOf },
  {
    name: 'float',
    type: floatType,
    values: fc.constantFrom('0.1', '-0.0', '0', '0.30000001', '0.3', 'nan', 'inf', '16777217'),
    predicateValue: numberOf,
  },
  {
    name: 'decimal',
    type: decimalType(20, 3),
    values: fc.integer({ min: -4000, max: 4000 }).map((value) => (value / 1000).toFixed(3)),
    predicateValue: asText,
  },
  {
    name: 'decimal as double',
    type: decimalType(38, 20),
    values: fc.constantFrom('0.10000000000000000001', '0.1', '0.09999999999999999999', '0.3'),
    predicateValue: Number,
  },
  {
    name: 'text',
    type: stringType,
    values: fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'b', '\u{ff5e}', '\u{1f600}', "'"), maxLength: 3 }),
      fc.string({ unit: fc.constantFrom('a', '\u{10ffff}'), minLength: 15, maxLength: 19 }),
    ),
    predicateValue: asText,
  },
  { name: 'date', type: dateType, values: day, predicateValue: asText },
  {
    name: 'timestamp',
    type: timestampType,
    values: fc
      .tuple(day, fc.constantFrom('00:00:00', '12:30:00.000001', '23:59:59.999999'))
      .map(([d, t]) => `${d}T${t}Z`),
    predicateValue: asText,
  },
  {
    name: 'flag',
    type: booleanType,
    values: fc.constantFrom('true', 'false'),
    predicateValue: (text) => text === 'true',
  },
]
const schema = structType(columns.map(({ name, type }) => ({ name, type })))
const row = fc.tuple(...columns.map((column) => fc.option(column.values, { freq: 5 })))
const operators = ['=', '<', '<=', '>', '>='] as const

test('what a pruned plan returns, filtered, is what the whole table returns, filtered', async () => {
  await using place = await testLake()
  const table = await place.table(schema, { dayColumn: 'timestamp', clusterBy: ['`long as double`'] })
  const batches = fc.sample(fc.array(row, { minLength: 1, maxLength: 12 }), { numRuns: 25, seed: 20_260_101 })
  for (const rows of batches) await place.append(table, `VALUES ${rows.map(valuesSql).join(', ')}`)
  const { snapshotId } = (await place.lake.snapshot(table.id))!
  const whole = await place.lake.plan({ tableId: table.id, snapshotId })
  expect(whole.rowCount).toBe(batches.flat().length)

  const compared = fc
    .constantFrom(...columns)
    .chain((column) => fc.tuple(fc.constant(column), column.values, fc.constantFrom(...operators)))
  const asked = fc
    .sample(fc.array(compared, { minLength: 1, maxLength: 2 }), { numRuns: 120, seed: 42 })
    .map((list) => ({
      predicates: list.map(([column, text, operator]) => ({
        column: column.name,
        operator,
        value: column.predicateValue(text),
      })),
      filter: list
        .map(([column, text, operator]) => `"${column.name}" ${operator} ${literal(column, text)}`)
        .join(' AND '),
    }))
  const digests = async (plan: typeof whole, filters: readonly string[]) => {
    const digest = filters.map(
      (filter) => `[count(*) FILTER (${filter}), (sum(hash(x)) FILTER (${filter}) % 1000000007)::BIGINT]`,
    )
    const sql = `(SELECT unnest([${digest.join(', ')}]) AS digest FROM ${plan.sql} AS x)`
    return await place.rows({ ...plan, sql }, [{ name: 'digest', type: arrayType(longType) }])
  }
  // The whole table is read once, for all of them.
  const expected = await digests(
    whole,
    asked.map(({ filter }) => filter),
  )
  let skippedCount = 0
  for (const [index, { predicates, filter }] of asked.entries()) {
    const pruned = await place.lake.plan({ tableId: table.id, snapshotId, predicates })
    skippedCount += pruned.filesSkipped
    expect(pruned.files.length + pruned.filesSkipped).toBe(whole.files.length)
    expect(await digests(pruned, [filter]), filter).toEqual([expected[index]])
  }
  expect(skippedCount).toBeGreaterThan(0)
})

/** As the binder would print it: a double against a column of another type is compared as double. */
function literal(column: Column, text: string): string {
  const type =
    column.name.endsWith('as double') || column.name === 'float' ? 'DOUBLE' : duckdbType(column.type)
  return `${quoteLiteral(text)}::${type}`
}

function valuesSql(values: readonly (string | null)[]): string {
  const cells = values.map((text, index) => {
    const type = duckdbType(columns[index]!.type)
    return text === null ? `NULL::${type}` : `${quoteLiteral(text)}::${type}`
  })
  return `(${cells.join(', ')})`
}

function numberOf(text: string): number {
  if (text === 'nan') return Number.NaN
  return text.endsWith('inf') ? (text === 'inf' ? Infinity : -Infinity) : Number(text)
}

test.each<[string, DataType, string, Predicate['operator'], Predicate['value']]>([
  ['a float that the engine may round the value to', floatType, '0.1', '=', 0.1],
  [
    'a decimal that is the value once it is a double',
    decimalType(38, 20),
    '0.10000000000000000001',
    '<=',
    0.1,
  ],
  [
    'a decimal of which the double may end one digit off',
    decimalType(38, 2),
    '4503599627370497.51',
    '=',
    Number('4503599627370497.5'),
  ],
  ['an integer that is the value once it is a double', longType, '9007199254740993', '<=', 9007199254740992],
  ['a date before the time of the value', dateType, '2026-01-01', '<', '2026-01-01T10:00:00Z'],
  ['a text above one that is longer in UTF-16', stringType, '\u{ff5e}', '<', '\u{1f600}'],
  ['NULL-less NaN', doubleType, '1', '<', Number.NaN],
])('a file is not skipped that holds only %s', (_what, type, text, operator, value) => {
  const icebergType = icebergStruct(structType([{ name: 'a', type }])).struct.fields[0]!.type as string
  const predicate = filePredicate(
    { column: 'a', operator, value },
    { id: 1, type: icebergType, isDayColumn: false },
  )
  const [lower, upper] = [encodeBound(icebergType, text, 'lower'), encodeBound(icebergType, text, 'upper')]
  expect(lower && upper).toBeDefined()
  expect(predicate?.mayMatch(lower, upper) ?? true).toBe(true)
})
