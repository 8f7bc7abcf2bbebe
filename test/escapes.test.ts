import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, describe, expect, it } from 'vitest'
import { AppError } from '#base/errors.ts'
import { createSqlFrontEnd } from '#sql/front-end.ts'
import { functionEntries } from '#sql/functions/registry.ts'
import { parseSparkType } from '#types/spark-ddl.ts'

/**
 * Nothing that a statement says may become more than one query of the tables it was bound to: no file, no setting, no
 * network, no other statement. What the engine would refuse anyway must not even reach it.
 */
const frontEnd = createSqlFrontEnd()
const columns = parseSparkType(
  'struct<n:int,name:string,at:timestamp,page:struct<title:string>,tags:array<string>>',
)

let connection: DuckDBConnection

beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect()
})

/** What the engine would be given; undefined: refused, or carried out without it. */
function engineText(sql: string): string | undefined {
  let text: string | undefined
  try {
    for (const scanned of frontEnd.split(sql)) {
      const statement = frontEnd.parse(scanned)
      const query = 'query' in statement ? statement.query : undefined
      if (!query) continue
      const bound = frontEnd.bind(query, {
        catalogue: {
          table: ([name, ...more]) =>
            more.length === 0 && name?.toLowerCase() === 't' && columns.kind === 'struct'
              ? { key: 't', name: 't', columns, systemColumns: { kind: 'struct', fields: [] } }
              : undefined,
          tableNames: ['t'],
        },
        variables: {},
        dropsSystemColumns: true,
        now: new Date('2026-01-01T00:00:00Z'),
      })
      text = bound.print('duckdb', new Map(bound.scans.map((scan) => [scan, '(SELECT * FROM own_scan)'])))
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'internal') throw error
  }
  return text
}

/** Functions by which the engine reaches files, settings, other databases or text as code. */
const reaching =
  /\b(?:read_\w+|glob|sniff_csv|parquet_\w+|sqlite_\w+|postgres_\w+|mysql_\w+|iceberg_\w+|delta_scan|duckdb_\w+|pragma_\w+|getenv|getvariable|current_setting|set_config|query|query_table|which_secret|nextval|currval|load_\w+|write_log|st_read\w*|copy|attach|install|pragma|call|export|import)\s*\(/i

async function isHarmless(text: string): Promise<void> {
  const extracted = await connection.extractStatements(text)
  expect(extracted.count, text).toBe(1)
  const bare = text.replaceAll(/'(?:[^']|'')*'/g, "''").replaceAll(/"(?:[^"]|"")*"/g, '""')
  expect(bare).not.toMatch(reaching)
  expect(bare).not.toMatch(/(?<!distinct )\b(?:from|join)\s+''/i)
  // The engine takes a table's name that is none for a file's.
  const names = [...text.replaceAll(/'(?:[^']|'')*'/g, "''").matchAll(/\b(?:from|join)\s+"((?:[^"]|"")*)"/gi)]
  expect(names.map(([, name]) => name).filter((name) => /[./:]/.test(name ?? ''))).toEqual([])
}

const path = '/etc/passwd'
const refused: readonly string[] = [
  ...[
    'read_text',
    'read_blob',
    'read_csv',
    'read_csv_auto',
    'read_parquet',
    'parquet_scan',
    'read_json',
    'glob',
  ].flatMap((name) => [
    `SELECT * FROM ${name}('${path}')`,
    `SELECT ${name}('${path}')`,
    `SELECT * FROM LATERAL ${name}('${path}')`,
  ]),
  `SELECT * FROM '${path}'`,
  `SELECT * FROM "${path}"`,
  `SELECT * FROM \`${path}\``,
  `SELECT * FROM t JOIN '${path}' ON true`,
  `SELECT * FROM t, \`s3://bucket/file.parquet\``,
  'SELECT * FROM parquet.`/etc/passwd`',
  'SELECT * FROM `https://example.com/a.csv`',
  "SELECT getenv('HOME')",
  "SELECT current_setting('home_directory')",
  "SELECT getvariable('x')",
  'SELECT * FROM duckdb_settings()',
  'SELECT * FROM duckdb_secrets()',
  'SELECT * FROM pragma_database_list()',
  'SELECT * FROM information_schema.tables',
  'SELECT * FROM sqlite_master',
  'SELECT * FROM datasets',
  'SELECT * FROM public.credentials',
  "SELECT * FROM query('SELECT 1')",
  "SELECT * FROM query_table('t')",
  "SELECT * FROM postgres_scan('host=localhost', 'public', 'datasets')",
  "SELECT nextval('s')",
  "COPY (SELECT 1) TO '/tmp/escaped'",
  "COPY t FROM '/etc/passwd'",
  "COPY t TO PROGRAM 'sh'",
  "ATTACH '/tmp/x.db' AS x",
  'DETACH x',
  'PRAGMA database_list',
  'CALL pragma_version()',
  'INSTALL httpfs',
  'LOAD httpfs',
  "EXPORT DATABASE '/tmp/x'",
  "IMPORT DATABASE '/tmp/x'",
  'CHECKPOINT',
  'VACUUM',
  'USE memory',
  'CREATE SECRET s (TYPE s3)',
  'CREATE MACRO m() AS 1',
  "CREATE TABLE x AS SELECT * FROM read_text('/etc/passwd')",
  "CREATE TABLE x WITH (path = '/etc/passwd') AS SELECT * FROM read_text('/etc/passwd')",
  "CREATE VIEW x AS SELECT * FROM read_text('/etc/passwd')",
  "INSERT INTO t SELECT * FROM read_text('/etc/passwd')",
  "PREPARE p AS SELECT * FROM read_text('/etc/passwd')",
  "DECLARE c CURSOR FOR SELECT * FROM read_text('/etc/passwd')",
  "EXPLAIN SELECT * FROM read_text('/etc/passwd')",
  "WITH a AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM a",
  "SELECT history_meta('../../other/table')",
  "SELECT * FROM t SNAPSHOT AS OF '1) FROM read_text(''/etc/passwd'')'",
]

