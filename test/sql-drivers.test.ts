import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'
import { runPython, testWithPython } from './support/python.ts'
import { toolsCache } from './support/tools-cache.ts'

/** Drivers of other languages, unchanged, against the whole product. */
let home: string
let product: Product
let environment: Record<string, string>

beforeAll(async () => {
  home = passableFolder('drivers')
  product = await startProduct({ home: join(home, 'home') })
  const { sqlUser, sqlPassword } = JSON.parse(readFileSync(join(home, 'home', 'credentials.json'), 'utf8'))
  const [host = '', port = ''] = product.postgres.split(':')
  environment = {
    PGHOST: host,
    PGPORT: port,
    PGUSER: sqlUser,
    PGPASSWORD: sqlPassword,
    PGDATABASE: 'prod:all',
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: join(home, 'home', 'tls', 'loopback.crt'),
  }
  await product.run(`
    CREATE TABLE visits AS
    SELECT * FROM VALUES
      ('v1', 'ann', timestamp '2026-01-01 10:00:00', 3, 12.50, array('a', 'b')),
      ('v2', 'ann', timestamp '2026-01-01 11:30:00', 1, NULL, NULL),
      ('v3', 'bob', timestamp '2026-01-02 09:15:00', 7, 99.99, array('c'))
    AS v(id, person, at, pages, value, tags);
    CREATE VIEW people AS SELECT DISTINCT person FROM visits`)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

const rows = [
  ['v1', '2026-01-01T10:00:00+00:00', 3, '12.50', '{"a","b"}'],
  ['v2', '2026-01-01T11:30:00+00:00', 1, null, null],
  ['v3', '2026-01-02T09:15:00+00:00', 7, '99.99', '{"c"}'],
]

describe('Python', () => {
  const testPython = testWithPython('sql-clients')
  const testOdbc = testWithPython('sql-clients', existsSync('/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so'))
  const use = async (client: string): Promise<Record<string, unknown>> =>
    JSON.parse(
      await runPython('sql-clients', { script: 'use_sql_clients.py', options: [client], env: environment }),
    )

  const uuid = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'

  testPython(
    'psycopg 3: text and binary, parameters, server cursors, COPY, savepoints, pipelines',
    async () => {
      expect(await use('psycopg')).toEqual({
        version: 160_014,
        rows,
        binary: rows,
        parameters: [['v1']],
        cursor: ['v1', 'v2', 'v3'],
        copy: [
          ['v1', '12.50'],
          ['v2', null],
          ['v3', '99.99'],
        ],
        copyBinary: [
          ['v1', 3],
          ['v2', 1],
          ['v3', 7],
        ],
        error: ['42703', '8'],
        after: [1],
        texts: true,
        several: [['v1']],
        span: [['v3']],
        own: {
          uuid: [uuid, uuid],
          uuids: [`[${uuid}]`, `[${uuid}]`],
          jsonb: ['{"a": 1}', '{"a": 1}'],
          small: ['1E-20', '1E-20'],
          large: ['1180591620717411303424', '1180591620717411303424'],
          price: ['1.50', '1.50'],
          prices: ['[1.50, 22.25]', '[1.50, 22.25]'],
        },
        regtype: 25,
        pipeline: Array.from({ length: 20 }, (_, index) => index + 1),
      })
    },
  )

  testPython('psycopg 2: values within texts, server cursors, errors, a session reset', async () => {
    expect(await use('psycopg2')).toEqual({
      rows,
      texts: true,
      parameters: [['v1']],
      bytes: '00ff5c27',
      cursor: ['v1', 'v2', 'v3'],
      error: ['42703', '8'],
      values: [
        [1, 'x'],
        [2, '\\'],
      ],
      after: [[1]],
    })
  })

  testPython('pg8000: parameters, prepared statements, errors, COPY', async () => {
    expect(await use('pg8000')).toEqual({
      rows,
      texts: true,
      parameters: [['v1']],
      prepared: [1, 2, 3],
      error: ['42703', '8'],
      copy: 'v1,3\nv2,1\nv3,7\n',
    })
  })

  testPython('asyncpg: a pool, binary values, parameters of the catalogue, cursors, COPY', async () => {
    expect(await use('asyncpg')).toEqual({
      rows,
      parameters: 2,
      several: ['v1'],
      tables: ['people', 'visits'],
      cursor: ['v1', 'v2', 'v3'],
      copy: 'v1,3\nv2,1\nv3,7\n',
      again: 1,
    })
  })

  testOdbc('psqlODBC: cursors as Tableau has them, SQLTables, SQLColumns, transactions', async () => {
    const script = { script: 'use_odbc.py', options: [], env: environment }
    expect(JSON.parse(await runPython('sql-clients', script))).toEqual({
      rows: rows.map(([id, at, pages, value]) => [id, String(at).slice(0, 19), pages, value]),
      names: [
        ['id', 'str'],
        ['at', 'datetime'],
        ['pages', 'int'],
        ['value', 'Decimal'],
      ],
      parameters: [['v1']],
      many: 81,
      tables: [
        ['public', 'people', 'VIEW'],
        ['public', 'visits', 'TABLE'],
      ],
      columns: [
        ['id', 'text', 1],
        ['person', 'text', 1],
        ['at', 'timestamptz', 1],
        ['pages', 'int4', 1],
        ['value', 'numeric', 1],
        ['tags', 'anyarray', 1],
      ],
      keys: [],
      types: true,
      error: '42703',
      after: 1,
      product: ['PostgreSQL', '16.0.14'],
      again: [3, 2, 1],
      within: 'v3',
      rolledBack: 3,
    })
  })

  testPython('SQLAlchemy: its inspector, reflected tables, pandas', async () => {
    expect(await use('sqlalchemy')).toEqual({
      tables: ['visits'],
      views: ['people'],
      schemas: ['information_schema', 'public'],
      columns: [
        ['id', 'TEXT'],
        ['person', 'TEXT'],
        ['at', 'TIMESTAMP'],
        ['pages', 'INTEGER'],
        ['value', 'NUMERIC(4, 2)'],
        ['tags', 'DOMAIN'],
      ],
      keys: [],
      indexes: [],
      foreign: [],
      comment: null,
      definition: 'SELECT DISTINCT person FROM visits',
      reflected: [
        ['v1', '{"a","b"}'],
        ['v3', '{"c"}'],
      ],
      pandas: [['id', 'at', 'pages', 'value', 'tags'], 11, expect.stringMatching(/^datetime64\[.*UTC/)],
      table: 3,
    })
  })
})

describe('JDBC', () => {
  const driver = join(toolsCache, 'spark-packages', 'jars', 'org.postgresql_postgresql-42.7.8.jar')
  const isMissing = !existsSync(driver)
  if (isMissing && process.env['CI']) throw new Error(`Under CI ${driver} must be there, and is not.`)

  test.skipIf(isMissing)(
    'all of DatabaseMetaData, prepared statements, fetch size, savepoints, cancel, COPY',
    async () => {
      const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGSSLROOTCERT } = environment
      const url = `jdbc:postgresql://${PGHOST}:${PGPORT}/prod:all?sslmode=verify-full&sslrootcert=${PGSSLROOTCERT}`
      const { stdout } = await promisify(execFile)('java', [
        '-Xmx128m',
        '-XX:TieredStopAtLevel=1',
        '-cp',
        driver,
        join(import.meta.dirname, 'java', 'UseJdbc.java'),
        url,
        PGUSER!,
        PGPASSWORD!,
      ])
      expect(stdout.trim().split('\n')).toEqual([
        'product: PostgreSQL 16',
        'catalogs: prod:all',
        'schemas: public,prod:all',
        'tables: prod:all,public,visits,TABLE,null,,,  ; prod:all,public,people,VIEW,null,,, '
          .replaceAll(/ +;/g, ' ;')
          .trim(),
        expect.stringMatching(/^columns: prod:all,public,visits,id,12,text,.*visits,value,2,numeric,4/),
        'asked: true',
        'prepared: v1,3,12.50,2026-01-01 10:00:00+00 ; v3,7,99.99,2026-01-02 09:15:00+00',
        'of a date: v1 ; v2',
        'changed: a,2',
        'fetched: 500500',
        'state: 42703',
        'after: on',
        'cancelled: 57014',
        'isolation: 8',
        'several: v1 ; v3',
        'copied: v1,3 v2,1 v3,7 ',
        "simple: \\' OR true --,v3",
      ])
    },
  )
})

describe('Go', () => {
  const program = join(toolsCache, 'use-pgx', 'use-pgx')
  const isMissing = !existsSync(program)
  if (isMissing && process.env['CI']) throw new Error(`Under CI ${program} must be there, and is not.`)

  test.skipIf(isMissing)(
    'pgx: each way of sending values, arrays, time-outs, a pool, batches, COPY',
    async () => {
      const env = { ...process.env, ...environment, TZ: 'UTC' }
      const { stdout } = await promisify(execFile)(program, { env })
      const way = {
        rows: rows.map(([id, at, ...more]) => [id, String(at).replace('+00:00', 'Z'), ...more]),
        texts: true,
        parameters: [['v1']],
        error: '42703',
        after: [[1]],
        late: true,
      }
      expect(JSON.parse(stdout)).toEqual({
        statements: way,
        described: way,
        exec: way,
        simple: way,
        pool: { batch: 210, error: '42703', after: 2, copied: ['v1\t3\nv2\t1\nv3\t7\n', 'COPY 3'] },
      })
    },
  )
})

describe('postgres.js', () => {
  test('tagged templates, pipelined statements, cursors, transactions, errors', async () => {
    const sql = postgres({
      host: environment['PGHOST']!,
      port: Number(environment['PGPORT']),
      username: environment['PGUSER']!,
      password: environment['PGPASSWORD']!,
      database: environment['PGDATABASE']!,
      ssl: { ca: readFileSync(environment['PGSSLROOTCERT']!, 'utf8') },
      max: 2,
      onnotice: () => {},
    })
    expect(await sql`SELECT id, pages FROM visits WHERE person = ${'ann'} ORDER BY id`).toEqual([
      { id: 'v1', pages: 3 },
      { id: 'v2', pages: 1 },
    ])
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, index) => sql`SELECT ${index}::int + 1 AS n`),
    )
    expect(many.map(([row]) => row?.['n'])).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
    const seen: string[] = []
    for await (const [row] of sql`SELECT id FROM visits ORDER BY id`.cursor(1)) seen.push(row?.['id'])
    expect(seen).toEqual(['v1', 'v2', 'v3'])
    await expect(sql`SELECT nothing FROM visits`).rejects.toMatchObject({ code: '42703', position: '8' })
    expect(await sql.begin((transaction) => transaction`SELECT 1 AS one`)).toEqual([{ one: 1 }])
    expect(await sql`SELECT relname FROM pg_class WHERE relname = ${'visits'}`).toEqual([
      { relname: 'visits' },
    ])
    await sql.end()
  })
})
