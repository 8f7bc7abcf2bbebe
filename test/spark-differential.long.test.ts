import { expect, it } from 'vitest'
import { compiledSpark } from './support/compiled-spark.ts'
import { compiledSql } from './support/compiled-sql.ts'
import { differencesOf } from './support/differential.ts'
import { isListed } from './support/listed-differences.ts'
import { differentialTable, generatedQuery } from './support/query-generator.ts'
import { sharedSpark } from './support/spark.ts'
import { isSparkMissing } from './support/spark-server.ts'

const queryCount = Number(process.env['SLUICE_TEST_SEEDS'] ?? 2_000)
/** To see queries again that failed. */
const givenFirst = process.env['SLUICE_TEST_FIRST_SEED']

it.skipIf(isSparkMissing)(
  'random queries nobody has seen before mean the same on both engines',
  { timeout: 0 },
  async () => {
    const duckdb = await compiledSql()
    await duckdb.run(`${differentialTable}; SELECT 1`)
    const spark = compiledSpark(await sharedSpark())
    await spark.run(`${differentialTable}; SELECT 1 AS one`)
    const first = givenFirst === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(givenFirst)
    const found: string[] = []
    for (let seed = first; seed < first + queryCount; seed++) {
      const differences = await differencesOf({ duckdb, spark }, generatedQuery(seed))
      found.push(...differences.filter((text) => !isListed(text)).map((text) => `seed ${seed}: ${text}`))
    }
    expect(found).toEqual([])
  },
)
