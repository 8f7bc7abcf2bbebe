import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import type { FileFormat } from './file-format.ts'
import { countJsonLines } from './json-lines.ts'
import { type RandomAccess, recountParquet } from './parquet.ts'
import { readBack } from './read-back.ts'

let folder: string
const files = new Map<string, Buffer>()
const rowCount = 300_000

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-formats-'))
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  const rows = `select i as id, 'name ' || i as name, case when i % 3 = 0 then null else {'a': i, 'b': [i, i + 1]} end as nested, map {'k': i} as tags from range(${rowCount}) t(i)`
  for (const codec of ['zstd', 'gzip', 'uncompressed', 'snappy']) {
    const path = join(folder, `${codec}.parquet`)
    await connection.run(`copy (${rows}) to '${path}' (format parquet, compression ${codec})`)
    files.set(codec, await readFile(path))
  }
  const path = join(folder, 'rows.json')
  await connection.run(`copy (${rows} limit 1000) to '${path}' (format json)`)
  files.set('json', await readFile(path))
  connection.closeSync()
  instance.closeSync()
})

afterAll(() => rm(folder, { recursive: true }))

const parquet: FileFormat = { kind: 'parquet', compression: 'zstd' }
const file = (name: string) => files.get(name)!

async function* inPieces(bytes: Uint8Array, pieceBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

const access = (bytes: Uint8Array): RandomAccess => ({
  bytes: bytes.byteLength,
  read: async (start, end) => new Uint8Array(bytes.subarray(start, end)),
})

test.each(['zstd', 'gzip', 'uncompressed', 'snappy'])(
  'a Parquet file (%s) is counted twice over',
  async (codec) => {
    expect(await readBack(parquet, inPieces(file(codec)))).toMatchObject({
      rowCount,
      bytes: file(codec).byteLength,
    })
    expect(await recountParquet(access(file(codec)))).toBe(rowCount)
  },
)

test('failure 13, 19: a Parquet file without its footer, or with none of its bytes, is refused', async () => {
  const whole = file('zstd')
  for (const end of [0, 3, 4, 100, whole.byteLength - 9, whole.byteLength - 1]) {
    const torn = whole.subarray(0, end)
    await expect(readBack(parquet, inPieces(torn))).rejects.toMatchObject({ code: 'file.torn' })
    await expect(recountParquet(access(torn))).rejects.toMatchObject({ code: 'file.torn' })
  }
})

test('a Parquet file that misses bytes in its middle is refused', async () => {
  const whole = file('zstd')
  const torn = Buffer.concat([whole.subarray(0, 1_000), whole.subarray(whole.byteLength - 5_000)])
  await expect(readBack(parquet, inPieces(torn))).rejects.toMatchObject({ code: 'file.torn' })
})

test.each(['none', 'gzip', 'zstd'] as const)(
  'JSON lines (%s) are counted however they are cut',
  async (compression) => {
    const records = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(records, fc.integer({ min: 1, max: 50 }), async (rows, pieceBytes) => {
        const plain = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
        const bytes = { none: () => plain, gzip: () => gzipSync(plain), zstd: () => zstdCompressSync(plain) }[
          compression
        ]()
        expect(await countJsonLines(inPieces(bytes, pieceBytes), compression)).toBe(rows.length)
      }),
      { numRuns: 50 },
    )
  },
)

test('the engine’s JSON is counted', async () => {
  expect(await countJsonLines(inPieces(file('json'), 1_000), 'none')).toBe(1_000)
})

test.each([
  ['no end of the last line', '{"a":1}\n{"a":2}', 'no end'],
  ['half a record', '{"a":1}\n{"a":\n', 'Line 2 is not JSON'],
  ['a record that is no object', '{"a":1}\n[2]\n', 'Line 2 is not a JSON object'],
  ['an empty line', '{"a":1}\n\n', 'Line 2 is not JSON'],
])('JSON lines with %s are refused', async (_what, text, message) => {
  await expect(countJsonLines(inPieces(Buffer.from(text)), 'none')).rejects.toThrow(message)
})

test('JSON lines with bytes that are no text are refused', async () => {
  const broken = Buffer.from('{"a":1}\n{"a":"é"}\n{}\n')
  broken[broken.indexOf(0xc3)] = 0x41
  await expect(countJsonLines(inPieces(broken, 10), 'none')).rejects.toThrow(
    'Line 2, or one that follows, is not UTF-8',
  )
})

test.each([
  ['gzip', gzipSync(Buffer.from('{"a":1}\n'.repeat(1_000)))],
  ['zstd', zstdCompressSync(Buffer.from('{"a":1}\n'.repeat(1_000)))],
] as const)('a %s file cut short is refused', async (compression, bytes) => {
  for (const end of [bytes.byteLength - 1, bytes.byteLength - 9, 5]) {
    await expect(countJsonLines(inPieces(bytes.subarray(0, end)), compression)).rejects.toMatchObject({
      code: 'file.torn',
    })
  }
})

test('lines of JSON are records each, whatever they would be together', async () => {
  const count = async (text: string) =>
    await countJsonLines(inPieces(Buffer.from(text), 1_000_000), 'none').catch(
      (error: Error) => error.message,
    )
  expect(await count('{"a":1}\n{}\n')).toBe(2)
  expect(await count('{"a":"\\n,0,"}\n')).toBe(1)
  expect(await count('{"a":1},{"b":2}\n')).toBe('Line 1 is not JSON.')
  expect(await count('{"a":1},0,{"b":2}\n{"c":3}\n')).toBe('Line 1 is not JSON.')
  expect(await count('{}\n[{\n}]\n')).toBe('Line 2 is not JSON.')
  expect(await count('{"a":"x\ny"}\n{}\n')).toBe('Line 1 is not JSON.')
  expect(await count('{}\n0\n')).toBe('Line 2 is not a JSON object.')
  expect(await count('{}\n\n')).toBe('Line 2 is not JSON.')
})
