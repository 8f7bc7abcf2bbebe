import { execFile, spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'

/** The clients people have, unchanged, against the whole product. */
let home: string
let product: Product
let environment: Record<string, string>

beforeAll(async () => {
  home = passableFolder('clients')
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
      ('v1', 'ann', timestamp '2026-01-01 10:00:00', 3, 12.50),
      ('v2', 'ann', timestamp '2026-01-01 11:30:00', 1, NULL),
      ('v3', 'bob', timestamp '2026-01-02 09:15:00', 7, 99.99)
    AS v(id, person, at, pages, value)`)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

/** Hours of work. */
const endless = `
  SELECT count(*) FROM (SELECT explode(sequence(1, 1000000)) a) x
  JOIN (SELECT explode(sequence(1, 1000000)) b) y ON a % 7 <> b % 11`

const isMissing = spawnSync('psql', ['--version']).status !== 0
if (isMissing && process.env['CI']) throw new Error('Under CI psql must be there.')

describe.skipIf(isMissing)('psql', () => {
  const psql = (args: readonly string[], env: Record<string, string> = {}) =>
    new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
      const child = execFile(
        'psql',
        ['-X', '-q', ...args],
        { env: { ...process.env, ...environment, ...env } },
        (_, out, err) => resolve({ code: child.exitCode, out, err }),
      )
    })

  test('signs in over TLS, which it verifies, and prints rows', async () => {
    expect(await psql(['-c', '\\conninfo', '-c', 'SELECT id, pages FROM visits ORDER BY id'])).toEqual({
      code: 0,
      out: expect.stringMatching(/SSL connection \(protocol: TLSv1\.3[\s\S]* v1 +\| +3\n[\s\S]*\(3 rows\)/),
      err: '',
    })
  })

  test('prints values of every kind as PostgreSQL writes them', async () => {
    const sql = `SELECT true, cast(7 AS smallint), 1e10D, cast(1.50 AS decimal(10, 2)), date '2026-02-03',
      timestamp '2026-02-03 04:05:06.7', 'é', NULL, array(1, 2), named_struct('a', 1), map('k', 'v'), X'00ff'`
    const { code, out } = await psql(['-A', '-t', '-F', ' ~ ', '-c', sql])
    expect([code, out.trimEnd()]).toEqual([
      0,
      [
        't',
        '7',
        '10000000000',
        '1.50',
        '2026-02-03',
        '2026-02-03 04:05:06.7+00',
        'é',
        '',
        '{1,2}',
        '(1)',
        '[k -> v]',
        '\\x00ff',
      ].join(' ~ '),
    ])
  })

  test('describes what there is by its meta-commands', async () => {
    await product.run('CREATE VIEW people AS SELECT DISTINCT person FROM visits')
    const show = async (command: string): Promise<string> => {
      const { out, err } = await psql(['-A', '-t', '-c', command])
      return err === '' ? out.trim() : err.trim()
    }
    const none = '' // Said beside the answer, as an error is.
    for (const [command, answer] of [
      [
        '\\d',
        expect.stringMatching(/^public\|people\|view\|postgres\n(?:.*\n)*public\|visits\|table\|postgres$/),
      ],
      [
        '\\d visits',
        'id|text|||\nperson|text|||\nat|timestamp with time zone|||\npages|integer|||\nvalue|numeric(4,2)|||',
      ],
      ['\\dt', expect.stringContaining('public|visits|table|postgres')],
      ['\\dv', 'public|people|view|postgres'],
      ['\\d+ people', 'person|text||||extended|'],
      ['\\sv people', 'CREATE OR REPLACE VIEW public.people AS\nSELECT DISTINCT person FROM visits'],
      ['\\dtsn visits', 'public|visits|table|postgres'],
      ['\\dn', 'public|postgres'],
      ['\\l', expect.stringMatching(/^prod:all\|postgres\|UTF8\|/)],
      ['\\l prod*', expect.stringMatching(/^prod:all\|postgres\|UTF8\|C\|C\.UTF-8\|/)],
      ['\\dl', ''],
      ['\\dFp+', expect.stringContaining('asciiword|Word, all ASCII')],
      ['\\dconfig+ lc_numeric', 'lc_numeric|C|string|user|'],
      ['\\list', expect.stringMatching(/^prod:all\|/)],
      ['\\df', ''],
      ['\\df+', ''],
      ['\\dT anymap', 'public|anymap|'],
      ['\\dE', none],
      ['\\di', none],
      ['\\dm', none],
      ['\\ds', none],
      ['\\encoding', 'UTF8'],
      ['\\errverbose', 'There is no previous error.'],
      ['\\timing', ''],
      ['\\set', expect.stringContaining("SERVER_VERSION_NAME = '16.14'")],
    ] as const) {
      expect([command, await show(command)]).toEqual([command, answer])
    }
  })

  test('names everything in lower case, as it is asked for', async () => {
    await product.run(`CREATE VIEW Shoppers AS SELECT 'a' AS _Id, map('ECID', 1) AS identityMap,
      struct(struct(timestamp '2020-01-01 00:00:00' AS lastTime) AS webReferrer) AS Web`)
    for (const [command, answer] of [
      ['\\d Shoppers', '_id|text|||\nidentitymap|anymap|||\nweb|shoppers_web|||'],
      ['\\d shoppers_web', 'webreferrer|shoppers_web_webreferrer|||'],
      ['\\d shoppers_web_webreferrer', 'lasttime|timestamp with time zone|||'],
    ] as const) {
      expect((await psql(['-A', '-t', '-c', command])).out.trim()).toBe(answer)
    }
    const { out } = await psql(['-A', '-t', '-c', 'SELECT "identitymap", shoppers."web" FROM "shoppers"'])
    expect(out.trim()).toBe('[ECID -> 1]|("(2020-01-01 00:00:00.0)")')
  })

  test('describes structs, also by the name of their array', async () => {
    await product.run("CREATE TABLE carts AS SELECT array(named_struct('sku', 'a', 'n', 1)) AS items")
    for (const [command, answer] of [
      ['\\d carts', 'items|carts_items_e[]|||'],
      ['\\d carts_items_e', 'sku|text|||\nn|integer|||'],
      ['\\d carts_items_e[]', 'sku|text|||\nn|integer|||'],
    ] as const) {
      expect((await psql(['-A', '-t', '-c', command])).out.trim()).toBe(answer)
    }
    await product.run('DROP TABLE carts')
  })

  test('copies rows out as text, CSV and binary', async () => {
    const copied = async (statement: string) => (await psql(['-c', statement])).out
    const query =
      "(SELECT id, value, concat('a', chr(9), '\"', chr(92)) AS odd FROM visits WHERE pages < 5 ORDER BY id)"
    expect(await copied(`COPY ${query} TO STDOUT`)).toBe('v1\t12.50\ta\\t"\\\\\nv2\t\\N\ta\\t"\\\\\n')
    expect(await copied(`COPY ${query} TO STDOUT (FORMAT csv, HEADER, NULL 'none')`)).toBe(
      'id,value,odd\nv1,12.50,"a\t""\\"\nv2,none,"a\t""\\"\n',
    )
    expect(await copied("COPY (SELECT 'x' AS x WHERE false) TO STDOUT BINARY")).toMatch(/^PGCOPY\n/)
    expect((await psql(['-c', 'COPY visits TO STDOUT (FORMAT xml)'])).err).toContain('no format xml')
    for (const [options, error] of [
      ['HEADER match', 'is true or false, not match'],
      ['HEADER perhaps', 'is true or false, not perhaps'],
      ["NULL 'none, sorry'", 'must not stand in what is sent for NULL'],
    ]) {
      const { out, err } = await psql(['-c', `COPY ${query} TO STDOUT (FORMAT csv, ${options})`])
      expect([out, err]).toEqual(['', expect.stringContaining(error!)])
    }
    const { queries } = await product.call<{ queries: { state: string }[] }>(
      'GET',
      '/data/foundation/query/queries?limit=100',
    )
    expect(queries.filter(({ state }) => state === 'IN_PROGRESS')).toEqual([])
  })

  test('the organisation signs in by a token or a credential, inside TLS only', async () => {
    const credentials = JSON.parse(readFileSync(join(home, 'home', 'credentials.json'), 'utf8'))
    const { organizationId, sqlUser, sqlPassword, clientId, clientSecret } = credentials
    const answer = await fetch(`${product.http}/ims/token/v3`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
      }),
    })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    const signedIn = (password: string, env: Record<string, string> = {}) =>
      psql(['-A', '-t', '-c', 'SELECT current_database()'], {
        PGUSER: organizationId,
        PGPASSWORD: password,
        ...env,
      })
    expect(await signedIn(token)).toMatchObject({ code: 0, out: 'prod:all\n' })
    expect(await signedIn(`${sqlUser}:${sqlPassword}`)).toMatchObject({ code: 0, out: 'prod:all\n' })
    for (const wrong of [`${token}x`, `${sqlUser}:wrong`, `nobody:${sqlPassword}`, sqlPassword]) {
      expect(await signedIn(wrong)).toMatchObject({
        code: 2,
        err: expect.stringContaining('The user or the password is wrong.'),
      })
    }
    expect(await psql(['-c', 'SELECT 1'], { PGUSER: `X${organizationId}`, PGPASSWORD: token })).toMatchObject(
      { code: 2 },
    )
    expect(await signedIn(token, { PGSSLMODE: 'disable' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('Tokens are taken over encrypted connections only.'),
    })
  })

  test('completes names at the tab key', async () => {
    const child = spawn('script', ['-qefc', 'psql -X -P pager=off', '/dev/null'], {
      env: { ...process.env, ...environment, TERM: 'dumb' },
    })
    const closed = new Promise((resolve) => child.once('close', resolve))
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const until = async (text: string | RegExp) => {
      while (!(typeof text === 'string' ? said.includes(text) : text.test(said))) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    await until('prod:all=>')
    child.stdin.write('SELECT count(*) FROM vis\t')
    await until('FROM visits ')
    child.stdin.write('WHERE pers\t')
    await until('WHERE person ')
    child.stdin.write("= 'ann';\n")
    await until(/\n\s+2\r?\n/)
    child.stdin.end('\\q\n')
    await closed
  })

  test('copies what the catalogue answers', async () => {
    const copied = async (sql: string) => (await psql(['-c', sql])).out
    const columns = `SELECT column_name, ordinal_position, NULL AS nothing FROM information_schema.columns
      WHERE table_name = 'visits' ORDER BY 2 LIMIT 2`
    expect(await copied(`COPY (${columns}) TO STDOUT`)).toBe('id\t1\t\\N\nperson\t2\t\\N\n')
    expect(
      await copied(`-- why\n/* ) */ COPY (${columns}) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)`),
    ).toBe('column_name,ordinal_position,nothing\n"id","1",\n"person","2",\n')
    expect(
      await copied("\\copy (SELECT relname FROM pg_class WHERE relname = 'a) to stdout') TO STDOUT"),
    ).toBe('')
    expect(
      (await psql(['-c', "COPY (SELECT 1 FROM pg_authid) TO STDOUT (NULL ') TO STDOUT')"])).err,
    ).toContain('may not use "pg_authid"')
    expect((await psql(['-c', 'COPY (SELECT 1 FROM pg_class) TO STDOUT (FORMAT xml)'])).err).toContain(
      'no format xml',
    )
  })

  test('binds its sign-in to the certificate it sees', async () => {
    const bound = { PGCHANNELBINDING: 'require' }
    expect(await psql(['-A', '-t', '-c', 'SELECT 1'], bound)).toMatchObject({ code: 0, out: '1\n' })
    expect(await psql(['-c', 'SELECT 1'], { ...bound, PGPASSWORD: 'wrong' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('The user or the password is wrong.'),
    })
  })

  test('a wrong password is refused without saying more', async () => {
    expect(await psql(['-c', 'SELECT 1'], { PGPASSWORD: 'wrong' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('The user or the password is wrong.'),
    })
  })

  test('points at an error, says what may be meant, and goes on', async () => {
    const { code, out, err } = await psql([
      '-v',
      'VERBOSITY=verbose',
      '-c',
      'SELECT id,\n  persn FROM visits',
      '-c',
      "SELECT 'still here'",
    ])
    expect([code, out]).toEqual([0, expect.stringContaining('still here')])
    expect(err).toMatch(/ERROR: {2}42703: .*persn[\s\S]*LINE 2: {3}persn FROM visits\n +\^[\s\S]*person/)
  })

  test('runs files of statements with blocks, and stops at the first error when asked', async () => {
    const file = join(home, 'block.sql')
    writeFileSync(
      file,
      `CREATE TABLE copied AS SELECT id FROM visits WHERE false;
       $$ BEGIN
         SET @most = SELECT max(pages) FROM visits;
         INSERT INTO copied SELECT id FROM visits WHERE pages < @most;
       END $$;
       SELECT count(*) FROM copied;
       SELECT * FROM nowhere;
       SELECT 'not reached';`,
    )
    const { code, out, err } = await psql(['-A', '-t', '-v', 'ON_ERROR_STOP=1', '-f', file])
    expect([code, out]).toEqual([3, expect.stringMatching(/(^|\n)2\n$/)])
    expect(err).toContain('nowhere')
  })

  test('Ctrl-C ends the statement', async () => {
    const child = spawn('psql', ['-X', '-q', '-A', '-t'], { env: { ...process.env, ...environment } })
    const closed = new Promise((resolve) => child.once('close', resolve))
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stdin.end(`${endless};\n`)
    const property = encodeURIComponent('sql~explode,state==IN_PROGRESS')
    const underWay = async () =>
      await product.call<{ queries: unknown[] }>('GET', `/data/foundation/query/queries?property=${property}`)
    await expect.poll(async () => (await underWay()).queries.length).toBe(1)
    child.kill('SIGINT')
    await closed
    expect(said).toContain('ERROR:  The statement was cancelled at your request.')
  })
})

describe('node-postgres', () => {
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({
      host: environment['PGHOST']!,
      port: Number(environment['PGPORT']),
      user: environment['PGUSER']!,
      password: environment['PGPASSWORD']!,
      database: environment['PGDATABASE']!,
      ssl: { ca: readFileSync(environment['PGSSLROOTCERT']!, 'utf8') },
    })
    await client.connect()
    return client
  }

  test('rows come as JavaScript values', async () => {
    const client = await connect()
    const { rows, fields } = await client.query('SELECT id, at, pages, value FROM visits ORDER BY id LIMIT 2')
    await client.end()
    expect(rows).toEqual([
      { id: 'v1', at: new Date('2026-01-01T10:00:00Z'), pages: 3, value: '12.50' },
      { id: 'v2', at: new Date('2026-01-01T11:30:00Z'), pages: 1, value: null },
    ])
    expect(fields.map(({ name, dataTypeID }) => [name, dataTypeID])).toEqual([
      ['id', 25],
      ['at', 1184],
      ['pages', 23],
      ['value', 1700],
    ])
  })

  test('sixty-four sessions of one login that read a table at once are all answered', async () => {
    const clients = await Promise.all(Array.from({ length: 64 }, connect))
    const answers = await Promise.all(
      clients.map(async (client, index) => {
        const { rows } = await client.query('SELECT id, $1::int AS n FROM visits WHERE pages = $2', [
          index,
          7,
        ])
        return rows
      }),
    )
    await Promise.all(clients.map((client) => client.end()))
    expect(answers).toEqual(clients.map((_, n) => [{ id: 'v3', n }]))
  })

  test('parameters are values, whatever they hold', async () => {
    const client = await connect()
    const ask = (person: string) =>
      client.query('SELECT count(*) AS n FROM visits WHERE person = $1 AND pages >= $2', [person, 1])
    expect((await ask('ann')).rows).toEqual([{ n: '2' }])
    expect((await ask("ann' OR 'a' = 'a")).rows).toEqual([{ n: '0' }])
    await client.end()
  })

  test('a named statement is prepared once and run again', async () => {
    const client = await connect()
    const ask = (least: number) =>
      client.query({
        name: 'at least',
        text: 'SELECT id FROM visits WHERE pages >= $1 ORDER BY id',
        values: [least],
        rowMode: 'array',
      })
    expect((await ask(3)).rows).toEqual([['v1'], ['v3']])
    expect((await ask(7)).rows).toEqual([['v3']])
    await client.end()
  })

  test('a named statement is executed by SQL too, as long as the protocol has it', async () => {
    const client = await connect()
    const named = 'SELECT id, $2 AS said FROM visits WHERE pages >= $1 ORDER BY id'
    await client.query({ name: 'AtLeast', text: named, values: [100, ''] })
    const execute = async (text: string) => (await client.query({ text, rowMode: 'array' })).rows
    expect(await execute("EXECUTE atleast('3', 5)")).toEqual([
      ['v1', '5'],
      ['v3', '5'],
    ])
    // In either protocol.
    const { rows } = await client.query({ text: "EXECUTE AtLeast(7, 'so')", values: [], name: 'outer' })
    expect(rows).toEqual([{ id: 'v3', said: 'so' }])
    await expect(client.query('EXECUTE AtLeast(7)')).rejects.toMatchObject({ code: '08P01' })
    await expect(client.query("EXECUTE AtLeast('a', 'b')")).rejects.toMatchObject({ code: '22P02' })
    await client.query({
      name: 'asking',
      text: 'SELECT relname FROM pg_class WHERE relname = $1',
      values: ['x'],
    })
    await expect(client.query("EXECUTE asking('x')")).rejects.toMatchObject({ code: '0A000' })
    await client.query('DEALLOCATE "AtLeast"')
    await expect(client.query("EXECUTE AtLeast(7, 'so')")).rejects.toMatchObject({ code: '26000' })
    await client.end()
  })

  test('statements that execute each other end', async () => {
    const client = await connect()
    await client.query({ name: 'Round', text: 'SELECT 1 AS n' })
    await client.query('PREPARE about AS EXECUTE round')
    // Another name to the protocol, and to SQL the one that stands nearer.
    const round = client.query({ name: 'round', text: 'EXECUTE about' })
    await expect(round).rejects.toMatchObject({ code: '53400' })
    await expect(client.query('EXECUTE about')).rejects.toMatchObject({ code: '53400' })
    expect((await client.query('EXECUTE "Round"')).rows).toEqual([{ n: 1 }])
    await client.end()
  })

  test('several statements in one request give several results', async () => {
    const client = await connect()
    const results = (await client.query(
      'SELECT 1 AS one; SELECT id FROM visits; SET search_path = public',
    )) as unknown as pg.QueryResult[]
    expect(results.map(({ command, rowCount }) => [command, rowCount])).toEqual([
      ['SELECT', 1],
      ['SELECT', 3],
      ['SET', null],
    ])
    await client.end()
  })

  test('errors carry code, position and hint, and the connection goes on', async () => {
    const client = await connect()
    const error: unknown = await client.query('SELECT idd FROM visits').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: '42703', position: '8', hint: expect.stringContaining('id') })
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await client.end()
  })

  test('a statement that takes longer than the session allows ends with 53400', async () => {
    const client = await connect()
    await client.query('SET statement_timeout = 200')
    await expect(client.query(endless)).rejects.toMatchObject({ code: '53400' })
    await expect(client.query('SELECT id FROM visits LIMIT 1000001')).rejects.toMatchObject({ code: '53400' })
    await client.query('RESET statement_timeout')
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await client.end()
  })

  test('savepoints go on after an error, and stand in a transaction only', async () => {
    const client = await connect()
    await expect(client.query('SAVEPOINT a')).rejects.toMatchObject({ code: '25P01' })
    await client.query('BEGIN; SAVEPOINT a')
    await expect(client.query('SELECT nothing FROM visits')).rejects.toMatchObject({ code: '42703' })
    await expect(client.query('RELEASE a')).rejects.toMatchObject({ code: '25P02' })
    expect(await client.query('ROLLBACK TO SAVEPOINT a')).toMatchObject({ command: 'ROLLBACK' })
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await client.query('RELEASE SAVEPOINT a; COMMIT')
    // Of a name so much counts as in PostgreSQL.
    const long = 'n'.repeat(63)
    await client.query(`BEGIN; SAVEPOINT ${long}one; RELEASE ${long}another; COMMIT`)
    await client.end()
  })

  test('a cursor over the catalogue, with what lies between, in one request', async () => {
    const client = await connect()
    const results = (await client.query(
      "BEGIN; DECLARE c CURSOR FOR SELECT relname FROM pg_class WHERE relname IN ('visits', 'pg_class') ORDER BY 1; FETCH 1 IN c; FETCH 5 IN c; SELECT 1 AS one; CLOSE c; COMMIT",
    )) as unknown as pg.QueryResult[]
    expect(results.map(({ command, rows }) => [command, rows])).toEqual([
      ['BEGIN', []],
      ['DECLARE', []],
      ['FETCH', [{ relname: 'pg_class' }]],
      ['FETCH', [{ relname: 'visits' }]],
      ['SELECT', [{ one: 1 }]],
      ['CLOSE', []],
      ['COMMIT', []],
    ])
    await client.end()
  })

  test('a pool of sessions asks at once', async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, connect))
    const answers = await Promise.all(
      clients.map((client, index) => client.query('SELECT count(*) + $1 AS n FROM visits', [index])),
    )
    expect(answers.map(({ rows }) => Number(rows[0].n))).toEqual([3, 4, 5, 6, 7, 8])
    await Promise.all(clients.map((client) => client.end()))
  })
})
