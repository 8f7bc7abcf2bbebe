import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decimalType, doubleType, longType, sparkName, stringType } from '#types/data-type.ts'
import { compiledSql, type Answer, type CompiledSql } from './support/compiled-sql.ts'

let sql: CompiledSql

const person = `struct<id:bigint,name:string,age:int,score:double,day:date,at:timestamp,tags:array<string>,
  web:struct<page:struct<name:string,views:double>,url:string>,
  ids:map<string,array<struct<id:string,primary:boolean>>>,
  items:array<struct<sku:string,price:double,qty:int>>>`

beforeAll(async () => {
  sql = await compiledSql({
    people: {
      type: person.replaceAll(/\s/g, ''),
      rows: [
        {
          id: 1,
          name: 'ann',
          age: 30,
          score: 1.5,
          day: '2024-01-01',
          at: '2024-01-01 10:00:00',
          tags: ['a', 'b'],
          web: { page: { name: 'home', views: 1 }, url: '/h' },
          ids: { ECID: [{ id: 'e1', primary: true }] },
          items: [
            { sku: 's1', price: 1, qty: 2 },
            { sku: 's2', price: 2.5, qty: 1 },
          ],
        },
        { id: 2, name: 'bob', age: 25, score: 2.5, day: '2024-01-02', at: '2024-01-02 10:00:00', tags: [] },
        { id: 3, name: 'cy', web: { page: { name: 'shop', views: 3 } }, items: [] },
      ],
    },
    homes: {
      type: 'struct<id:bigint,city:string>',
      rows: [
        { id: 1, city: 'Bern' },
        { id: 1, city: 'Basel' },
        { id: 4, city: 'Chur' },
      ],
    },
  })
})

afterAll(() => sql[Symbol.dispose]())

const rowsOf = async (text: string): Promise<Answer['rows']> => (await sql.run(text)).rows

describe('joins', () => {
  it.each([
    [
      'SELECT p.id, city FROM people p JOIN homes h ON p.id = h.id ORDER BY city',
      [
        [1, 'Basel'],
        [1, 'Bern'],
      ],
    ],
    [
      "SELECT p.id, city FROM people p LEFT JOIN homes h ON p.id = h.id AND city > 'Be' ORDER BY 1",
      [
        [1, 'Bern'],
        [2, null],
        [3, null],
      ],
    ],
    [
      'SELECT id, city FROM people RIGHT JOIN homes USING (id) ORDER BY id, city',
      [
        [1, 'Basel'],
        [1, 'Bern'],
        [4, 'Chur'],
      ],
    ],
    [
      'SELECT id, city FROM people FULL JOIN homes USING (id) ORDER BY id, city',
      [
        [1, 'Basel'],
        [1, 'Bern'],
        [2, null],
        [3, null],
        [4, 'Chur'],
      ],
    ],
    ['SELECT count(*) FROM people, homes', [[9]]],
    ['SELECT p.id FROM people p LEFT SEMI JOIN homes h ON p.id = h.id', [[1]]],
    ['SELECT p.id FROM people p LEFT ANTI JOIN homes h ON p.id = h.id ORDER BY id', [[2], [3]]],
    [
      'SELECT a.id, b.id, c.city FROM people a LEFT JOIN (people b JOIN homes c ON b.id = c.id) ON a.id = b.id WHERE a.id < 3 ORDER BY 1, 3',
      [
        [1, 1, 'Basel'],
        [1, 1, 'Bern'],
        [2, null, null],
      ],
    ],
    [
      'SELECT p.id, x.v FROM people p, LATERAL (SELECT p.age + 1 AS v) x ORDER BY p.id',
      [
        [1, 31],
        [2, 26],
        [3, null],
      ],
    ],
  ])('%s', async (text, rows) => {
    expect(await rowsOf(text)).toEqual(rows)
  })
})

describe('WITH', () => {
  it('names tables once, however they are called inside', async () => {
    const text = `WITH a AS (SELECT 1 x), b AS (WITH a AS (SELECT x + 1 AS x FROM a) SELECT * FROM a)
      SELECT a.x, b.x FROM a, b, (WITH a AS (SELECT 7) SELECT * FROM a)`
    expect(await rowsOf(text)).toEqual([[1, 2]])
  })

  it('gives its columns other names', async () => {
    expect(
      await rowsOf('WITH a (n, c) AS (SELECT name, id FROM people) SELECT n FROM a WHERE c = 2'),
    ).toEqual([['bob']])
  })
})

