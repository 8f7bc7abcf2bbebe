import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { parquetMetadata } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { column, never, testEngine, type TestEngine } from '../../test/support/engine.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import type { CopyResult } from './engine.ts'

let its: TestEngine
beforeAll(async () => {
  its = await testEngine()
})
afterAll(() => its[Symbol.asyncDispose]())

/** Another DuckDB's view of files. */
async function readBack(query: (files: string) => string, { files }: CopyResult): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  const list = files.map(({ path }) => quoteLiteral(path)).join(', ')
  const rows = (
    await connection.runAndReadAll(query(`read_parquet([${list}], hive_partitioning = false)`))
  ).getRows()
  connection.closeSync()
  return rows
}

const footer = (path: string) => {
  const bytes = readFileSync(path)
  return parquetMetadata(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

describe('parquet', () => {
  test('one file with its statistics', async () => {
    const copied = await its.copy(
      `SELECT i AS id, CASE WHEN i % 2 = 0 THEN NULL ELSE 'p' || i END AS text,
        CASE WHEN i = 1 THEN 'nan'::DOUBLE ELSE i / 2 END AS number,
        {'at': TIMESTAMPTZ '2020-01-01 00:00:00Z' + INTERVAL (i) SECOND} AS s
       FROM range(10) AS t(i)`,
      { kind: 'parquet', compression: 'zstd' },
    )
    expect(copied.rowCount).toBe(10)
    const [file] = copied.files
    expect(copied.files).toHaveLength(1)
    expect(dirname(file!.path)).toBe(copied.folder)
    expect(file).toMatchObject({ rowCount: 10, bytes: statSync(file!.path).size, partition: {} })
    expect(file!.statistics).toMatchObject({
      '"id"': { valueCount: 10, nullCount: 0, min: '0', max: '9' },
      '"text"': { nullCount: 5, min: 'p1', max: 'p9' },
      '"number"': { hasNan: true },
      '"s"."at"': { min: '2020-01-01 00:00:00+00', max: '2020-01-01 00:00:09+00' },
    })
    expect(await readBack((files) => `SELECT count(*), sum(id) FROM ${files}`, copied)).toEqual([[10n, 45n]])
  })

  test.each(['zstd', 'gzip', 'snappy', 'none'] as const)('compressed by %s', async (compression) => {
    const { files } = await its.copy('SELECT 1 AS id', { kind: 'parquet', compression })
    const codec = footer(files[0]!.path).row_groups[0]!.columns[0]!.meta_data!.codec
    expect(codec).toBe(compression === 'none' ? 'UNCOMPRESSED' : compression.toUpperCase())
  })

  test('field ids at every depth', async () => {
    const { files } = await its.copy("SELECT 1 AS id, {'list': [1], 'map': MAP {'a': 1}} AS \"s s\"", {
      kind: 'parquet',
      compression: 'zstd',
      fieldIds: {
        id: { id: 1 },
        's s': {
          id: 2,
          fields: {
            list: { id: 3, fields: { element: { id: 4 } } },
            map: { id: 5, fields: { key: { id: 6 }, value: { id: 7 } } },
          },
        },
      },
    })
    const ids = footer(files[0]!.path).schema.map(({ name, field_id }) => [name, field_id])
    expect(Object.fromEntries(ids.filter(([, fieldId]) => fieldId !== undefined))).toEqual({
      id: 1,
      's s': 2,
      list: 3,
      element: 4,
      map: 5,
      key: 6,
      value: 7,
    })
  })

  test('a file for each value of a partition, sorted within, the value not in the files', async () => {
    const copied = await its.copy(
      "SELECT i AS id, CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN 'NULL' WHEN 2 THEN '' ELSE 'a/b=c' END AS text FROM range(4000) AS t(i)",
      {
        kind: 'parquet',
        compression: 'zstd',
        partitionBy: [{ name: 'part', expression: 'text' }],
        orderBy: ['id DESC'],
      },
    )
    expect(new Set(copied.files.map(({ partition }) => partition['part']))).toEqual(
      new Set([null, 'NULL', '', 'a/b=c']),
    )
    for (const file of copied.files) {
      expect(relative(copied.folder, file.path)).toMatch(/^[^/]+\.parquet$/)
      expect(file.rowCount).toBe(1000)
      const rows = await readBack((files) => `SELECT * FROM ${files}`, { rowCount: 0, files: [file] })
      const ids = rows.map(([id]) => Number(id))
      expect(ids).toEqual(ids.toSorted((one, other) => other - one))
      expect(rows[0]).toHaveLength(2)
    }
  })

  test('parts are one file each and sorted, large ones, too', async () => {
    const copied = await its.copy('SELECT i AS id, hash(i) AS h FROM range(400000) AS t(i)', {
      kind: 'parquet',
      compression: 'zstd',
      partitionBy: [
        { name: 'large', expression: 'id % 100 > 3' },
        { name: 'part', expression: 'CASE WHEN id % 100 > 3 THEN -1 ELSE id % 100 END' },
      ],
      orderBy: ['h'],
      columns: ['h', "'same' AS word", 'id'],
    })
    expect(copied.files.map(({ partition, rowCount }) => ({ ...partition, rowCount }))).toEqual(
      expect.arrayContaining([
        { large: 'true', part: '-1', rowCount: 384_000 },
        ...['0', '1', '2', '3'].map((part) => ({ large: 'false', part, rowCount: 4_000 })),
      ]),
    )
    expect(copied.files).toHaveLength(5)
    for (const file of copied.files) {
      const unsorted = await readBack(
        (files) =>
          `SELECT count(*) FROM (SELECT h < lag(h) OVER (ORDER BY file_row_number) AS is_less FROM ${files.replace(')', ', file_row_number = true)')}) WHERE is_less`,
        { rowCount: 0, files: [file] },
      )
      expect(unsorted).toEqual([[0n]])
    }
    expect(await readBack((files) => `SELECT count(DISTINCT id), min(word) FROM ${files}`, copied)).toEqual([
      [400_000n, 'same'],
    ])
  })

  test('a failure in one of many parts is the failure of all', async () => {
    const copying = its.copy('SELECT i AS id FROM range(100000) AS t(i)', {
      kind: 'parquet',
      compression: 'none',
      partitionBy: [{ name: 'part', expression: 'id % 50' }],
      columns: ["CASE WHEN id = 77777 THEN error('seventy-seven') END AS id"],
    })
    await expect(copying).rejects.toMatchObject({
      code: 'query.failed',
      message: expect.stringContaining('seventy-seven') as string,
    })
    const { files } = await its.copy('SELECT 1 AS id', { kind: 'parquet', compression: 'none' })
    expect(files).toHaveLength(1)
  })

  test('several files of about a size, the rows sorted over them but for their ends', async () => {
    const copied = await its.copy('SELECT i AS id, hash(i) AS h FROM range(400000) AS t(i)', {
      kind: 'parquet',
      compression: 'none',
      orderBy: ['h'],
      fileBytesMax: 1_500_000,
    })
    expect(copied.files.length).toBeGreaterThan(1)
    expect(copied.rowCount).toBe(400_000)
    expect(await readBack((files) => `SELECT count(DISTINCT id) FROM ${files}`, copied)).toEqual([[400_000n]])
    const spans = copied.files
      .map(({ statistics }) => [BigInt(statistics['"h"']!.min!), BigInt(statistics['"h"']!.max!)] as const)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
    // Two threads fill them: where one file ends, rows of both may come to the next.
    const [first, last] = [spans[0]!, spans.at(-1)!]
    const whole = Number(last[1] - first[0])
    const covered = spans.reduce((sum, [min, max]) => sum + Number(max - min), 0)
    expect(covered / whole).toBeLessThan(spans.length / 2 + 0.5)
  })

  test('no rows, no files told of', async () => {
    const copied = await its.copy('SELECT 1 AS id WHERE false', { kind: 'parquet', compression: 'zstd' })
    expect([copied.rowCount, copied.files]).toEqual([0, []])
  })
})

describe('texts', () => {
  const open = { none: (bytes: Buffer) => bytes, gzip: gunzipSync, zstd: zstdDecompressSync }
  const endings = { none: '', gzip: '.gz', zstd: '.zst' }

  test.each(
    (['json', 'csv'] as const).flatMap((kind) =>
      (['none', 'gzip', 'zstd'] as const).map((compression) => ({ kind, compression })),
    ),
  )('$kind, $compression, in several files', async ({ kind, compression }) => {
    // Some pieces are on their way to the disk when a file is seen to be full: there are many more.
    const copied = await its.copy(
      'SELECT i AS id, i * 1.5::DECIMAL(18, 3) AS price, [hash(i)] AS h, NULL AS nothing FROM range(60000) AS t(i)',
      { kind, compression, fileBytesMax: 100_000 },
    )
    expect(copied.files.length).toBeGreaterThan(1)
    expect(copied.rowCount).toBe(60_000)
    expect(readdirSync(copied.folder)).toHaveLength(copied.files.length)
    const ids = new Set<string>()
    for (const { path, rowCount, bytes } of copied.files) {
      expect(path.endsWith(`.${kind}${endings[compression]}`)).toBe(true)
      expect(bytes).toBe(statSync(path).size)
      const lines = open[compression](readFileSync(path)).toString().trimEnd().split('\n')
      if (kind === 'csv') expect(lines.shift()).toBe('id,price,h,nothing')
      expect(lines).toHaveLength(rowCount)
      for (const line of lines) {
        const [, id, price] = (
          kind === 'csv' ? /^(\d+),([\d.]+),\[\d+\],$/ : /^\{"id":(\d+),"price":([\d.]+),"h":\[\d+\]\}$/
        ).exec(line)!
        if (Number(price) === Number(id) * 1.5) ids.add(id!)
      }
    }
    expect(ids.size).toBe(60_000)
  })

  test('no rows, no files', async () => {
    const copied = await its.copy('SELECT 1 AS id WHERE false', { kind: 'csv', compression: 'none' })
    expect([copied.rowCount, copied.files, readdirSync(copied.folder)]).toEqual([0, [], []])
  })
})

test('what was copied can be read as a file of a statement, and progress is told', async () => {
  const copied = await its.copy('SELECT i AS id, hash(i)::VARCHAR AS h FROM range(500000) AS t(i)', {
    kind: 'parquet',
    compression: 'snappy',
  })
  const files = copied.files.map(({ path }) => path)
  const scan = `read_parquet([${files.map(quoteLiteral).join(', ')}])`
  const counted = await its.rows(`SELECT count(*) FROM ${scan}`, { columns: [column('n', 'long')], files })
  expect(counted).toEqual([[500_000]])
  const told: number[] = []
  await its.engine.copy(
    { sql: `SELECT * FROM ${scan}, range(12) ORDER BY h`, files, pool: 'batch' },
    {
      folder: await its.folder(),
      format: { kind: 'json', compression: 'none' },
      onProgress: ({ rowCount }) => told.push(rowCount),
      signal: never,
    },
  )
  expect(told.length).toBeGreaterThan(0)
  expect(told.at(-1)).toBeGreaterThan(0)
})
