import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { relations } from '../src/shadow/allowed.ts'
import { partsOf } from '../src/shadow/route.ts'
import type { Shown, ShownTable } from '../src/shadow/shadow.ts'
import {
  arrayType,
  dateType,
  decimalType,
  longType,
  mapType,
  stringType,
  structType,
} from '../src/types/data-type.ts'
import { ann, type TestShadow, testShadow } from './support/shadow.ts'

/** What clients ask of the catalogue, and what nobody may get out of it. */

const table = (name: string, more: Partial<ShownTable> = {}): ShownTable => ({
  schema: 'public',
  name,
  comment: '',
  columns: [
    { name: 'id', type: stringType },
    { name: 'n', type: longType },
  ],
  ...more,
})
const shownTo = (...tables: ShownTable[]): Shown => ({ schemas: ['public'], tables })
const shown = shownTo(table('visits', { comment: 'Visits' }))
const everyTable =
  "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"

let own: TestShadow
beforeAll(async () => {
  own = await testShadow(shown, { questionMsMax: 6_000 })
  await own.ask('SELECT version()')
})
afterAll(async () => await own[Symbol.asyncDispose]())

describe('which statements are questions', () => {
  test.each([
    'SELECT * FROM pg_catalog.pg_class',
    'select relname from pg_class',
    'SELECT table_name FROM information_schema.tables',
    'WITH RECURSIVE t AS (SELECT oid FROM pg_type) SELECT * FROM t',
    'SELECT version()',
    "SELECT 'visits'::regclass",
    'SELECT current_schema()',
    'SELECT * FROM current_database()',
    'SELECT inet_server_port()',
    'SELECT getdatabaseencoding()',
    'SELECT pg_catalog.current_schemas(false)',
    "DECLARE c CURSOR FOR SELECT relname FROM pg_class WHERE relname <> 'for'",
  ])('%s', (text) => expect(partsOf(text)).toMatchObject([{ kind: 'question' }]))

  test.each([
    'SELECT 1/2',
    'SELECT now()',
    'SELECT current_database()',
    'SELECT * FROM visits',
    'SELECT * FROM visits JOIN pg_class ON true',
    "SELECT 'pg_class' AS version",
    'SELECT pg_column FROM visits',
    'SHOW server_version',
    'SET search_path = pg_catalog',
    'CREATE TABLE pg_mine AS SELECT 1',
    'SELECT (SELECT count(*) FROM visits) FROM pg_class',
  ])('not %s', (text) => expect(partsOf(text)).toBeUndefined())

  test('depth and length of a text never end the server', () => {
    for (const text of [
      `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)} FROM pg_class`,
      `SELECT ${'NOT '.repeat(15_000)} true FROM pg_class`,
      `SELECT ${'- '.repeat(30_000)} 1 FROM pg_class`,
      `SELECT ${'f('.repeat(20_000)}1${')'.repeat(20_000)} FROM pg_class`,
      `SELECT ${'1 + '.repeat(15_000)} 1 FROM pg_class`,
      `SELECT * FROM ${'(SELECT * FROM '.repeat(4_000)} pg_class ${') t'.repeat(4_000)}`,
    ]) {
      try {
        partsOf(text)
      } catch (error) {
        expect(error).toMatchObject({ code: 'query.unsupported' })
      }
    }
    expect(partsOf('SELECT version()')).toMatchObject([{ kind: 'question' }])
  })
})

