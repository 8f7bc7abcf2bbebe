import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLakeExports } from '../../test/support/lake-exports.ts'
import { longType, stringType, structType } from '../types/data-type.ts'

const { signal } = new AbortController()
const fileBytesMax = 1024 * 1024
const columns = structType([
  { name: 'n', type: longType },
  { name: 'kind', type: stringType },
  { name: 'hash', type: stringType },
])

test.each([
  ['JSON', 'NONE'],
  ['JSON', 'GZIP'],
  ['CSV', 'NONE'],
  ['CSV', 'ZSTD'],
  ['PARQUET', 'NONE'],
  ['PARQUET', 'GZIP'],
  ['PARQUET', 'ZSTD'],
])(
  'a dry run of %s %s estimates what is delivered, in files that are as large as they may be',
  async (datasetFileType, compression) => {
    const bed = await openLakeExports()
    onTestFinished(() => bed[Symbol.asyncDispose]())
    const dataset = await bed.dataset(columns)
    await bed.append(
      dataset,
      `select i as n, 'kind ' || (i % 7) as kind, md5(i::varchar) as hash from range(120000) as t(i)`,
    )
    const flowId = await bed.flow(dataset, { params: { datasetFileType, compression, fileBytesMax } })
    const [ahead] = await bed.exports.dryRun(bed.caller, flowId, { signal })
    expect(await bed.run(flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 120_000 } })
    const sizes = bed.parts().map((name) => statSync(join(bed.destination, name)).size)
    const total = sizes.reduce((sum, size) => sum + size, 0)
    expect(ahead!.bytes / total).toBeGreaterThan(0.8)
    expect(ahead!.bytes / total).toBeLessThan(1.25)
    expect(ahead!.fileCount / sizes.length).toBeGreaterThan(0.5)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(fileBytesMax)
  },
)
