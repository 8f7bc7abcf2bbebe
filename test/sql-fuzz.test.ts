import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { fc } from './support/fast-check.ts'
import { AppError } from '#base/errors.ts'
import { createSqlFrontEnd } from '#sql/front-end.ts'

const frontEnd = createSqlFrontEnd()

/** What people send: the statements of the documentation and of the other tests. */
const seeds: readonly string[] = [
  ...(
    JSON.parse(readFileSync(new URL('fixtures/query-service.json', import.meta.url), 'utf8')) as {
      readonly examples: readonly { readonly sql: string }[]
    }
  ).examples.map(({ sql }) => sql),
  readFileSync(new URL('fixtures/data-feed-sessions.sql', import.meta.url), 'utf8'),
  readFileSync(new URL('fixtures/data-feed-attribution.sql', import.meta.url), 'utf8'),
  "$$ BEGIN IF @a = 1 THEN SELECT 1; ELSEIF true THEN SET @b = 2; ELSE SELECT '@b'; END IF; EXCEPTION WHEN OTHERS THEN SELECT 1; END $$",
  "SELECT * EXCLUDE (a) FROM t SNAPSHOT BETWEEN 'HEAD' AND 3 PIVOT (sum(n) FOR k IN ('a')) u, v TABLESAMPLE (5 PERCENT)",
  'DECLARE c CURSOR FOR SELECT ARRAY<INT>[1]; FETCH 2 FROM c; CREATE TABLE t (a int, b map<string, struct<x: int>>)',
]

const words =
  `SELECT FROM WHERE GROUP BY ORDER HAVING WITH AS JOIN ON LEFT LATERAL VIEW explode CASE WHEN THEN ELSE END IF ELSEIF BEGIN
   EXCEPTION SNAPSHOT SINCE BETWEEN AND PIVOT UNPIVOT TABLESAMPLE FOR IN NOT NULL INTERVAL CAST ARRAY struct x y @v $1 $$ ; , .
   ( ) [ ] < > -> :: = == ! * + - / % || ' " \` -- /* */ # \\ 1 2.5e3 'a' "b" \u00e9 \u{1f600} INTO TABLE VIEW CREATE INSERT ALTER DROP SET SHOW`.split(
    /\s+/,
  )

/** A request of words in any order, one of the seeds with a piece replaced, or any text at all. */
const requests = fc.oneof(
  fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join(' ')),
  fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.nat(),
      fc.nat(40),
      fc.array(fc.constantFrom(...words), { maxLength: 3 }),
    )
    .map(([seed, at, length, parts]) => {
      const from = at % (seed.length + 1)
      return `${seed.slice(0, from)} ${parts.join(' ')} ${seed.slice(from + length)}`
    }),
  fc.string({ unit: 'binary', maxLength: 60 }),
)

/** Throws what is no error of the request. */
function read(text: string): void {
  try {
    for (const statement of frontEnd.split(text)) frontEnd.parse(statement)
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'internal') throw error
    const { position } = error
    expect(position, error.message).toBeDefined()
    expect(position!.offset).toBeGreaterThanOrEqual(0)
    expect(position!.offset).toBeLessThanOrEqual(text.length)
    expect(text.slice(0, position!.offset).split('\n')).toHaveLength(position!.line)
  }
}

it('reads any text or says where it cannot', () => {
  fc.assert(fc.property(requests, read), { numRuns: 3_000, seed: 20_261_126 })
})

it.each([
  ['parentheses', (count: number) => `SELECT ${'('.repeat(count)}1${')'.repeat(count)}`],
  ['parentheses without end', (count: number) => `SELECT ${'('.repeat(count)}`],
  ['subqueries without end', (count: number) => 'SELECT * FROM '.concat('(SELECT * FROM '.repeat(count))],
  ['queries in queries', (count: number) => `SELECT ${'(SELECT '.repeat(count)}1${')'.repeat(count)}`],
  [
    'ambiguous parentheses',
    (count: number) => `SELECT ${'((SELECT 1) + '.repeat(count)}1${')'.repeat(count)}`,
  ],
  ['signs', (count: number) => `SELECT ${'- '.repeat(count)}1`],
  ['operators', (count: number) => `SELECT 1${' + 1'.repeat(count)}`],
  ['lists', (count: number) => `SELECT ${'['.repeat(count)}`],
  ['calls', (count: number) => `SELECT ${'f('.repeat(count)}`],
  ['trims', (count: number) => `SELECT ${'trim('.repeat(count)}a${')'.repeat(count)}`],
  ['trims of signs', (count: number) => `SELECT ${'trim(BOTH x FROM '.repeat(count)}a${')'.repeat(count)}`],
  [
    'units that are columns',
    (count: number) => `SELECT ${'date_add(day, '.repeat(count)}a${')'.repeat(count)}`,
  ],
  ['cases', (count: number) => `SELECT ${'CASE WHEN '.repeat(count)}`],
  ['blocks', (count: number) => 'BEGIN '.repeat(count)],
  ['conditions', (count: number) => `$$ BEGIN ${'IF true THEN '.repeat(count)} $$`],
  ['comments', (count: number) => '/*'.repeat(count)],
  ['types', (count: number) => `SELECT CAST(1 AS ${'array<'.repeat(count)}int${'>'.repeat(count)})`],
  ['lambdas', (count: number) => `SELECT f(${'x -> '.repeat(count)}1)`],
])('reads or refuses thousands of %s in time', (_name, text) => {
  const start = performance.now()
  for (const count of [50, 5_000]) read(text(count))
  expect(performance.now() - start).toBeLessThan(5_000)
})