describe('is refused before the engine', () => {
  it.each(refused)('%s', async (sql) => {
    const text = engineText(sql)
    // A snapshot's bound is no text of the engine.
    if (sql.includes('SNAPSHOT')) return await isHarmless(text ?? 'SELECT 1')
    expect(text).toBeUndefined()
  })
})

const nasty: readonly string[] = [
  "'); COPY (SELECT 1) TO '/tmp/escaped'; --",
  `"); ATTACH '/tmp/x'; --`,
  "' || (SELECT content FROM read_text('/etc/passwd')) || '",
  '$."a\'; SELECT 1; --"',
  "yyyy'';SELECT 1;--",
  "a\\'; SELECT 1; --",
  "a'INT'; SELECT 2; --",
  '/etc/passwd',
  '',
  "\u0000'; SELECT 1; --",
]
const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
const quoted = (text: string): string => `\`${text.replaceAll('`', '``')}\``

const places: readonly ((text: string) => string)[] = [
  (text) => `SELECT ${literal(text)}`,
  (text) => `SELECT 1 AS ${quoted(text)}`,
  (text) => `SELECT ${quoted(text)}.n FROM t AS ${quoted(text)}`,
  (text) => `WITH ${quoted(text)} AS (SELECT n FROM t) SELECT * FROM ${quoted(text)}`,
  (text) => `WITH c (${quoted(text)}) AS (SELECT n FROM t) SELECT * FROM c ORDER BY ${quoted(text)}`,
  (text) => `SELECT named_struct(${literal(text)}, 1) AS s`,
  (text) => `SELECT struct(1 AS ${quoted(text)}).${quoted(text)}`,
  (text) => `SELECT map(${literal(text)}, 1)[${literal(text)}]`,
  (text) => `SELECT transform(tags, ${quoted(text)} -> upper(${quoted(text)})) FROM t`,
  (text) => `SELECT sum(n) OVER ${quoted(text)} FROM t WINDOW ${quoted(text)} AS (ORDER BY n)`,
  (text) => `SELECT * FROM t PIVOT (sum(n) FOR name IN (${literal(text)} AS ${quoted(text)}))`,
  (text) => `SELECT * FROM t LATERAL VIEW explode(tags) ${quoted(text)} AS ${quoted(`${text}c`)}`,
  (text) => `SELECT * FROM VALUES (${literal(text)}) AS v(${quoted(text)})`,
  (text) => `SELECT name LIKE ${literal(text)} ESCAPE '|', name RLIKE ${literal(text)} FROM t`,
  (text) => `SELECT CAST(${literal(text)} AS date), DATE ${literal(text)}, INTERVAL ${literal(text)}`,
  (text) => `SELECT EXTRACT(${quoted(text)} FROM at) FROM t`,
  (text) => `SELECT 1 AS a GROUP BY ${literal(text)}`,
  (text) =>
    `SELECT ATTRIBUTION_FIRST_TOUCH(at, ${literal(text)}, name) OVER (PARTITION BY n ORDER BY at) FROM t`,
  (text) => `SELECT from_json('{}', ${literal(`a struct<${quoted(text)}: int>`)})`,
  (text) => `SELECT * EXCEPT (${quoted(text)}) FROM t`,
]

it.each(nasty)('%j stays a text or a name wherever it stands', async (text) => {
  for (const place of places) {
    const printed = engineText(place(text))
    if (printed !== undefined) await isHarmless(printed)
  }
})

describe('no function makes more of its arguments than values', () => {
  const names = functionEntries.flatMap((entry) => entry.names).filter((name) => /^[a-z]\w*$/i.test(name))

  it.each(nasty)('given %j', async (text) => {
    let printedCount = 0
    const value = literal(text)
    for (const name of names) {
      const calls = [
        `${name}(${value})`,
        `${name}(name, ${value})`,
        `${name}(${value}, name)`,
        `${name}(${value}, ${value})`,
        `${name}(at, ${value})`,
        `${name}(${value}, at)`,
        `${name}(name, ${value}, ${value})`,
        `${name}(tags, ${value})`,
      ]
      for (const call of calls) {
        const printed = engineText(`SELECT ${call} FROM t`)
        if (printed === undefined) continue
        printedCount++
        await isHarmless(printed)
      }
    }
    // Most take a text somewhere; the test must not pass because all is refused.
    expect(printedCount).toBeGreaterThan(names.length / 3)
  })
})

it('sees what it looks for', async () => {
  await expect(isHarmless("SELECT * FROM read_text('x')")).rejects.toThrow()
  await expect(isHarmless('SELECT * FROM "/etc/passwd"')).rejects.toThrow()
  await expect(isHarmless("SELECT 1; COPY (SELECT 1) TO 'x'")).rejects.toThrow()
})
