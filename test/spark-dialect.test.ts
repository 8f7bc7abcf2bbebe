import { describe, expect, it } from 'vitest'
import { adobeFunctionTests, type OpenSql } from './support/adobe-function-tests.ts'
import { compiledSpark } from './support/compiled-spark.ts'
import { compiledSql } from './support/compiled-sql.ts'
import { exampleTests } from './support/documented-examples.ts'
import { sharedSpark } from './support/spark.ts'
import { isSparkMissing } from './support/spark-server.ts'

const open: OpenSql = async (tables) => compiledSpark(await sharedSpark(), tables)

describe.skipIf(isSparkMissing)('on Spark', () => {
  describe('the examples of the documentation', () => exampleTests(open))

  adobeFunctionTests(open)

  const given = {
    e: {
      type: 'struct<id:int,who:string,n:int>',
      rows: [
        { id: 1, who: 'a', n: 5 },
        { id: 2, who: 'a', n: 5 },
        { id: 3, who: 'b', n: null },
        { id: 4, who: 'b', n: 7 },
      ],
    },
  }

  it.each([
    ['SELECT id FROM e QUALIFY row_number() OVER (PARTITION BY who ORDER BY id DESC) = 1 ORDER BY n DESC'],
    ['SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING) FROM e ORDER BY id'],
    [
      "SELECT id, substring('12', id - 8, 5), substring('12', 1 - id, id), substring('12', id - 3) FROM e ORDER BY id",
    ],
    ['SELECT id, size(array(1)) + CAST(2.5D AS INT) FROM e ORDER BY id'],
    ['SELECT id, count(DISTINCT n) OVER (PARTITION BY who) FROM e ORDER BY id'],
    ['SELECT id FROM e ORDER BY row_number() OVER (PARTITION BY who ORDER BY id DESC), id'],
    ['SELECT DISTINCT who FROM e ORDER BY who DESC LIMIT 1'],
    [
      `SELECT id, sum(id) OVER (ORDER BY t RANGE BETWEEN INTERVAL 30 MINUTES PRECEDING AND INTERVAL '1' DAY FOLLOWING),
        min(id) OVER (ORDER BY d RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT ROW), t - INTERVAL '1 02:03:04.5' DAY TO SECOND
        FROM (SELECT id, d, timestamp(d) + make_dt_interval(0, 0, 20 * id) AS t
          FROM (SELECT id, date_add(date '2024-01-01', id) AS d FROM e)) ORDER BY id`,
    ],
    ['SELECT id, count(DISTINCT n, who) OVER () FROM e ORDER BY id'],
    ['SELECT id, sum(n) FILTER (WHERE id > 1) OVER (PARTITION BY who) FROM e ORDER BY id'],
    ['SELECT count(r), count(l) FROM (SELECT rank() OVER () AS r, lag(n) OVER () AS l FROM e WHERE id < 3)'],
    ["SELECT from_utc_timestamp('2016-08-31', 'EDT'), to_utc_timestamp('2016-08-31', 'PDT')"],
    ['SELECT 1 AS x FROM e WHERE id > 9 HAVING true'],
    [
      "SELECT listagg(who, '-') WITHIN GROUP (ORDER BY id), percentile_cont(0.5) WITHIN GROUP (ORDER BY n DESC) FROM e",
    ],
    ['SELECT transform(array(id), t1 -> t1 + id) FROM e ORDER BY id'],
    ["SELECT '${spark.sql.ansi.enabled}', 'it''s', '\\\\', `a b` FROM (SELECT 1 AS `a b`)"],
    ['SELECT id, g.pos, g.col FROM e LATERAL VIEW OUTER posexplode(sequence(1, n - 4)) g ORDER BY id, g.pos'],
    [
      `SELECT hll_estimate(hll_merge_agg(s)), min(hll_estimate(s)) FROM
        (SELECT who, hll_build_agg(coalesce(n, id), 10) AS s FROM e GROUP BY who)`,
    ],
    ["SELECT ltrim('xy', 'xyaxy'), rtrim('xy', 'xyaxy'), ltrim('  a'), trim(LEADING 'x' FROM 'xxa')"],
    ["SELECT try_url_decode('%zz'), url_decode('a%20b')"],
    ['SELECT approx_count_distinct(who, 0.01) FROM e'],
    ["SELECT arrays_zip(l, m), arrays_zip(l, m)[0].m FROM (SELECT array(1, 2) AS l, array('x') AS m)"],
    [
      `SELECT id, k, v, x FROM (SELECT id, map(who, n) AS m FROM e) LATERAL VIEW OUTER explode(m) g AS k, v
        LATERAL VIEW explode(array(id, v)) h AS x ORDER BY id, x`,
    ],
    ["SELECT stack(3, 'a', 'b')"],
    [
      `SELECT date_trunc('day', t AT TIME ZONE 'Europe/Berlin') AT TIME ZONE 'Europe/Berlin', t AT TIME ZONE 'UTC-02',
        extract(EPOCH FROM t), extract(EPOCH FROM t - timestamp '2026-01-01 00:00:00'), 'Ab' ~* '^a[[:lower:]]$', 'Ab' !~ z
        FROM (SELECT timestamp '2026-07-01 23:30:00.25' AS t, 'b' AS z)`,
    ],
    [
      `SELECT regexp_replace(who, '(?<=a)', 'b'), substring_index(who || who, who, id), date_format(timestamp'2024-02-01', repeat('d', id % 2 + 1))
        FROM e ORDER BY id`,
    ],
    ['SELECT who, n, grouping(n), count(*) FROM e GROUP BY ROLLUP (who, n) ORDER BY 1, 2, 3, 4'],
  ])('gives what DuckDB gives: %s', async (text) => {
    using duckdb = await compiledSql(given)
    using spark = await open(given)
    const [wanted, answer] = [await duckdb.run(text), await spark.run(text)]
    expect(answer.rows).toEqual(wanted.rows)
    expect(answer.columns).toEqual(wanted.columns)
  })

  it('asks for a number of rows that is the same for all', async () => {
    using spark = await open(given)
    await expect(spark.run('SELECT PREVIOUS(n, id) OVER (ORDER BY id) FROM e')).rejects.toThrow(
      'On Spark how many rows away one looks is a constant.',
    )
  })
})
