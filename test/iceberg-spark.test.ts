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

testWithPython('spark', hasS3Server)(
  'Spark reads, inserts, creates from queries, merges and alters tables that SQL sees too, in folders and on S3',
  async () => {
    await using server = await startS3Server()
    const { accessKeyId, secretAccessKey } = server.credentials
    const bucket = await server.makeBucket()
    const { host, port } = await sparkServer()
    const homes = [
      await temporaryFolder('catalogue-spark'),
      await temporaryFolder('catalogue-spark-s3'),
    ] as const
    await using inFolders = await productWithOrders(homes[0])
    await using onS3 = await productWithOrders(homes[1], {
      SLUICE_LAKE_LOCATION: `s3://${bucket}/lake`,
      SLUICE_S3_ENDPOINT: server.endpoint,
      SLUICE_S3_REGION: server.region,
      SLUICE_S3_ACCESS_KEY_ID: accessKeyId,
      SLUICE_S3_SECRET_ACCESS_KEY: secretAccessKey,
      SLUICE_SPARK_ADDRESS: `${host}:${port}`,
    })
    const catalogues = [
      await catalogueOf(inFolders, homes[0], {}),
      await catalogueOf(onS3, homes[1], {
        'io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
        's3.access-key-id': accessKeyId,
        's3.secret-access-key': secretAccessKey,
      }),
    ]
    const printed = await runPython('spark', {
      script: 'use_catalogue_spark.py',
      options: [`${iceberg},${icebergAws}`, JSON.stringify(catalogues)],
      env: { SPARK_LOCAL_IP: '127.0.0.1', AWS_EC2_METADATA_DISABLED: 'true' },
    })
    const [seenInFolders, seenOnS3] = JSON.parse(printed) as Record<string, unknown>[]
    await expectUsed(inFolders, seenInFolders!)
    await expectUsed(onS3, seenOnS3!)

    const objects = readdirSync(server.pathOf(bucket, 'lake'), { recursive: true }).map(String)
    expect(objects.filter((name) => name.endsWith('.parquet')).length).toBeGreaterThan(5)
    await expectOurQueriesRun(onS3)
  },
  timeoutMs,
)

async function productWithOrders(home: string, env: Readonly<Record<string, string>> = {}): Promise<Product> {
  const product = await startProduct({ home, env })
  await product.run(
    `CREATE TABLE orders AS SELECT 1 AS id, 'one' AS name, struct('/1' AS page) AS web
       UNION ALL SELECT 2, NULL, struct('/2' AS page)`,
  )
  return product
}

async function catalogueOf({ http }: Product, home: string, settings: Readonly<Record<string, string>>) {
  const { clientId, clientSecret } = JSON.parse(await readFile(join(home, 'credentials.json'), 'utf8')) as {
    clientId: string
    clientSecret: string
  }
  return { http, clientId, clientSecret, settings }
}

/** The other way round: our statements on a Spark that reads the lake. */
async function expectOurQueriesRun(product: Product): Promise<void> {
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
}

/** What another engine's Spark did by way of our catalogue, and what SQL says of it afterwards. */
async function expectUsed(product: Product, seen: Readonly<Record<string, unknown>>): Promise<void> {
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
