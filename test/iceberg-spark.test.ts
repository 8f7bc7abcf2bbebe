import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { runPython, testWithPython, toolsCache } from './support/python.ts'
import { startProduct } from './support/product.ts'
import { temporaryFolder } from './support/sluice.ts'

const jar = join(
  toolsCache,
  'spark-packages/jars/org.apache.iceberg_iceberg-spark-runtime-4.1_2.13-1.12.0.jar',
)

/** A JVM starts slowly on a busy machine. */
const timeoutMs = 600_000

testWithPython('spark')(
  'Spark reads, inserts, creates from queries, merges and alters tables that SQL sees too',
  async () => {
    const home = await temporaryFolder('catalogue-spark')
    await using product = await startProduct({ home })
    await product.run(
      `CREATE TABLE orders AS SELECT 1 AS id, 'one' AS name, struct('/1' AS page) AS web
       UNION ALL SELECT 2, NULL, struct('/2' AS page)`,
    )
    const { clientId, clientSecret } = JSON.parse(await readFile(join(home, 'credentials.json'), 'utf8')) as {
      clientId: string
      clientSecret: string
    }
    const printed = await runPython('spark', {
      script: 'use_catalogue_spark.py',
      options: [product.http, clientId, clientSecret, jar],
      env: { SPARK_LOCAL_IP: '127.0.0.1' },
    })
    const seen = JSON.parse(printed) as Record<string, unknown>

    expect(seen['namespaces']).toEqual([['prod']])
    expect(seen['tables']).toEqual(['orders'])
    const orders = [
      [1, 'one', '/1'],
      [2, null, '/2'],
    ]
    expect(seen['orders']).toEqual(orders)
    expect(seen['inserted']).toEqual([...orders, [3, 'three', '/3']])
    expect(seen['copied']).toEqual([
      [1, 'one', 1],
      [2, null, 2],
      [3, 'three', 3],
    ])
    expect(seen['merged']).toEqual([
      [1, 'ONE'],
      [2, null],
      [3, 'three'],
      [9, 'nine'],
    ])
    expect(seen['altered']).toEqual([
      [9, 'nine', null],
      [10, 'ten', 'more'],
    ])
    expect(seen['snapshots']).toEqual(['append', 'overwrite', 'append'])
    expect(seen['deletes']).toEqual([[0]])
    expect(seen['merge_on_read']).toMatch(/delete files/)
    expect(seen['v3']).toMatch(/format version 2/)
    expect(seen['foreign']).toMatch(/location of a table is chosen here/)
    expect(seen['missing']).toMatch(/cannot be found|TABLE_OR_VIEW_NOT_FOUND/)
    expect(seen['left']).toEqual(['copied', 'days', 'orders'])

    const name = `coalesce(name, '-')`
    expect(await product.rows(`SELECT id, ${name}, web.page FROM orders ORDER BY id`)).toEqual([
      [1, 'one', '/1'],
      [2, '-', '/2'],
      [3, 'three', '/3'],
    ])
    const copied = `SELECT id, coalesce(title, '-'), coalesce(small, 0), coalesce(extra, '-') FROM copied`
    expect(await product.rows(`${copied} ORDER BY id`)).toEqual([
      [1, 'ONE', 1, '-'],
      [2, '-', 2, '-'],
      [3, 'three', 3, '-'],
      [9, 'nine', 0, '-'],
      [10, 'ten', 0, 'more'],
    ])
    expect(await product.rows('SELECT id, note FROM days')).toEqual([[1, 'changed']])
  },
  timeoutMs,
)
