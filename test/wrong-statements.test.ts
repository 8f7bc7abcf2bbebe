import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sqlClients } from './support/sql-clients.ts'

/** What a client learns of a statement that is wrong: the code, the place, what to do, and nothing of what is below. */
interface Learnt {
  readonly code: string
  readonly message: string
  readonly hint: string
  /** 1-based, in characters of the request. */
  readonly position: number | undefined
}

let folder: string
let product: Product
let learnt: (sql: string) => Promise<Learnt | undefined>
const closing = new AsyncDisposableStack()

beforeAll(async () => {
  folder = passableFolder('wrong')
  const env = { SLUICE_ENGINE_MEMORY_BYTES: '1GB' }
  product = await startProduct({ home: join(folder, 'home'), env })
  await product.run(`CREATE TABLE visits AS SELECT 1 AS n, 'home' AS name, struct('x' AS title, 2 AS views) AS page,
      array('a') AS tags, map('k', 1) AS marks, timestamp '2026-01-01 00:00:00' AS at, X'ff41' AS bytes;
    CREATE VIEW seen AS SELECT n FROM visits;
    CREATE TABLE gone AS SELECT 1 AS n;
    CREATE VIEW lost AS SELECT n FROM gone;
    CREATE VIEW found AS SELECT n FROM lost;
    DROP TABLE gone;
    CREATE DATABASE sales; CREATE SCHEMA sales.north`)
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => (end = resolve))
  const ready = new Promise<void>((resolve, reject) => {
    const whole = sqlClients(product, join(folder, 'home')).connected('prod:all', async (client) => {
      learnt = async (sql) => {
        try {
          await client.query(sql)
          return undefined
        } catch (error) {
          const { code = '', message, hint = '', position } = error as ServerError
          return { code, message, hint, position: position === undefined ? undefined : Number(position) }
        }
      }
      resolve()
      await ended
    })
    closing.defer(async () => await whole)
    whole.catch(reject)
  })
  closing.defer(() => end())
  await ready
})
afterAll(async () => {
  await closing.disposeAsync()
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** As the driver gives it. */
interface ServerError extends Error {
  readonly code?: string
  readonly hint?: string
  readonly position?: string
}

/** Words of the engine, of our own insides and of this machine. */
const inner =
  /\bu?int(?:8|16|32|64)\b|duckdb|binder error|catalog error|parser error|conversion error|invalid input|out of range error|internal error|not implemented|broken invariant|string length|elements are not|read_parquet|struct_pack|struct_extract|list_transform|try_cast|hugeint|varchar|blob|could not read the statement|argument for ntile|destination type|pack nothing|missing \)|c\d+\b.*source|\/(?:tmp|work|home|root|usr|var)\/|\.parquet|\.ts\b|postgres_|select_|relation "/i

/** A statement, its SQLSTATE, and the text that begins where it is wrong; `?`: no place is asked for. */
const wrong: readonly (readonly [sql: string, code: string, at: string])[] = [
  // Text.
  ['SELECT', '42601', ''],
  ['SELEC 1', '42601', 'SELEC'],
  ['SELECT 1 FROM', '42601', ''],
  ['SELECT 1 +', '42601', ''],
  ['SELECT (1', '42601', ''],
  ['SELECT 1)', '42601', ')'],
  ["SELECT 'open", '42601', "'open"],
  ['SELECT "open', '42601', '"open'],
  ['SELECT `open', '42601', '`open'],
  ['SELECT 1 /* open', '42601', '/*'],
  ['SELECT #', '42601', '#'],
  ['SELECT @', '42601', '@'],
  ['SELECT $', '42601', '$'],
  ['SELECT CASE WHEN n THEN 1', '42601', ''],
  ['SELECT CASE END', '42601', 'END'],
  ['SELECT CAST(1 AS nonsense)', '42601', '?'],
  ['SELECT CAST(1)', '42601', ')'],
  ['SELECT n FROM visits WHERE', '42601', ''],
  ['SELECT n FROM visits GROUP n', '42601', 'GROUP'],
  ['SELECT n FROM visits JOIN', '42601', ''],
  ['SELECT n, FROM visits', '42601', 'FROM'],
  ['SELECT * FROM visits SNAPSHOT', '42601', ''],
  ['SELECT n FROM visits TABLESAMPLE (200 PERCENT)', '22P02', '200'],
  ['SELECT n FROM visits TABLESAMPLE (-5 PERCENT)', '22P02', '-5'],
  ['SELECT n FROM visits TABLESAMPLE (100.5 PERCENT)', '22P02', '100.5'],
  ['INSERT visits SELECT 1', '42601', 'visits'],
  ['INSERT INTO visits', '42601', ''],
  ['CREATE TABLE', '42601', ''],
  ['CREATE TABLE t', '42601', ''],
  ['CREATE TABLE t ()', '42601', ')'],
  ['CREATE TABLE t (a)', '42601', ')'],
  ['CREATE VIEW v', '42601', ''],
  ['DROP TABLE', '42601', ''],
  ['DROP', '42601', ''],
  ['SELECT n FROM visits QUALIFY n > 1', '42601', 'n > 1'],
  ['SELECT n FROM visits GROUP BY n QUALIFY count(*) IN (SELECT 1)', '42601', 'count(*) IN'],
  ['$$ BEGIN SELECT 1;', '42601', ''],
  ['$$ BEGIN SELECT 1 SELECT 2; END $$', '42601', 'SELECT 2'],
  ['IF 1 = 1 THEN SELECT 1; END IF', '42601', 'IF'],
  ["SELECT X'zz'", '42601', '?'],
  ['FETCH 1', '42601', '1'],
  ['PREPARE p SELECT 1', '42601', 'SELECT'],
  ['EXPLAIN SET x = 1', '42601', 'SET'],
  // What PostgreSQL has.
  ['INSERT INTO visits (n) VALUES (1) RETURNING n', '0A000', 'RETURNING'],
  ['INSERT INTO visits (n) SELECT 1 RETURNING *', '0A000', 'RETURNING'],
  ['INSERT INTO visits (n) SELECT n FROM visits returning n, name', '0A000', 'returning'],
  ['INSERT INTO visits (n) SELECT n FROM visits WHERE n = 1 RETURNING visits.n', '0A000', 'RETURNING'],
  ["SELECT n FROM visits WHERE name NOT SIMILAR TO 'h%'", '0A000', 'SIMILAR'],
  ['WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT n FROM t', '0A000', 't AS'],
  [
    'WITH RECURSIVE a AS (SELECT 1 AS n), t AS (SELECT n FROM a, t) SELECT n FROM t',
    '0A000',
    't AS (SELECT n',
  ],
  // Names.
  ['SELECT * FROM visit', '42P01', 'visit'],
  ['SELECT * FROM sales.north.visits', '42P01', 'sales'],
  ['SELECT * FROM other.visits', '42P01', 'other'],
  ['SELECT * FROM visits v JOIN vists w ON v.n = w.n', '42P01', 'vists'],
  ['INSERT INTO vsits SELECT 1', '42P01', 'vsits'],
  ['DROP TABLE vsits', '42P01', 'vsits'],
  ['DESCRIBE vsits', '42P01', 'vsits'],
  ['ANALYZE TABLE vsits COMPUTE STATISTICS', '42P01', 'vsits'],
  ['ALTER TABLE vsits ADD COLUMN a int', '42P01', 'vsits'],
  ['DROP VIEW seeen', '42P01', 'seeen'],
  ["SELECT history_meta('vsits')", '42P01', '?'],
  ['SELECT nme FROM visits', '42703', 'nme'],
  ['SELECT v.nme FROM visits v', '42703', '?'],
  ['SELECT page.titel FROM visits', '42703', '?'],
  ['SELECT w.n FROM visits v', '42703', 'w'],
  ['SELECT n FROM visits ORDER BY nope', '42703', 'nope'],
  ['SELECT n FROM visits GROUP BY nope', '42703', 'nope'],
  ['SELECT * EXCEPT (nope) FROM visits', '42703', '?'],
  ['SELECT uper(name) FROM visits', '42883', 'uper'],
  ['SELECT no_such_function()', '42883', 'no_such_function'],
  ["SELECT read_text('/etc/passwd')", '42883', 'read_text'],
  ['SELECT @nothing', '42704', '@nothing'],
  ['EXECUTE nothing', '26000', '?'],
  ['DEALLOCATE nothing', '26000', '?'],
  ['FETCH 1 FROM nothing', '34000', '?'],
  ['CREATE TABLE salse.north.t AS SELECT 1 AS a', '3D000', 'salse'],
  ['CREATE TABLE sales.nort.t AS SELECT 1 AS a', '3F000', 'sales'],
  ['SHOW no_such_property', '22023', '?'],
  ['SET no_such_property = 1', '22023', '?'],
  // Types and meaning.
  ['SELECT page + 1 FROM visits', '42804', '?'],
  ['SELECT tags = 1 FROM visits', '42804', '?'],
  ['SELECT CAST(page AS int) FROM visits', '42804', '?'],
  ['SELECT n FROM visits WHERE page', '42804', '?'],
  ['SELECT sum(tags) FROM visits', '42804', '?'],
  ['SELECT CASE WHEN true THEN 1 ELSE tags END FROM visits', '42804', '?'],
  ['SELECT n FROM visits UNION SELECT tags FROM visits', '42804', '?'],
  ['SELECT n FROM visits UNION SELECT n, n FROM visits', '42804', '?'],
  ['SELECT n, count(*) FROM visits', '42804', 'n,'],
  ['SELECT name FROM visits GROUP BY n', '42804', 'name'],
  ['SELECT n FROM visits WHERE count(*) > 1', '42601', 'count'],
  ['SELECT sum(sum(n)) FROM visits', '42601', 'sum(n)'],
  ['SELECT (SELECT n, name FROM visits)', '42804', '?'],
  ['SELECT n IN (SELECT n, name FROM visits) FROM visits', '42804', '?'],
  ['SELECT SESS_TIMEOUT(at, 60) FROM visits', '42601', 'SESS'],
  ['SELECT array_union(n, n) FROM visits', '42804', 'array_union'],
  ['SELECT arrays_overlap(name, name) FROM visits', '42804', 'arrays_overlap'],
  ['SELECT percentile(n, n) FROM visits', '42804', 'percentile'],
  ['SELECT percentile_cont(n) WITHIN GROUP (ORDER BY n) FROM visits', '42804', 'percentile_cont'],
  ['SELECT listagg(name, name) FROM visits', '42804', 'listagg'],
  ['SELECT histogram_numeric(n, n) FROM visits', '42804', 'histogram_numeric'],
  ['SELECT hll_union_agg(bytes, n > 1) FROM visits', '42804', 'hll_union_agg'],
  ["SELECT map_concat('a') FROM visits", '42804', 'map_concat'],
  ['SELECT map_concat(name, name) FROM visits', '42804', 'map_concat'],
  ['SELECT array_contains(array(page), name) FROM visits', '42804', 'array_contains'],
  ['SELECT array_position(array(page), name) FROM visits', '42804', 'array_position'],
  ['SELECT row_number() OVER (ORDER BY n) AS r, count(*) FROM visits GROUP BY 1', '42601', '1'],
  ['SELECT row_number() OVER (ORDER BY n) AS placed, count(*) FROM visits GROUP BY placed', '42601', '?'],
  ['SELECT n FROM visits GROUP BY n HAVING rank() OVER (ORDER BY n) = 1', '42601', 'rank'],
  ['SELECT n, rank() OVER (ORDER BY n) AS r FROM visits GROUP BY n HAVING r = 1', '42601', 'r = 1'],
  ['SELECT sum(n) OVER (ORDER BY name RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM visits', '42804', '?'],
  ['SELECT sum(n) OVER (ORDER BY at RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM visits', '42804', '?'],
  ['SELECT sum(n) OVER (ORDER BY n, at RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM visits', '42804', '?'],
  ['SELECT sum(n) OVER (RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM visits', '42804', '?'],
  ['SELECT upper() FROM visits', '42804', 'upper'],
  ['SELECT explode(tags) || name FROM visits', '42601', 'explode'],
  ['SELECT struct(explode(tags)) FROM visits', '42601', 'explode'],
  ['SELECT struct(explode(tags) AS a, n) FROM visits', '42601', 'explode'],
  ['SELECT CAST(explode(marks) AS string) FROM visits', '42601', 'explode'],
  ['SELECT substring() FROM visits', '42804', 'substring'],
  ['SELECT n FROM visits ORDER BY 5', '42601', '5'],
  ['SELECT transform(tags, 1) FROM visits', '42804', '?'],
  ["INSERT INTO visits SELECT 'x'", '42804', '?'],
  ['INSERT INTO visits (nope) SELECT 1', '42804', '?'],
  ['CREATE TABLE two AS SELECT 1 AS a, 2 AS a', '42P16', 'two'],
  ['CREATE TABLE visits AS SELECT 1 AS a', '42P07', 'visits'],
  ['CREATE TABLE seen AS SELECT 1 AS a', '42P07', 'seen'],
  ['CREATE VIEW visits AS SELECT 1 AS a', '42P07', 'visits'],
  ['CREATE DATABASE sales', '42710', 'sales'],
  ['ALTER TABLE visits ADD COLUMN n int', '42804', 'visits'],
  ['ALTER TABLE visits ADD CONSTRAINT PRIMARY KEY (nope) NAMESPACE ECID', '42703', 'visits'],
  ['ALTER TABLE visits ADD FOREIGN KEY (n) REFERENCES visits (nope) NOT ENFORCED', '42703', 'visits'],
  ['ALTER TABLE visits DROP CONSTRAINT IDENTITY (n)', '42704', 'visits'],
  ["CREATE TABLE three WITH (schema = 'None such') AS SELECT 1 AS a", '42704', 'three'],
  ['CREATE TABLE three AS SELECT n, count(*) FROM visits GROUP BY n', '42601', 'count(*)'],
  ['CREATE TABLE three AS (SELECT max(n) + 1 FROM visits UNION SELECT 1)', '42601', 'max(n)'],
  ['SELECT min(n) INTO three FROM visits', '42601', 'min(n)'],
  [
    '$$ BEGIN IF true THEN CREATE TABLE three AS SELECT sum(n) FROM visits; END IF; END $$',
    '42601',
    'sum(n)',
  ],
  ['ANALYZE TABLE visits COMPUTE STATISTICS FOR COLUMNS (nope)', '42703', 'visits'],
  ['DROP DATABASE prod', '3D000', 'prod'],
  // What there is not.
  ['UPDATE visits SET n = 1', '0A000', 'UPDATE'],
  ['DELETE FROM visits', '0A000', 'DELETE'],
  ['INSERT OVERWRITE visits SELECT 1', '0A000', 'INSERT'],
  ['CREATE INDEX i ON visits (n)', '0A000', 'CREATE'],
  ['CREATE FUNCTION f() RETURNS int', '0A000', 'CREATE'],
  ['GRANT ALL ON visits TO bob', '0A000', 'GRANT'],
  ['LISTEN news', '0A000', 'LISTEN'],
  ['SELECT make_interval(days => 3)', '0A000', 'days'],
  ['MOVE 2 IN c', '34000', '?'],
  ['SELECT * FROM seen SNAPSHOT SINCE 1', '0A000', '?'],
  ["SELECT 'before the view', n FROM found", '42P01', 'found'],
  ['WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r', '0A000', 'r'],
  ["COPY visits TO '/etc/passwd'", '0A000', "'/etc/passwd'"],
  ['EXPLAIN ANALYZE INSERT INTO visits SELECT 1', '0A000', 'INSERT'],
  ['SELECT DISTINCT ON (n) explode(tags) FROM visits', '0A000', 'SELECT'],
  ['SELECT n FROM visits LIMIT 100001', '53400', '100001'],
  ["SELECT stack(2, 1, 'a', array(2), 'b')", '42804', 'stack'],
  ['SELECT *, count(*) FROM visits', '42804', '*'],
  ['WITH a AS (SELECT 1 AS x), A AS (SELECT 2 AS x) SELECT x FROM a', '42601', 'A AS (SELECT 2'],
  ['SELECT n FROM visits LIMIT -1', '22P02', '-1'],
  ["SELECT n FROM visits LIMIT 'a'", '22P02', "'a'"],
  ['SELECT n FROM (SELECT n FROM visits LIMIT 1.5)', '22P02', '1.5'],
  ['SELECT n FROM visits LIMIT 1 OFFSET -2', '22P02', '-2'],
  ['SELECT percentile(n, 2) FROM visits', '22P02', 'percentile'],
  ['SELECT percentile(n, NULL) FROM visits', '22P02', '?'],
  ["SELECT percentile(n, 'x') FROM visits", '22P02', '?'],
  ['SELECT percentile_approx(n, array(0.5, -0.5)) FROM visits', '22P02', '?'],
  ["SELECT repeat('x', 100000000)", '53400', '?'],
  // Constants that a function cannot work with.
  ['SELECT hll_build_agg(name, 30) FROM visits', '22P02', 'hll_build_agg'],
  ["SELECT to_char(1, 'abc')", '0A000', 'to_char'],
  ["SELECT date_format(at, 'YYYY') FROM visits", '22P02', 'date_format'],
  ["SELECT window(at, '0 hour') FROM visits", '22P02', 'window'],
  ["SELECT 'a' LIKE 'b' ESCAPE 'xx'", '22P02', "'xx'"],
  [
    'SELECT SESS_TIMEOUT(at, 60) FILTER (WHERE n > 1) OVER (ORDER BY at) FROM visits',
    '42601',
    'SESS_TIMEOUT',
  ],
  ['SELECT SESS_TIMEOUT(DISTINCT at, 60) OVER (ORDER BY at) FROM visits', '42601', 'SESS_TIMEOUT'],
  ['SELECT PREVIOUS(n) IGNORE NULLS OVER (ORDER BY at) FROM visits', '42601', 'PREVIOUS'],
  ['SELECT rank() FILTER (WHERE n > 1) OVER (ORDER BY at) FROM visits', '42601', 'rank'],
  ['SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) FROM visits', '42601', '?'],
  ['SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM visits', '42601', '?'],
  ['SELECT aggregate(tags, 0, x -> x) FROM visits', '42804', 'x ->'],
  ['SELECT zip_with(tags, tags, x -> x) FROM visits', '42804', 'x ->'],
  ['SELECT grouping(n) FROM visits', '42804', 'grouping'],
  ['SELECT grouping_id(n) FROM visits GROUP BY name', '42804', 'grouping_id'],
  // Values, which only the engine meets.
  ['SELECT from_utc_timestamp(at, name) FROM visits', '22000', '?'],
  ["SELECT make_timestamp(2020, 1, 1, 1, 1, 1, 'Mars')", '22000', '?'],
  ["SELECT interval '1' month * 5000000000", '22000', '?'],
  ['SELECT count(*) FROM range(100000000000)', '22000', '?'],
  ["SELECT format_string('%2000000000d', n) FROM visits", '22000', '?'],
  ['SELECT ntile(0) OVER (ORDER BY n) FROM visits', '22000', '?'],
  ["SELECT raise_error('mine')", '22000', '?'],
  ['SELECT raise_error(CAST(NULL AS string))', '22000', '?'],
  ["SELECT if(n = 1, raise_error('mine'), n) FROM visits", '22000', '?'],
  ['SELECT CASE WHEN n = 1 THEN raise_error(name) ELSE page END FROM visits', '22000', '?'],
  ["SELECT coalesce(CAST(raise_error('mine') AS int), n) FROM visits", '22000', '?'],
  ["SELECT n FROM visits WHERE upper(raise_error('mine')) = 'X'", '22000', '?'],
  ['SELECT assert_true(n = 2) FROM visits', '22000', '?'],
  ["SELECT map_from_arrays(array('a', 'a'), array(1, 2))", '22000', '?'],
  ["SELECT regexp_extract(name, '(') FROM visits", '22000', '?'],
  ['SELECT (SELECT n FROM visits UNION ALL SELECT 2) + 1', '21000', '?'],
  ["SELECT schema_of_json('[1.5]', map('prefersDecimal', 'true'))", '0A000', '?'],
  ["SELECT schema_of_json('[1]', map('inferTimestamp', 'true'))", '0A000', '?'],
  ["SELECT date_format(at, 'QQQQQQ') FROM visits", '22P02', 'date_format'],
  ["SELECT n FROM visits SNAPSHOT AS OF 'yesterday'", '22P02', "'yesterday'"],
  ['SELECT n FROM visits SNAPSHOT SINCE 5', '58P01', '5'],
  ['INSERT INTO visits (n) SELECT 3000000000', '22000', '?'],
]

describe('what is wrong is said with its code and place, and nothing of the engine', () => {
  it.each(wrong)('%s', async (sql, code, at) => {
    const answer = await learnt(sql)
    expect(answer?.code, answer?.message ?? 'It was carried out.').toBe(code)
    expect(`${answer?.message} ${answer?.hint}`).not.toMatch(inner)
    if (at === '?') return
    const from = at === '' ? sql.length : sql.indexOf(at)
    expect(answer?.position).toBe(from + 1)
  })

  const many = (text: (index: number) => string, between: string): string =>
    Array.from({ length: 1100 }, (_, index) => text(index)).join(between)

  it.each([
    ['joins', () => `SELECT 1 FROM ${many((index) => `(SELECT 1) t${index}`, ', ')}`],
    ['set operations', () => many(() => 'SELECT n FROM visits', ' EXCEPT ')],
    [
      'common tables',
      () =>
        `WITH c AS (SELECT 1), ${many((n) => `c${n} AS (SELECT * FROM c${n - 1 < 0 ? '' : n - 1})`, ', ')} SELECT * FROM c1099`,
    ],
  ])('a thousand %s in a row are too many', async (_what, sql) => {
    expect(await learnt(sql())).toMatchObject({ code: '53400', message: expect.stringMatching(/too many/) })
  })

  it.each([
    ['SELECT * FROM visit', /Did you mean visits\?/],
    ['INSERT INTO vsits SELECT 1', /Did you mean visits\?/],
    ['DROP TABLE vsits', /Did you mean visits\?/],
    ['SELECT nme FROM visits', /Did you mean (?:n|name)\b/],
    ['SELECT page.titel FROM visits', /Did you mean title\?/],
    ['CREATE TABLE salse.north.t AS SELECT 1 AS a', /Did you mean sales\?/],
    ['DROP VIEW seeen', /Did you mean seen\?/],
    ['SELECT uper(name) FROM visits', /Did you mean upper\b/],
    ['SET drop_system_column = true', /drop_system_columns/],
  ])('%s has a suggestion', async (sql, hint) => {
    expect((await learnt(sql))?.hint).toMatch(hint)
  })

  it('says line and column of a request of several lines', async () => {
    const text = await product.rows('\n\n  SELECT n\n  FROM vsits').catch(String)
    expect(text).toMatch(/"line":4,"column":8/)
  })
})
