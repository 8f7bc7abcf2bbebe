import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { runPython, testWithPython, toolsCache } from './support/python.ts'
import { temporaryFolder } from './support/sluice.ts'
import { type Product, startProduct } from './support/product.ts'
import { hasS3Server, startS3Server } from './support/s3-server.ts'
import { sparkServer } from './support/spark-server.ts'

const jars = join(toolsCache, 'spark-packages/jars')
const iceberg = join(jars, 'org.apache.iceberg_iceberg-spark-runtime-4.1_2.13-1.12.0.jar')
/** Iceberg's own client of S3. */
const icebergAws = join(jars, 'org.apache.iceberg_iceberg-aws-bundle-1.12.0.jar')

/** A JVM starts slowly on a busy machine. */
const timeoutMs = 600_000

testWithPython('spark')(
  'Spark reads, inserts, creates from queries, merges and alters tables that SQL sees too',
  async () => {
    const home = await temporaryFolder('catalogue-spark')
    await using product = await startProduct({ home })
    await useCatalogue(product, home, { jars: iceberg, settings: {} })
  },
  timeoutMs,
)

testWithPython('spark', hasS3Server)(
  'Spark does so with a lake on S3, and runs queries of ours there',
  async () => {
    const home = await temporaryFolder('catalogue-spark-s3')
    await using server = await startS3Server()
    const { accessKeyId, secretAccessKey } = server.credentials
    const bucket = await server.makeBucket()
    const { host, port } = await sparkServer()
    await using product = await startProduct({
      home,
      env: {
        SLUICE_LAKE_LOCATION: `s3://${bucket}/lake`,
        SLUICE_S3_ENDPOINT: server.endpoint,
        SLUICE_S3_REGION: server.region,
        SLUICE_S3_ACCESS_KEY_ID: accessKeyId,
        SLUICE_S3_SECRET_ACCESS_KEY: secretAccessKey,
        SLUICE_SPARK_ADDRESS: `${host}:${port}`,
      },
    })
    await useCatalogue(product, home, {
      jars: `${iceberg},${icebergAws}`,
      settings: {
        'spark.sql.catalog.sluice.io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
        'spark.sql.catalog.sluice.s3.access-key-id': accessKeyId,
        'spark.sql.catalog.sluice.s3.secret-access-key': secretAccessKey,
      },
    })
    const objects = readdirSync(server.pathOf(bucket, 'lake'), { recursive: true }).map(String)
    expect(objects.filter((name) => name.endsWith('.parquet')).length).toBeGreaterThan(5)

    const session = 'SET engine = spark'
    const name = `coalesce(name, '-')`
    expect(await product.rows(`${session}; SELECT id, ${name} FROM orders ORDER BY id`)).toEqual([
      [1, 'one'],
      [2, '-'],
      [3, 'three'],
    ])
    await product.run(`${session}; CREATE TABLE doubled AS SELECT id * 2 AS id FROM orders`)
    await product.run(`${session}; INSERT INTO doubled SELECT id * 2 FROM orders WHERE id > 2`)
    expect(await product.rows('SELECT id FROM doubled ORDER BY id')).toEqual([[2], [4], [6], [6]])
  },
  timeoutMs,
)

/** All that another engine's Spark does by way of our catalogue, and what SQL says of it afterwards. */
async function useCatalogue(
  product: Product,
  home: string,
  { jars, settings }: { readonly jars: string; readonly settings: Readonly<Record<string, string>> },
): Promise<void> {
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
    options: [product.http, clientId, clientSecret, jars, JSON.stringify(settings)],
    env: { SPARK_LOCAL_IP: '127.0.0.1', AWS_EC2_METADATA_DISABLED: 'true' },
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
}
