import { beforeAll, describe, expect, it } from 'vitest'
import { compiledSpark } from './support/compiled-spark.ts'
import { compiledSql } from './support/compiled-sql.ts'
import { type Both, differencesOf } from './support/differential.ts'
import { isListed, listedDifferences } from './support/listed-differences.ts'
import { collectionQueries, differentialTable, generatedQuery } from './support/query-generator.ts'
import { sharedSpark } from './support/spark.ts'
import { isSparkMissing } from './support/spark-server.ts'

const seeds = Array.from({ length: Number(process.env['SLUICE_TEST_SEEDS'] ?? 30) }, (_, index) => index + 1)
const groupSize = 10

describe.skipIf(isSparkMissing)('random queries', () => {
  let both: Both

  beforeAll(async () => {
    const duckdb = await compiledSql()
    await duckdb.run(`${differentialTable}; SELECT 1`)
    const spark = compiledSpark(await sharedSpark())
    await spark.run(`${differentialTable}; SELECT 1 AS one`)
    both = { duckdb, spark }
  })

  const groups = Array.from({ length: Math.ceil(seeds.length / groupSize) }, (_, group) =>
    seeds.slice(group * groupSize, (group + 1) * groupSize),
  )
  it.each(groups.map((group) => [group[0], group.at(-1), group] as const))(
    'mean the same on both engines, seeds %i to %i',
    async (_first, _last, group) => {
      const found: string[] = []
      for (const seed of group) {
        const differences = await differencesOf(both, generatedQuery(seed))
        found.push(...differences.filter((text) => !isListed(text)).map((text) => `seed ${seed}: ${text}`))
      }
      expect(found).toEqual([])
    },
  )

  // Of the functions of arrays and maps, seeds as few as these meet hardly one.
  it('mean the same on both engines for each function of arrays and maps', async () => {
    const found: string[] = []
    for (const query of collectionQueries()) {
      expect(await both.duckdb.run(query.sql)).toBeDefined() // What fails on both would differ in nothing.
      found.push(...(await differencesOf(both, query)).filter((text) => !isListed(text)))
    }
    expect(found).toEqual([])
  })

  it('differ only where a reason is given', () => {
    expect(listedDifferences.every(({ reason }) => reason.length > 10)).toBe(true)
  })
})
