import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, describe, expect, it } from 'vitest'
import { registerNatives } from '#engine/duckdb/natives.ts'
import { nativeFunctions } from './natives.ts'

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
      names.filter((name, index) => !name.startsWith('native_') || names.indexOf(name) !== index),
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
