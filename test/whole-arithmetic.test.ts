import { describe, expect, it } from 'vitest'
import { fc } from './support/fast-check.ts'
import { compiledSql } from './support/compiled-sql.ts'

type Tree = string | { readonly operator: '+' | '-' | '*'; readonly left: Tree; readonly right: Tree }

const edges = {
  long: [0n, 1n, -1n, 7n, 3037000500n, 2n ** 62n, -(2n ** 62n), 2n ** 63n - 1n, -(2n ** 63n)],
  int: [0n, 1n, -1n, 7n, 46341n, 2n ** 30n, -(2n ** 30n), 2n ** 31n - 1n, -(2n ** 31n)],
} as const

const trees = (leaves: readonly string[]): fc.Arbitrary<Tree> =>
  fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...leaves),
      fc.record({
        operator: fc.constantFrom('+' as const, '-' as const, '*' as const),
        left: tie('tree'),
        right: tie('tree'),
      }),
    ),
  })).tree

const textOf = (tree: Tree): string =>
  typeof tree === 'string' ? tree : `(${textOf(tree.left)} ${tree.operator} ${textOf(tree.right)})`

/** As Java computes it: the low bits of the exact result. */
function computed(tree: Tree, row: Readonly<Record<string, bigint>>, bits: number): bigint {
  if (typeof tree === 'string') return row[tree] ?? BigInt(tree.replace('L', ''))
  const [left, right] = [computed(tree.left, row, bits), computed(tree.right, row, bits)]
  const exact = tree.operator === '+' ? left + right : tree.operator === '-' ? left - right : left * right
  return BigInt.asIntN(bits, exact)
}

describe.each([
  ['bigint', 'long', 64, 'L'],
  ['int', 'int', 32, ''],
] as const)('sums, differences and products of %s', (type, kind, bits, suffix) => {
  it('wrap around as in Java, however they are nested', async () => {
    using sql = await compiledSql()
    const rows = edges[kind].flatMap((a) => edges[kind].map((b) => ({ a, b })))
    await sql.create('numbers', {
      type: `struct<a:${type},b:${type}>`,
      rows: rows.map(({ a, b }) => ({ a: String(a), b: String(b) })),
    })
    await fc.assert(
      fc.asyncProperty(trees(['a', 'b', 'a', 'b', `3${suffix}`, `2147483647${suffix}`]), async (tree) => {
        const answer = await sql.run(`SELECT string(a), string(b), string(${textOf(tree)}) FROM numbers`)
        const wanted = rows.map((row) => [row.a, row.b, computed(tree, row, bits)].map(String).join())
        expect(answer.rows.map((row) => row.join()).toSorted()).toEqual(wanted.toSorted())
      }),
      { numRuns: 40, seed: 11 },
    )
  })
})

describe('what the engine cannot try', () => {
  it('wraps around too: aggregates, windows, subqueries', async () => {
    using sql = await compiledSql()
    const { rows } = await sql.run(`
      SELECT string(max(id) + 9223372036854775807), string((SELECT max(id) FROM range(3)) + 9223372036854775806),
        string(sum(max(id)) OVER () + 9223372036854775807), string(- min(id - 9223372036854775807 - 1))
      FROM range(2)`)
    expect(rows).toEqual([
      ['-9223372036854775808', '-9223372036854775808', '-9223372036854775808', '-9223372036854775808'],
    ])
  })

  it.each([
    [
      'SELECT n + 1, count(*) FROM g GROUP BY n ORDER BY n + 1 DESC',
      [
        [3, 1],
        [2, 2],
      ],
    ],
    [
      'SELECT (n + 1) * 2, n + 1 FROM g GROUP BY n + 1 ORDER BY (n + 1) * 2',
      [
        [4, 2],
        [6, 3],
      ],
    ],
    [
      'SELECT n + 2147483647 FROM g GROUP BY ROLLUP (n) HAVING n * 2 > 2 OR n IS NULL ORDER BY 1',
      [[null], [-2147483647]],
    ],
    [
      'SELECT year(d) + 1, - n, abs(n) + max(n) FROM g GROUP BY year(d), n ORDER BY sum(n) + n',
      [
        [2027, -1, 2],
        [2028, -2, 4],
      ],
    ],
    ['SELECT n + 1 FROM g GROUP BY n QUALIFY rank() OVER (ORDER BY n + 1) = 1', [[2]]],
    [
      'SELECT make_date(year(d), n, 1), string(n + 1) FROM g GROUP BY d, n ORDER BY n',
      [
        ['2026-01-01', '2'],
        ['2026-01-01', '2'],
        ['2027-02-01', '3'],
      ],
    ],
    ['SELECT sum(n + 1) + n FROM g GROUP BY n ORDER BY n + 1', [[5], [5]]],
  ])('is computed of the keys of groups: %s', async (text, wanted) => {
    using sql = await compiledSql()
    await sql.create('g', {
      type: 'struct<n:int,d:date>',
      rows: [
        { n: 1, d: '2026-05-01' },
        { n: 1, d: '2026-06-01' },
        { n: 2, d: '2027-05-01' },
      ],
    })
    expect((await sql.run(text)).rows).toEqual(wanted)
  })
})