describe('set operations and VALUES', () => {
  it.each([
    ['SELECT name FROM people UNION SELECT city FROM homes ORDER BY name LIMIT 2', [['Basel'], ['Bern']]],
    [
      "SELECT id, NULL AS x FROM people WHERE id = 1 UNION ALL SELECT 'a', 1.5",
      [
        ['1', null],
        ['a', '1.5'],
      ],
    ],
    ['SELECT id FROM people INTERSECT SELECT id FROM homes', [[1]]],
    ['(SELECT id FROM people ORDER BY id DESC LIMIT 2) EXCEPT SELECT 2 ORDER BY 1', [[3]]],
    [
      "SELECT y, x FROM VALUES (1, 'a'), (2, NULL) AS v(x, y) ORDER BY x DESC",
      [
        [null, 2],
        ['a', 1],
      ],
    ],
    [
      'VALUES (1, 2), (3, 4)',
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ])('%s', async (text, rows) => {
    expect(await rowsOf(text)).toEqual(rows)
  })

  it('meets in the wider type', async () => {
    const { types } = await sql.run(
      'SELECT 1 AS a, 1.5 AS b, id FROM people UNION ALL SELECT 2L, 3, 2.5D FROM homes',
    )
    expect(types.map(sparkName)).toEqual([longType, decimalType(11, 1), doubleType].map(sparkName))
  })
})

describe('subqueries', () => {
  it.each([
    ['SELECT id FROM people WHERE id IN (SELECT id FROM homes)', [[1]]],
    [
      'SELECT id FROM people p WHERE NOT EXISTS (SELECT 1 FROM homes h WHERE h.id = p.id) ORDER BY 1',
      [[2], [3]],
    ],
    [
      'SELECT id, (SELECT max(city) FROM homes h WHERE h.id = p.id) c FROM people p ORDER BY id',
      [
        [1, 'Bern'],
        [2, null],
        [3, null],
      ],
    ],
    ['SELECT count(*) FROM people WHERE age > (SELECT avg(age) FROM people)', [[1]]],
    ['SELECT x.id FROM (SELECT * FROM (SELECT * FROM people)) x WHERE id > 2', [[3]]],
    ["SELECT id FROM people WHERE (id, name) IN ((1, 'ann'), (2, 'x'))", [[1]]],
    ['SELECT id FROM people WHERE (id, name) IN (SELECT id, name FROM people WHERE id > 2)', [[3]]],
    ["SELECT id FROM people WHERE (id, name) = (2, 'bob')", [[2]]],
  ])('%s', async (text, rows) => {
    expect(await rowsOf(text)).toEqual(rows)
  })
})

describe('groups', () => {
  it.each([
    [
      "SELECT CASE WHEN age > 26 THEN 'old' ELSE 'young' END g, count(*) n FROM people GROUP BY g ORDER BY g",
      [
        ['old', 1],
        ['young', 2],
      ],
    ],
    [
      'SELECT age, count(*), grouping(age) FROM people GROUP BY ROLLUP (age) ORDER BY 3, 1',
      [
        [null, 1, 0],
        [25, 1, 0],
        [30, 1, 0],
        [null, 3, 1],
      ],
    ],
    [
      'SELECT age, name, count(*) FROM people GROUP BY GROUPING SETS ((age), (name), ()) HAVING count(*) > 2',
      [[null, null, 3]],
    ],
    ['SELECT 5, count(*) FROM people GROUP BY 1', [[5, 3]]],
    ['SELECT -1 AS one, count(*) FROM people GROUP BY 1', [[-1, 3]]],
    ['SELECT 1.5 AS a, true AS b, -2L AS c, count(*) FROM people GROUP BY 1, 2, 3', [['1.5', true, -2, 3]]],
    ['SELECT count(*), sum(age) FROM people WHERE false', [[0, null]]],
    ['SELECT 1 AS one FROM (SELECT count(*) FROM people)', [[1]]],
    ['SELECT count(*) FROM (SELECT DISTINCT age > 0 FROM people)', [[2]]],
    ['SELECT count(*) FILTER (WHERE age > 26), count(DISTINCT age), sum(age) FROM people', [[1, 2, 55]]],
    [
      'SELECT age, sum(count(*)) OVER (ORDER BY age) FROM people GROUP BY age ORDER BY age',
      [
        [null, 1],
        [25, 2],
        [30, 3],
      ],
    ],
    ['SELECT name FROM people GROUP BY name ORDER BY max(id) DESC LIMIT 1', [['cy']]],
  ])('%s', async (text, rows) => {
    expect(await rowsOf(text)).toEqual(rows)
  })
})

describe('generators', () => {
  it.each([
    [
      'SELECT id, tag FROM people LATERAL VIEW explode(tags) t AS tag ORDER BY tag',
      [
        [1, 'a'],
        [1, 'b'],
      ],
    ],
    [
      'SELECT id, pos, tag FROM people LATERAL VIEW OUTER posexplode(tags) t AS pos, tag ORDER BY id, pos',
      [
        [1, 0, 'a'],
        [1, 1, 'b'],
        [2, null, null],
        [3, null, null],
      ],
    ],
    ['SELECT key, value[0].id FROM (SELECT explode(ids) FROM people)', [['ECID', 'e1']]],
    [
      'SELECT inline(items) FROM people',
      [
        ['s1', 1, 2],
        ['s2', 2.5, 1],
      ],
    ],
    ['SELECT sum(x) FROM (SELECT explode(array(1, 2, 3)) AS x FROM people)', [[18]]],
    [
      'SELECT id, explode_outer(tags) AS tag FROM people ORDER BY id, tag',
      [
        [1, 'a'],
        [1, 'b'],
        [2, null],
        [3, null],
      ],
    ],
    ['SELECT * FROM explode(array(1, 2)) AS e(v)', [[1], [2]]],
    [
      "SELECT stack(2, 1, 'a', 2, 'b') AS (n, s)",
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ],
    [
      'SELECT t.tag, i.sku FROM people LATERAL VIEW explode(tags) t AS tag LATERAL VIEW explode(items) i AS item LATERAL VIEW inline(array(item)) i AS sku, price, qty ORDER BY 1, 2',
      [
        ['a', 's1'],
        ['a', 's2'],
        ['b', 's1'],
        ['b', 's2'],
      ],
    ],
  ])('%s', async (text, rows) => {
    expect(await rowsOf(text)).toEqual(rows)
  })

  it('multiply rows after windows have seen them', async () => {
    const text =
      'SELECT id, row_number() OVER (ORDER BY id) AS n, explode(array(1, 2)) AS x FROM people ORDER BY id, x'
    expect(await rowsOf(text)).toEqual([1, 2, 3].flatMap((id) => [1, 2].map((x) => [id, id, x])))
  })
})

describe('paths, conversions, order', () => {
  it.each([
    [
      'SELECT WEB.page.NAME, ids.ecid[0].id, items.sku, items[1].price FROM people WHERE id = 1',
      [['home', 'e1', '{"s1","s2"}', 2.5]],
    ],
    ["SELECT id FROM people WHERE at >= '2024-01-02' AND age = '25' AND day > DATE '2024-01-01'", [[2]]],
    [
      'SELECT CAST(web AS string), CAST(score * 1e7 AS string), CAST(name AS int), CAST(score AS int) FROM people ORDER BY id',
      [
        ['{{home, 1.0}, /h}', '1.5E7', null, 1],
        [null, '2.5E7', null, 2],
        ['{{shop, 3.0}, null}', null, null, null],
      ],
    ],
    ['SELECT age FROM people ORDER BY age', [[null], [25], [30]]],
    ['SELECT age FROM people ORDER BY age DESC', [[30], [25], [null]]],
    ['SELECT age FROM people ORDER BY age DESC NULLS FIRST LIMIT 1 OFFSET 1', [[30]]],
    ["SELECT id FROM people ORDER BY 'x', id DESC LIMIT 1", [[3]]],
    ['SELECT id + 1 AS n, n * 2 AS m FROM people ORDER BY m LIMIT 1', [[2, 4]]],
    [
      'SELECT transform(tags, (t, i) -> concat(t, i)), exists(items, i -> i.price > 2) FROM people WHERE id = 1',
      [['{"a0","b1"}', true]],
    ],
    ['SELECT name FROM people QUALIFY row_number() OVER (ORDER BY age DESC) = 1', [['ann']]],
  ])('%s', async (text, rows) => {
    expect(await rowsOf(text)).toEqual(rows)
  })

  it('keeps the type of a NULL that the engine would forget', async () => {
    const answer = await sql.run(
      "CREATE TABLE nothing AS SELECT name || NULL || 'b' AS x FROM people; SELECT concat(x, 'c') FROM nothing LIMIT 1",
    )
    expect(answer.rows).toEqual([[null]])
    const typed = await sql.run("SELECT name || NULL || 'b' AS x FROM people LIMIT 1")
    expect(typed.engineTypes).toEqual(['VARCHAR'])
  })

  it('prints the same statement the same', async () => {
    const text =
      'WITH a AS (SELECT id, NEXT(name) OVER (ORDER BY id) n FROM people) SELECT * FROM a x JOIN a y USING (id)'
    expect((await sql.run(text)).text).toBe((await sql.run(text)).text)
  })
})

describe('what scans are asked for', () => {
  const scanned = async (text: string): Promise<unknown[]> =>
    (await sql.run(text)).scans.map(({ columns, predicates }) => [
      columns.join(),
      predicates.map(({ column, operator, value }) => `${column} ${operator} ${value}`).join(),
    ])

  it.each([
    [
      "SELECT id FROM (SELECT * FROM people) WHERE at >= '2024-01-02'",
      [['id,at', 'at >= 2024-01-02T00:00:00.000000Z']],
    ],
    [
      "SELECT id FROM people WHERE CAST(at AS date) = DATE '2024-01-02'",
      [['id,at', 'at >= 2024-01-02T00:00:00.000000Z,at < 2024-01-03T00:00:00.000000Z']],
    ],
    ['SELECT count(*) FROM people', [['', '']]],
    [
      "SELECT p.id FROM people p LEFT JOIN homes h ON p.id = h.id AND h.id > 3 AND p.age > 5 WHERE p.id > 0 AND h.city = 'x'",
      [
        ['id,age', 'id > 0'],
        ['id,city', 'id > 3'],
      ],
    ],
    [
      'SELECT n FROM (SELECT id, age, row_number() OVER (PARTITION BY id ORDER BY age) n FROM people) WHERE id = 3 AND age > 4 AND n = 1',
      [['id,age', 'id = 3']],
    ],
    ['SELECT id FROM (SELECT id FROM people ORDER BY id LIMIT 5) WHERE id = 1', [['id', '']]],
    [
      'SELECT n FROM (SELECT age, count(*) n FROM people GROUP BY age) WHERE age < 9 AND n > 1',
      [['age', 'age < 9']],
    ],
    [
      'WITH a AS (SELECT * FROM people WHERE age > 3) SELECT x.id FROM a x JOIN a y ON x.id = y.id WHERE x.id > 5 AND y.id > 5 AND y.age < 100',
      [['id,age', 'age > 3,id > 5']],
    ],
    ['SELECT id FROM people WHERE id > 5 OR age > 3', [['id,age', '']]],
    [
      "SELECT session.num FROM (SELECT *, SESS_TIMEOUT(at, 5) OVER (PARTITION BY name ORDER BY at) AS session FROM people) WHERE name = 'ann' AND id = 1",
      [['id,name,at', 'name = ann']],
    ],
  ])('%s', async (text, wanted) => {
    expect(await scanned(text)).toEqual(wanted)
  })
})

describe('windows over windows', () => {
  const staged = 'SELECT SESS_TIMEOUT(at, 1800) OVER (PARTITION BY name ORDER BY at) AS s, id FROM people'

  it('compute no more than is asked for', async () => {
    const [asked, whole] = await Promise.all([sql.run(`SELECT s.num FROM (${staged})`), sql.run(staged)])
    expect(whole.text.match(/ OVER \(/g)).toHaveLength(4)
    expect(asked.text.match(/ OVER \(/g)).toHaveLength(3)
  })

  it('share what is the same', async () => {
    const call = 'SESS_TIMEOUT(at, 1800) OVER (PARTITION BY name ORDER BY at)'
    const twice = await sql.run(`SELECT ${call}.num AS a, ${call}.num + 1 AS b FROM people ORDER BY id`)
    expect(twice.text.match(/ OVER \(/g)).toHaveLength(3)
    expect(twice.rows).toEqual([
      [1, 2],
      [1, 2],
      [null, null],
    ])
  })

  it('stand on groups, beside subqueries, below DISTINCT', async () => {
    expect(
      await rowsOf(
        `SELECT age, SESS_START_IF(max(at), count(*) > 1) OVER (ORDER BY age).num AS s,
           (SELECT count(*) FROM homes) AS n FROM people GROUP BY age ORDER BY age`,
      ),
    ).toEqual([
      [null, null, 3],
      [25, 1, 3],
      [30, 1, 3],
    ])
    expect(await rowsOf(`SELECT DISTINCT s.num FROM (${staged}) ORDER BY 1`)).toEqual([[null], [1]])
  })

  it('may name the row in a subquery', async () => {
    expect(
      await rowsOf(
        `SELECT id, (SELECT max(city) FROM homes h WHERE h.id = p.id) AS c,
           NEXT(name) OVER (ORDER BY id).value AS n FROM people p ORDER BY id`,
      ),
    ).toEqual([
      [1, 'Bern', 'bob'],
      [2, null, 'cy'],
      [3, null, null],
    ])
  })
})

describe('parameters', () => {
  it('take the values given', async () => {
    const answer = await sql.run('SELECT id FROM people WHERE name = $1 AND id <= $2', {
      parameters: [
        { type: stringType, value: 'bob' },
        { type: longType, value: 2n },
      ],
    })
    expect(answer.rows).toEqual([[2]])
  })
})

describe('PIVOT, UNPIVOT and TABLESAMPLE', () => {
  const sales = "(SELECT * FROM VALUES (1, 'a', 10), (1, 'b', 20), (2, 'a', 5), (2, 'a', 6) AS v(id, k, n))"
  it.each([
    [
      `SELECT * FROM ${sales} PIVOT (sum(n) FOR k IN ('a', 'b' AS bee)) ORDER BY id`,
      [
        [1, 10, 20],
        [2, 11, null],
      ],
    ],
    [
      `SELECT p.id, a_s, b_c FROM ${sales} PIVOT (sum(n) AS s, count(*) + 1 c FOR k IN ('a', 'b')) p ORDER BY 1`,
      [
        [1, 10, 2],
        [2, 11, null],
      ],
    ],
    [`SELECT * FROM ${sales} PIVOT (max(n) FOR (id, k) IN ((1, 'a') AS x, (2, 'b') AS y))`, [[10, null]]],
    [
      "SELECT * FROM (SELECT 1 id, 2 q1, NULL q2) UNPIVOT (v FOR q IN (q1, q2 AS 'second')) u",
      [[1, 'q1', 2]],
    ],
    [
      "SELECT q, v FROM (SELECT 1 id, 2 q1, NULL q2) UNPIVOT INCLUDE NULLS (v FOR q IN (q1, q2 AS 'second')) ORDER BY q",
      [
        ['q1', 2],
        ['second', null],
      ],
    ],
    ['SELECT count(p.id) FROM people p TABLESAMPLE (100 PERCENT)', [[3]]],
    ['SELECT count(people.id) FROM people TABLESAMPLE (0 PERCENT)', [[0]]],
    ['SELECT count(*) FROM people TABLESAMPLE (2 ROWS) s', [[2]]],
    // None of them is reserved.
    ['SELECT pivot.id FROM people pivot WHERE pivot.id = 1', [[1]]],
  ])('%s', async (text, rows) => {
    expect(await rowsOf(text)).toEqual(rows)
  })
})

describe('columns by rule', () => {
  it.each([
    ['SELECT web.page.*, p.id FROM people p WHERE id = 1', ['name', 'views', 'id']],
    ['SELECT * EXCLUDE name FROM homes', undefined],
    ['SELECT * EXCLUDE city FROM homes', ['id']],
    ['SELECT h.* EXCLUDE (id) FROM homes h', ['city']],
  ])('%s', async (text, columns) => {
    if (columns) expect((await sql.run(text)).columns).toEqual(columns)
    else await expect(sql.run(text)).rejects.toMatchObject({ code: 'query.unknown_column' })
  })

  it('knows what NULL is among numbers, and that a list without an element is NULL', async () => {
    const { types, rows } = await sql.run(
      'SELECT 1 + NULL, 1L * NULL, NULL - 2.5, NULL / 2, concat(array(1), NULL)',
    )
    expect(types.map(sparkName)).toEqual(['int', 'bigint', 'decimal(3,1)', 'double', 'array<int>'])
    expect(rows).toEqual([[null, null, null, null, null]])
  })

  it('numbers the sets of a grouping by all that it groups by', async () => {
    const text =
      'SELECT age, grouping_id() g, count(*) FROM people GROUP BY ROLLUP (age) HAVING grouping_id() = 1'
    expect(await rowsOf(text)).toEqual([[null, 1, 3]])
  })

  it('refuses a query inside a function of a function', async () => {
    for (const body of ['(SELECT max(id) FROM homes)', 'x IN (SELECT city FROM homes)']) {
      await expect(sql.run(`SELECT transform(tags, x -> ${body}) FROM people`)).rejects.toMatchObject({
        code: 'query.unsupported',
        position: { line: 1 },
      })
    }
  })

  it('reads typed lists', async () => {
    expect(await rowsOf("SELECT ARRAY<STRUCT<a: bigint, b: string>>[(1, 'x')][0].b, ARRAY[1, 2][1]")).toEqual(
      [['x', 2]],
    )
  })
})

it.each([
  'TABLE homes ORDER BY city LIMIT 1',
  'SELECT * FROM homes WHERE false UNION ALL TABLE homes ORDER BY city FETCH FIRST ROW ONLY',
])('%s', async (text) => expect(await rowsOf(text)).toEqual([[1, 'Basel']]))