describe('what is shown', () => {
  test('settings of the session that asks, and others of the server', async () => {
    expect(
      await own.ask(`SELECT current_setting('Statement_Timeout'), pg_catalog.current_setting('statement_timeout', true),
        current_setting('max_index_keys'), current_setting('no.such', true)`),
    ).toEqual(['5000|5000|32|'])
    expect(
      await own.ask(
        "SELECT name, setting FROM pg_settings WHERE name IN ('statement_timeout', 'max_index_keys')",
      ),
    ).toEqual(['max_index_keys|32', 'statement_timeout|5000'])
    await expect(own.ask("SELECT current_setting('no.such')")).rejects.toMatchObject({
      code: 'query.unknown',
    })
  })

  test('names with their database before them', async () => {
    expect(await own.ask('SELECT * FROM current_database()')).toEqual(['prod:all'])
    expect(
      await own.ask(`SELECT table_catalog, quote_ident(table_catalog),
          (quote_ident(table_catalog) || '.' || quote_ident(table_schema) || '.' || quote_ident(table_name))::regclass::text
        FROM information_schema.tables WHERE table_name = 'visits'`),
    ).toEqual(['prod:all|"prod:all"|visits'])
  })

  test('tables, views and structs under their names, with what is said of them', async () => {
    const all = shownTo(
      table('visits', {
        comment: "Ann's visits",
        columns: [
          {
            name: 'web',
            type: structType([
              { name: 'Page', type: arrayType(structType([{ name: 'd', type: dateType }])) },
            ]),
          },
          { name: 'ids', type: mapType(stringType, stringType) },
          { name: 'tags', type: arrayType(stringType) },
        ],
      }),
      table('visits_web', { definition: 'SELECT 1' }),
    )
    expect(
      await own.ask(
        `SELECT c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), obj_description(c.oid)
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relname LIKE 'visits%' AND c.relkind IN ('r', 'v') AND a.attnum > 0 ORDER BY c.relname, a.attnum`,
        { shown: all },
      ),
    ).toEqual([
      "visits|r|web|visits_web_2|Ann's visits",
      "visits|r|ids|anymap|Ann's visits",
      "visits|r|tags|anyarray|Ann's visits",
      'visits_web|v|id|text|',
      'visits_web|v|n|bigint|',
    ])
    expect(
      await own.ask(
        "SELECT pg_get_viewdef('visits_web'::regclass), pg_get_viewdef('visits_web'::regclass, true)",
        {
          shown: all,
        },
      ),
    ).toEqual(['SELECT 1|SELECT 1'])
    expect(
      await own.ask(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'visits_web_2'::regclass",
        { shown: all },
      ),
    ).toEqual(['page|visits_web_page_e[]'])
  })

  test('names that are long, odd or the same but for their end', async () => {
    const long = 'x'.repeat(70)
    const names = [long, `${long}y`, 'a"b', "it's", 'é'.repeat(40), 'DROP TABLE pg_class; --']
    const odd = shownTo(
      ...names.map((name) =>
        table(name, { columns: names.map((column) => ({ name: column, type: stringType })) }),
      ),
    )
    const answer = await own.ask(`${everyTable} ORDER BY relname COLLATE "C"`, { shown: odd })
    expect(answer).toEqual([
      'a"b',
      'drop table pg_class; --',
      "it's",
      `${'x'.repeat(56)}_2`,
      'x'.repeat(63),
      'é'.repeat(31),
    ])
  })

  test('columns that are called as those PostgreSQL has in every table', async () => {
    const inside = structType([{ name: 'ctid', type: longType }])
    const columns = ['xmin', 'Ctid', 'tableoid', 'oid', 'anyarray'].map((name) => ({ name, type: longType }))
    const odd = shownTo(
      table('visits', { columns: [...columns, { name: 'inside', type: inside }] }),
      table('of_visits', { columns, definition: "SELECT * FROM visits WHERE '\0' <> ''" }),
    )
    const answer = await own.ask(
      `SELECT table_name, string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns
       WHERE table_schema = 'public' GROUP BY 1 ORDER BY 1`,
      { shown: odd },
    )
    expect(answer).toEqual([
      'of_visits|xmin,ctid,tableoid,oid,anyarray',
      'visits|xmin_2,ctid_2,tableoid_2,oid,anyarray,inside',
    ])
  })

  test('what PostgreSQL has no room for hides nothing else', async () => {
    const refused = decimalType(2_000, 3)
    const odd = {
      schemas: ['pg_mine', 'information_schema', 'eu', 'public'],
      tables: [
        table('visits'),
        table('wide', { columns: [{ name: 'n', type: refused }] }),
        table('mine', { schema: 'pg_mine' }),
        table('orders', { schema: 'eu' }),
      ],
    }
    const answer = await own.ask(
      "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('pg_mine', 'eu', 'public') ORDER BY 1",
      { shown: odd },
    )
    expect(answer).toEqual(['eu|orders', 'public|visits'])
  })

  test('the session by its own names, everywhere', async () => {
    expect(
      await own.ask(
        `SELECT current_database(), current_catalog, current_user, session_user, user, pg_backend_pid(), table_catalog
         FROM information_schema.tables WHERE table_name = 'visits'`,
      ),
    ).toEqual(['prod:all|prod:all|ann@example|ann@example|ann@example|77|prod:all'])
  })

  test.each([
    ["SELECT pg_get_userbyid(oid) FROM pg_roles WHERE rolname = 'ann@example'", ['ann@example']],
    ['SELECT role_name FROM information_schema.enabled_roles', ['ann@example']],
    [
      `SELECT grantee FROM information_schema.role_table_grants
       WHERE table_name = 'visits' AND privilege_type = 'SELECT' AND grantee = current_user`,
      ['ann@example'],
    ],
    ["SELECT pg_has_role(current_user, 'usage'), pg_has_role(current_user, 'postgres', 'usage')", ['t|f']],
    ["SELECT pg_has_role((SELECT oid FROM pg_roles WHERE rolname = current_user), 'member')", ['t']],
    ["SELECT has_column_privilege(current_user, 'visits', 'id', 'select')", ['t']],
    ["SELECT has_table_privilege(oid, 'visits', 'insert') FROM pg_roles WHERE rolname = current_user", ['f']],
    ["SELECT has_function_privilege(current_user, 'lower(text)', 'execute')", ['t']],
    [
      "SELECT has_type_privilege(current_user, 'int4', 'usage'), has_language_privilege(user, 'sql', 'usage')",
      ['t|t'],
    ],
    ["SELECT has_tablespace_privilege(user, 'pg_default', 'create')", ['f']],
    [
      'SELECT gss_authenticated, encrypted FROM pg_catalog.pg_stat_gssapi WHERE pid = pg_backend_pid()',
      ['f|f'],
    ],
    ["SELECT setting FROM pg_show_all_settings() WHERE name = 'statement_timeout'", ['5000']],
  ])('%s tells of who asks', async (text, rows) => {
    expect(await own.ask(text)).toEqual(rows)
  })

  test.each([
    ['SELECT character_set_name FROM information_schema.character_sets', ['UTF8']],
    ["SELECT relname FROM pg_class WHERE relname SIMILAR TO 'visi(t|z)s'", ['visits']],
    // DBeaver asks it of the indexes of each table.
    ["SELECT pg_catalog.pg_stat_get_numscans(oid) FROM pg_class WHERE relname = 'visits'", ['0']],
    [
      'SELECT CASE WHEN usesuper THEN pg_is_wal_replay_paused() ELSE false END FROM pg_user WHERE usename = user',
      ['f'],
    ],
    ["SELECT extract(year FROM timestamp '2026-01-02') FROM pg_am LIMIT 1", ['2026']],
    [
      `SELECT ('"' || "table_catalog" || '"."' || t.table_schema || '"."' || table_name || '"')::regclass::oid > 0,
        ('"' || t . "table_catalog" || '".public.visits')::regclass, table_catalog
       FROM information_schema.tables t WHERE table_name = 'visits'`,
      ['t|visits|prod:all'],
    ],
  ])('%s', async (text, rows) => {
    expect(await own.ask(text)).toEqual(rows)
  })

  test('the texts of views, wherever they are asked for', async () => {
    const views = shownTo(table('visits'), table('mine', { definition: 'SELECT id, n FROM visits -- mine' }))
    const wanted = ['SELECT id, n FROM visits -- mine']
    for (const text of [
      "SELECT view_definition FROM information_schema.views WHERE table_schema = 'public'",
      "SELECT definition FROM pg_views WHERE schemaname = 'public'",
      "SELECT pg_get_viewdef('mine'::regclass)",
      "SELECT pg_get_viewdef('mine', true)",
    ])
      expect(await own.ask(text, { shown: views })).toEqual(wanted)
    await expect(own.ask('SELECT * FROM information_schema._view_texts')).rejects.toMatchObject({
      detail: { sqlState: '42501' },
    })
  })

  test('an error has its place in what was asked', async () => {
    const text = 'SELECT current_database(), pg_catalog.current_database(), é, nothing FROM pg_class AS é'
    await expect(own.ask(text)).rejects.toMatchObject({
      code: 'query.unknown_column',
      position: { offset: text.indexOf('nothing'), line: 1 },
      detail: { sqlState: '42703' },
    })
  })
})

