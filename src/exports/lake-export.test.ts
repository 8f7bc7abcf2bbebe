import { expect, onTestFinished, test } from 'vitest'
import { arrayType, longType, mapType, stringType, structType, timestampType } from '#types/data-type.ts'
import { openLakeExports } from '../../test/support/lake-exports.ts'

const columns = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'n', type: longType },
  { name: 'tags', type: mapType(stringType, arrayType(stringType)) },
  { name: 'web', type: structType([{ name: 'page', type: stringType }]) },
])
const rows = (from: number, count: number) =>
  `select 'e' || i as _id, timestamptz '2026-02-01 00:00:00Z' + interval (i) minute as "timestamp", i as n,
    map {'a': ['x', 'y' || i]} as tags, case when i % 2 = 0 then null else {'page': '/' || i} end as web
   from range(${from}, ${from + count}) t(i)`

/** The real lake and engine; what fails or dies is tested beside. */
test.each([
  ['PARQUET', 'ZSTD', {}],
  ['JSON', 'NONE', {}],
  ['JSON', 'GZIP', { includeSystemColumns: true }],
])(
  'a table of the lake is delivered as %s (%s) and then its increments',
  async (datasetFileType, compression, more) => {
    const bed = await openLakeExports()
    onTestFinished(() => bed[Symbol.asyncDispose]())
    const dataset = await bed.dataset(columns)
    const append = async (from: number, count: number) => await bed.append(dataset, rows(from, count))
    const flowId = await bed.flow(dataset, { params: { datasetFileType, compression, ...more } })
    const run = async () => {
      const finished = await bed.run(flowId)
      return finished.state === 'succeeded' ? finished.result['rowCount'] : finished
    }
    expect(await run()).toBe(0)
    await append(0, 5_000)
    expect(await run()).toBe(5_000)
    await append(5_000, 100)
    await append(5_100, 0)
    await append(5_100, 50)
    expect(await run()).toBe(150)
    expect(await run()).toBe(0)
    expect(await bed.verify()).toMatchObject({
      isRight: true,
      findings: [],
      rowCount: 5_150,
      chains: [{ manifestCount: 4 }],
    })
    if (datasetFileType !== 'JSON' || compression !== 'NONE') return
    const lines = bed.parts().flatMap((name) => bed.rowsOf(name))
    expect(new Set(lines.map((line) => line['_id'])).size).toBe(5_150)
    expect(Object.keys(lines.find((line) => line['n'] === 1)!)).toEqual([
      '_id',
      'timestamp',
      'n',
      'tags',
      'web',
    ])
  },
)

test.each(['ZSTD', 'SNAPPY'])('texts with a NUL are delivered, in Parquet by %s too', async (compression) => {
  const bed = await openLakeExports()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const dataset = await bed.dataset(structType([{ name: 'text', type: stringType }]))
  await bed.append(
    dataset,
    `select 'a' || chr(0) as text union all select 'b' union all select 'c' || chr(0)`,
  )
  const flowId = await bed.flow(dataset, { params: { datasetFileType: 'PARQUET', compression } })
  expect(await bed.run(flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 3 } })
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [], rowCount: 3 })
})
