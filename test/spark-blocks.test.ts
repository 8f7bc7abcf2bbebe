import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataFeedTests } from './support/data-feed-tests.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { isSparkMissing, sparkServer } from './support/spark-server.ts'

let home: string
let product: Product

describe.skipIf(isSparkMissing)('on Spark', () => {
  beforeAll(async () => {
    home = passableFolder('spark-blocks')
    const { host, port } = await sparkServer()
    product = await startProduct({ home, env: { SLUICE_SPARK_ADDRESS: `${host}:${port}` } })
  })

  afterAll(async () => {
    await product[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  })

  dataFeedTests(() => product, 'spark')

  it('blocks branch, and end with the error of a statement', async () => {
    const block = (first: string): string => `SET engine = spark; $$BEGIN SET @V = SELECT ${first};
      IF @V = 1 THEN SELECT 100; ELSEIF @V = 2 THEN SELECT 200;
      ELSE SELECT raise_error('custom error for v= @V'); END IF; END$$`
    expect(await product.rows(block('2'))).toEqual([[200]])
    await expect(product.rows(block('5'))).rejects.toThrow('custom error for v= 5')
  })

  it('blocks go on with their handler where rows fail', async () => {
    const rows =
      await product.rows(`SET engine = spark; $$BEGIN SELECT 1; SELECT raise_error('mine'); SELECT 2;
      EXCEPTION WHEN OTHERS THEN SELECT 'handled'; END$$`)
    expect(rows).toEqual([[1], ['handled']])
  })

  it('prepared statements take their values, and variables their tables', async () => {
    const rows = await product.rows(`SET engine = spark;
      CREATE TEMP TABLE people AS SELECT * FROM VALUES (9999, 'nobody'), (10000, 'alexander'), (10005, 'fernando')
        AS p(id, firstname);
      PREPARE getIdRange AS SELECT * FROM people WHERE id >= $1 AND id <= $2 ORDER BY id;
      EXECUTE GETIDRANGE(10000, 10005)`)
    expect(rows).toEqual([
      [10000, 'alexander'],
      [10005, 'fernando'],
    ])
  })

  it('sketches are stored, and read by DuckDB', async () => {
    await product.run(`SET engine = spark; CREATE TABLE daily AS
      SELECT hll_build_agg('p' || id) AS sketch FROM range(0, 600);
      INSERT INTO daily SELECT hll_build_agg('p' || id) FROM range(300, 1000)`)
    const [[estimate] = []] = await product.rows('SELECT hll_estimate(hll_merge_agg(sketch)) FROM daily')
    expect(Number(estimate)).toBeGreaterThan(970)
    expect(Number(estimate)).toBeLessThan(1030)
  })

  it('statistics and samples are stored', async () => {
    const session = 'SET engine = spark; SET aqp = true'
    await product.run(`CREATE TABLE numbers AS SELECT id AS n FROM range(100)`)
    const statistics = await product.rows(`${session}; ANALYZE TABLE numbers COMPUTE STATISTICS AS counted;
      SELECT columnName, mean, nullCount FROM counted`)
    expect(statistics.at(-1)).toEqual(['n', 49.5, 0])
    await product.run(`${session}; ANALYZE TABLE numbers TABLESAMPLE SAMPLERATE 50`)
    const [[, , , , , count] = []] = await product.rows(`SELECT sample_meta('numbers')`)
    expect(Number(count)).toBeGreaterThan(20)
    expect(Number(count)).toBeLessThan(80)
  })
})
