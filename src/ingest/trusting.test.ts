import { expect, test } from 'vitest'
import { AppError } from '#base/errors.ts'
import type { Lake } from '#lake/lake.ts'
import { type Field, longType, stringType } from '#types/data-type.ts'
import { bed } from '../../test/support/one-ingest.ts'

const columns: readonly Field[] = [
  { name: 'id', type: longType },
  { name: 'name', type: stringType },
]

test.each(['json', 'csv'] as const)(
  'what the engine cannot read of plain %s, our readers judge',
  async (format) => {
    const sources: string[] = []
    const refusing = (lake: Lake): Lake => ({
      ...lake,
      append: async (request) => {
        sources.push(request.source.sql)
        if (sources.length === 1) throw new AppError('query.failed', 'The engine reads this otherwise.')
        return await lake.append(request)
      },
    })
    await using node = await bed.node({ nodeId: `refusing-${format}`, change: refusing })
    const dataset = await bed.dataset(columns)
    const name = 'x'.repeat(1_000)
    const ids = Array.from({ length: 200 }, (_, index) => (index === 1 ? 'x' : index))
    const text = {
      json: ids.map((id) => `${JSON.stringify({ id, name })}\n`).join(''),
      csv: `id,name\n${ids.map((id) => `${id},${name}\n`).join('')}`,
    }[format]
    const batch = await bed.load(node, dataset, { a: text }, { format, partialIngestionPercentage: 50 })
    expect(batch).toMatchObject({ state: 'success', recordCount: 199, failedRecordCount: 1 })
    expect(await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })).toMatchObject([{ row: 2 }])
    const loaded = (await bed.rows(dataset)).map(([id]) => id)
    expect(loaded).toHaveLength(199)
    expect(new Set(loaded)).toEqual(new Set(ids.filter((id) => id !== 'x')))
    // The engine was to read a file of plain records by itself at first, and then what our readers had written.
    expect(sources.map((sql) => /-plain-\d+/.test(sql))).toEqual([true, false])
  },
)