describe('isolation', () => {
  test('who sees other tables sees no other ones', async () => {
    const bob = { ...ann, user: 'bob', database: 'dev:all' }
    const secret = shownTo(table('secret'), table('visits'))
    const [anns, bobs] = await Promise.all([
      own.ask(everyTable),
      own.ask(everyTable, { shown: secret, asker: bob }),
    ])
    expect([anns, bobs.toSorted()]).toEqual([['visits'], ['secret', 'visits']])
    // The same tables with other columns are another set.
    const narrow = shownTo(table('visits', { columns: [{ name: 'id', type: stringType }] }))
    const columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'visits'::regclass AND attnum > 0"
    expect(await own.ask(columns, { shown: narrow })).toEqual(['id'])
    expect(await own.ask(columns)).toEqual(['id', 'n'])
  })

  test.each([
    ['SELECT datname FROM pg_database', ['prod:all']],
    ['SELECT d.datname FROM "pg_catalog" . "pg_database" d', ['prod:all']],
    ['SELECT datname FROM PG_DATABASE', ['prod:all']],
    ["SELECT (SELECT string_agg(datname, ',') FROM pg_database) FROM pg_am LIMIT 1", ['prod:all']],
    ['WITH d AS (SELECT * FROM pg_catalog.pg_database) SELECT datname FROM d', ['prod:all']],
    ['TABLE pg_auth_members', []],
    ["SELECT nameconcatoid(relname, 1::oid) FROM pg_class WHERE relname = 'pg_am'", ['pg_am_1']],
    ['SELECT rolname FROM pg_roles ORDER BY 1', ['ann@example', 'postgres']],
    ['SELECT usename FROM pg_user', ['ann@example']],
    ['SELECT groname FROM pg_group', []],
    ['SELECT datname, usename, pid FROM pg_stat_activity', ['prod:all|ann@example|77']],
    [
      "SELECT name FROM pg_settings WHERE name IN ('data_directory', 'hba_file', 'max_index_keys')",
      ['max_index_keys'],
    ],
    ['SELECT DISTINCT catalog_name FROM information_schema.schemata', ['prod:all']],
    ['SELECT * FROM pg_db_role_setting', []],
    // DataGrip asks these before it lists anything, and pgAdmin the third.
    [
      'SELECT transactionid FROM pg_catalog.pg_locks l ORDER BY pg_catalog.age(l.transactionid) DESC LIMIT 1',
      [],
    ],
    ['SELECT pg_catalog.txid_current() = txid_current(), pg_is_in_recovery()', ['t|f']],
    ['SELECT count(*) FROM pg_replication_slots', ['0']],
    ["SELECT pg_database_size('shown'), pg_advisory_unlock_all()", ['0|']],
    ["SELECT set_config('role', 'sluice', false)", ['sluice']],
    [
      "SELECT set_config('sluice.user', 'root', false), current_user FROM pg_am LIMIT 1",
      ['root|ann@example'],
    ],
  ])('%s tells of nothing else', async (text, rows) => {
    expect(await own.ask(text)).toEqual(rows)
  })

  test.each([
    'SELECT rolpassword FROM pg_authid',
    'SELECT * FROM pg_shadow',
    'SELECT * FROM pg_lock_status(), pg_am',
    'SELECT * FROM pg_stat_database',
    'SELECT * FROM pg_hba_file_rules',
    'SELECT * FROM pg_file_settings',
    'SELECT * FROM pg_config',
    'WITH pg_database AS (SELECT 1) SELECT * FROM pg_database, pg_class',
    'SELECT * FROM U&"pg\\005fdatabase", pg_class',
    'SELECT * FROM pg_catalog./* */pg_database',
    "SELECT query_to_xml('SELECT 1', true, true, '') FROM pg_class",
    "SELECT database_to_xml(true, true, '') FROM pg_class",
    'SELECT pg_sleep(10) FROM pg_class',
    "SELECT pg_read_file('/etc/passwd') FROM pg_class",
    "SELECT pg_catalog.pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd') FROM pg_class",
    'SELECT lo_create(1) FROM pg_class',
    "SELECT pg_notify('a', 'b') FROM pg_class",
    'SELECT pg_advisory_lock(1) FROM pg_class',
    'SELECT pg_cancel_backend(1) FROM pg_class',
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity',
    'SELECT pg_stat_get_activity(NULL) FROM pg_class',
    "SELECT dblink('x') FROM pg_class",
    "SELECT repeat('x', 1000000000) FROM pg_class",
    'SELECT pg_current_xact_id() FROM pg_class',
    'SELECT * INTO mine FROM pg_class',
    'SELECT * FROM pg_class FOR UPDATE',
    'WITH w AS (DELETE FROM pg_class RETURNING *) SELECT * FROM w, pg_am',
    "SELECT * FROM pg_ls_dir('.') d, pg_class",
    'SELECT xmlforest(relname) FROM pg_class',
    'SELECT public.mine() FROM pg_class',
  ])('%s is refused', async (text) => {
    await expect((async () => await own.ask(text))()).rejects.toMatchObject({ code: 'query.unsupported' })
  })

  // PostgreSQL takes the name of a column for that of a function when there is no such column.
  test.each([
    "SELECT ('1 s'::interval).pg_sleep_for FROM pg_class",
    'SELECT (0.1::float8).pg_sleep, version()',
    'SELECT f.pg_sleep FROM unnest(ARRAY[0.1::float8]) f, pg_am',
    'SELECT f.pg_cancel_backend FROM unnest(ARRAY[1]) f, pg_am',
    'SELECT (77::int8).pg_advisory_lock FROM pg_class',
    'SELECT (NULL::int).pg_stat_get_activity FROM pg_am',
    'SELECT (1).pg_stat_get_backend_activity FROM pg_am',
    'SELECT (1).pg_blocking_pids FROM pg_am',
    "SELECT ('template_shadow'::name).pg_database_size FROM pg_am",
    'SELECT (1663::oid).pg_tablespace_databases FROM pg_am',
    "SELECT ('SELECT ''a''::tsvector'::text).ts_stat FROM pg_am",
    "SELECT ('/etc/passwd'::text).pg_read_file FROM pg_am",
  ])('%s is forbidden', async (text) => {
    await expect(own.ask(text)).rejects.toMatchObject({
      detail: { sqlState: expect.stringMatching(/42501|42883/) },
    })
  })

  test('every table and view that may be named can be read', async () => {
    // Of subscriptions PostgreSQL shows some columns only.
    for (const name of relations)
      if (name !== 'pg_subscription') await own.ask(`SELECT * FROM ${name} LIMIT 1`)
    for (const name of await own.ask(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'information_schema'",
    ))
      await own.ask(`SELECT * FROM information_schema.${name} LIMIT 1`)
  })

  test('what takes too long, too much memory, room or rows is stopped, and the next question answered', async () => {
    const startedAt = performance.now()
    await expect(
      own.ask(
        'SELECT count(*) FROM pg_attribute a, pg_attribute b, pg_attribute c WHERE a.attname || b.attname <> c.attname',
      ),
    ).rejects.toMatchObject({ code: 'query.timeout' })
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    await expect(own.ask('SELECT generate_series(1, 1000000) FROM pg_am')).rejects.toMatchObject({
      code: 'query.limit',
    })
    const doubling = `WITH RECURSIVE r AS (SELECT 'x'::text AS t, 1 AS n UNION ALL SELECT t || t, n + 1 FROM r WHERE n < 40)
      SELECT length(max(t)) FROM r, pg_am`
    await expect(own.ask(doubling)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:engine\.memory|query\.limit|query\.timeout)$/),
    })
    await expect(
      own.ask('SELECT a.*, b.* FROM pg_attribute a, pg_attribute b LIMIT 1000000'),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^query\.(limit|timeout)$/) })
    expect(await own.ask(everyTable)).toEqual(['visits'])
  })

  test('a client that goes away leaves the queue', async () => {
    const asked = async (signal: AbortSignal): Promise<unknown> =>
      await own.shadow.ask(
        { text: '', sql: 'SELECT count(*) FROM pg_attribute a, pg_attribute b, pg_attribute c', shifts: [] },
        {
          shown,
          asker: ann,
          signal,
          given: { parameterOids: [], parameterFormats: [], parameters: [], resultFormats: () => [] },
        },
      )
    const [others, going] = [new AbortController(), new AbortController()]
    const under = Array.from({ length: 8 }, async () => await asked(others.signal))
    const waiting = asked(going.signal)
    going.abort(new Error('gone'))
    try {
      await expect(Promise.race([waiting, ...under])).rejects.toThrow('gone')
    } finally {
      others.abort(new Error('all gone'))
      await Promise.allSettled(under)
    }
    expect(await own.ask(everyTable)).toEqual(['visits'])
  })

  test('a client that goes away ends its question', async () => {
    const going = new AbortController()
    const asked = own.shadow.ask(
      { text: '', sql: 'SELECT count(*) FROM pg_attribute a, pg_attribute b, pg_attribute c', shifts: [] },
      {
        shown,
        asker: ann,
        signal: going.signal,
        given: { parameterOids: [], parameterFormats: [], parameters: [], resultFormats: () => [] },
      },
    )
    setTimeout(() => going.abort(new Error('gone')), 100)
    await expect(asked).rejects.toThrow('gone')
    expect(await own.ask(everyTable)).toEqual(['visits'])
  })

  // As if the recognition of questions had let everything through.
  describe('the role that asks', () => {
    const asAsker = async (text: string, database?: string): Promise<unknown> => {
      const [name] = await own.ask('SELECT c.oid FROM pg_class c LIMIT 1').then(() => databaseNames())
      const client = new Client({ ...socketOf(own), user: 'asker', database: database ?? name! })
      await client.connect()
      try {
        return (await client.query(text)).rows
      } finally {
        await client.end()
      }
    }
    const databaseNames = async (): Promise<string[]> => {
      const client = new Client({ ...socketOf(own), user: 'sluice', database: 'postgres' })
      await client.connect()
      const { rows } = await client.query("SELECT datname FROM pg_database WHERE datname LIKE 'shown%'")
      await client.end()
      return rows.map(({ datname }) => datname as string)
    }

    test.each([
      ['CREATE TABLE t (x int)', '25006'],
      ['BEGIN READ WRITE; CREATE TABLE t (x int)', '42501'],
      ['BEGIN READ WRITE; CREATE TEMP TABLE t (x int)', '42501'],
      ['SET ROLE sluice', '42501'],
      ['SET SESSION AUTHORIZATION sluice', '42501'],
      ["COPY pg_class TO PROGRAM 'cat'", '42501'],
      ["SELECT pg_read_file('/etc/passwd')", '42501'],
      ['SELECT * FROM pg_authid', '42501'],
      ["SET temp_file_limit = '-1'", '42501'],
      ['CREATE EXTENSION dblink', '25006'],
    ])('%s', async (text, code) => {
      await expect(asAsker(text)).rejects.toMatchObject({ code })
    })

    test.each(['postgres', 'template1'])('may not enter %s', async (database) => {
      await expect(asAsker('SELECT 1', database)).rejects.toMatchObject({ code: '42501' })
    })
  })
})

function socketOf({ folder }: TestShadow) {
  return { host: `${folder}/shadow`, port: 5432 }
}
