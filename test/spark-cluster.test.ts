import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { toolsCache } from './support/python.ts'
import { startProduct } from './support/product.ts'
import { temporaryFolder } from './support/sluice.ts'
import { testSpark } from './support/spark.ts'
import { startSparkCluster } from './support/spark-cluster.ts'
import { testWithSpark } from './support/spark-server.ts'

const iceberg = join(
  toolsCache,
  'spark-packages/jars/org.apache.iceberg_iceberg-spark-runtime-4.1_2.13-1.12.0.jar',
)
const rowCount = 20_000

testWithSpark(
  'a cluster of two workers reads the lake through the catalogue, and computes what sessions ask and store',
  { timeout: 600_000 },
  async () => {
    const home = await temporaryFolder('spark-cluster')
    await using cluster = await startSparkCluster({ jars: iceberg })
    await using spark = await testSpark(cluster.address)
    const { host, port } = cluster.address
    await using product = await startProduct({ home, env: { SLUICE_SPARK_ADDRESS: `${host}:${port}` } })
    await product.run(`CREATE TABLE numbers AS SELECT id AS n, id % 7 AS rest FROM range(${rowCount});
      INSERT INTO numbers SELECT id, 7 FROM range(${rowCount}, ${rowCount + 10})`)

    // As anybody's Spark.
    const { clientId, clientSecret } = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')) as {
      readonly clientId: string
      readonly clientSecret: string
    }
    const catalogue = 'spark.sql.catalog.lake'
    const settings = {
      [catalogue]: 'org.apache.iceberg.spark.SparkCatalog',
      [`${catalogue}.type`]: 'rest',
      [`${catalogue}.uri`]: `${product.http}/iceberg`,
      [`${catalogue}.credential`]: `${clientId}:${clientSecret}`,
      [`${catalogue}.oauth2-server-uri`]: `${product.http}/iceberg/v1/oauth/tokens`,
    }
    for (const [name, value] of Object.entries(settings)) await spark.rows(`SET \`${name}\`=\`${value}\``)
    expect(await spark.rows('SELECT count(*), sum(n), max(rest) FROM lake.prod.numbers')).toEqual([
      [rowCount + 10, ((rowCount + 10) * (rowCount + 9)) / 2, 7],
    ])

    // As a session's engine: both workers are told files, and write what is stored.
    const session = 'SET engine = spark'
    await product.run(`${session}; CREATE TABLE counted AS
      SELECT rest, count(*) AS rows, sum(n) AS total FROM numbers GROUP BY rest`)
    const wanted = await product.rows(
      'SELECT rest, count(*), sum(n) FROM numbers GROUP BY rest ORDER BY rest',
    )
    expect(await product.rows('SELECT * FROM counted ORDER BY rest')).toEqual(wanted)
    expect(
      await product.rows(
        `${session}; SELECT rest, count(*), sum(n) FROM numbers GROUP BY rest ORDER BY rest`,
      ),
    ).toEqual(wanted)
    expect([await cluster.executorsOf(1), await cluster.executorsOf(2)]).toEqual([1, 1])
  },
)
