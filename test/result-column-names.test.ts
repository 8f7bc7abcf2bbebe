import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compiledSql } from './support/compiled-sql.ts'

/** A statement and what Apache Spark calls the columns of its result. */
interface NamedColumns {
  readonly sql: string
  readonly columns: readonly string[]
}

const recorded = readFileSync(new URL('fixtures/spark-column-names.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as NamedColumns)

test('columns without an alias are called as Apache Spark calls them', async () => {
  using sql = await compiledSql()
  const differences: string[] = []
  for (const { sql: statement, columns } of recorded) {
    const answer = await sql.run(statement)
    if (answer.columns.join('\n') !== columns.join('\n')) {
      differences.push(`${statement}: ${columns.join()}, not ${answer.columns.join()}`)
    }
  }
  expect(differences).toEqual([])
})

test('a column of a table is called without the table, a field with its struct', async () => {
  using sql = await compiledSql({
    orders: { type: 'STRUCT<id: INT, price: STRUCT<net: DOUBLE>>', rows: [{ id: 1, price: { net: 2.5 } }] },
  })
  const answer = await sql.run(
    'SELECT o.id, max(o.id), max(o.price.net), max(price.net) AS named FROM orders o GROUP BY o.id',
  )
  expect(answer.columns).toEqual(['id', 'max(id)', 'max(price.net)', 'named'])
})
