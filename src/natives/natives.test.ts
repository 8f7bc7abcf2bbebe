import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, describe, expect, it } from 'vitest'
import { registerNatives } from '#engine/duckdb/natives.ts'
import { nativeFunctions, nativePrefix } from './natives.ts'

let connection: DuckDBConnection

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  registerNatives(connection)
})

const one = async (sql: string): Promise<unknown> =>
  (await connection.runAndReadAll(`SELECT ${sql}`)).getRowsJson()[0]?.[0]

describe('functions that the engine runs in JavaScript', () => {
  it('have names of their own', () => {
    const names = nativeFunctions.map(({ name }) => name)
    expect(
      names.filter((name, index) => !name.startsWith(nativePrefix) || names.indexOf(name) !== index),
    ).toEqual([])
  })

  it('are NULL for NULL, row by row and in any number of chunks', async () => {
    const rows = "CASE WHEN i % 3 > 0 THEN 'v' || i % 7 END"
    expect(await one(`count(native_hll_coupon(${rows})) FROM range(10000) t(i)`)).toBe('6666')
    expect(await one(`count(DISTINCT native_hll_coupon(${rows})) FROM range(10000) t(i)`)).toBe('7')
  })

  it('end the statement with their error', async () => {
    await expect(one(`native_xpath('<a>', 'a')`)).rejects.toThrow(/not well-formed/)
    expect(await one('1')).toBe(1)
  })

  it('merge to as many bins as were asked for, whatever the numbers are', async () => {
    const bins = async (values: string, most = 3) =>
      await one(`native_histogram(${values}, ${most})`).then((pairs) => (pairs as unknown[]).length)
    expect(await bins("['1', '2', 'NaN', '3', 'NaN', '4', 'NaN', '5', '6', '7']::DOUBLE[]")).toBe(3)
    expect(
      await bins("['-Infinity', '-Infinity', '1', '2', '3', 'Infinity', 'NaN', 'Infinity', '4']::DOUBLE[]"),
    ).toBe(3)
    expect(await bins("list_transform(range(200000), lambda i: 'NaN'::DOUBLE)", 5)).toBe(5)
    expect(await one('native_histogram([1, 2, 4, 8, 9]::DOUBLE[], 3)')).toEqual([
      [1.5, 2],
      [4, 1],
      [8.5, 2],
    ])
    await expect(one('native_histogram([1], 10001)')).rejects.toThrow(/2 to 10000 bins, not 10001/)
  })

  it('write the bits of numbers as Java does', async () => {
    expect(await one(`native_double_bits(-0.0::DOUBLE)`)).toBe('0')
    expect(await one(`native_float_bits('NaN'::DOUBLE)`)).toBe(0x7fc00000)
    const bytes = (digits: string) => one(`hex(native_integer_bytes('${digits}'))`)
    expect(await Promise.all(['0', '-1', '127', '128', '-128', '-129', '65535'].map(bytes))).toEqual([
      '00',
      'FF',
      '7F',
      '0080',
      '80',
      'FF7F',
      '00FFFF',
    ])
  })
})
