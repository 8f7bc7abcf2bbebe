import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rm } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { restOf } from './support/rest.ts'
import { cancelRequest, errorFields, query, WireClient } from './support/wire-client.ts'

/** Statements and forms of queries that need stored tables and a session, as clients send them. */
let home: string
let product: Product
let server: pg.ClientConfig

beforeAll(async () => {
  home = passableFolder('statements')
  product = await startProduct({ home: join(home, 'home') })
  const { sqlUser, sqlPassword } = JSON.parse(readFileSync(join(home, 'home', 'credentials.json'), 'utf8'))
  const [host = '', port = ''] = product.postgres.split(':')
  const ca = readFileSync(join(home, 'home', 'tls', 'loopback.crt'), 'utf8')
  server = {
    host,
    port: Number(port),
    user: sqlUser,
    password: sqlPassword,
    database: 'prod:all',
    ssl: { ca, checkServerIdentity: () => undefined },
  }
  await product.run(`
    CREATE TABLE visits AS SELECT 1 AS n, struct('home' AS name, struct(2.0D AS views) AS more) AS page, array('a', 'b') AS tags;
    INSERT INTO visits SELECT 2, struct('shop', struct(cast(NULL AS double))), NULL;
    INSERT INTO visits SELECT 3, NULL, array()`)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

async function connected<T>(work: (client: pg.Client) => Promise<T>, database = 'prod:all'): Promise<T> {
  const client = new pg.Client({ ...server, database })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const texts = async (client: pg.Client, text: string): Promise<unknown[][]> => {
  const answer = await client.query({ text, rowMode: 'array' })
  return answer.rows as unknown[][]
}

it('what was just written is found, however often the table was looked up before', async () => {
  await product.run('CREATE TABLE looked AS SELECT id, cast(id AS string) AS text FROM range(1000)')
  await connected(async (client) => {
    const found = async (id: number): Promise<unknown[][]> =>
      await texts(client, `SELECT text FROM looked WHERE id = ${id}`)
    for (const turn of [1, 2, 3]) {
      for (let id = 0; id < 50; id += 1) expect(await found(id)).toEqual([[String(id)]])
      expect(await found(1_000 + turn)).toEqual([])
      await texts(client, `INSERT INTO looked SELECT ${1_000 + turn}, 'new'`)
      expect(await found(1_000 + turn)).toEqual([['new']])
    }
    await texts(client, 'DROP TABLE looked')
    await expect(found(1)).rejects.toMatchObject({ code: '42P01' })
  })
})

it('rows that fail late fail the statement, and are not taken for all there are', async () => {
  await product.run('CREATE TABLE counted AS SELECT id FROM range(400000)')
  const sql = "SELECT if(id = 399999, raise_error('the last one'), id) FROM counted LIMIT 0"
  await expect(connected((client) => texts(client, sql))).rejects.toThrow('the last one')
})

describe('the partition columns of older queries', () => {
  beforeAll(() =>
    product.run(`CREATE TABLE dated AS SELECT * FROM VALUES (1, timestamp '2018-05-09 23:30:00'),
      (2, timestamp '2018-06-01 00:00:00'), (3, timestamp '2019-05-09 00:00:00') AS d(n, timestamp)`),
  )

  it.each<[string, number[]]>([
    ['_ACP_YEAR = 2018', [1, 2]],
    ['d._acp_year = 2018 AND _ACP_MONTH = 5 AND _ACP_DAY = 9', [1]],
    ["_ACP_DATE = '2019-05-09'", [3]],
  ])('are parts of the timestamp: %s', async (condition, wanted) => {
    const rows = await product.rows(`SELECT n FROM dated d WHERE ${condition} ORDER BY n`)
    expect(rows.flat()).toEqual(wanted)
  })

  it('are in no list of columns, and only where there is a timestamp', async () => {
    const rows = await product.rows('SELECT _ACP_YEAR, count(*) FROM dated GROUP BY _ACP_YEAR ORDER BY 1')
    expect(rows).toEqual([
      [2018, 2],
      [2019, 1],
    ])
    expect((await product.rows('SELECT * FROM dated'))[0]).toHaveLength(2)
    await expect(product.rows('SELECT _ACP_YEAR FROM visits')).rejects.toThrow(/no column _ACP_YEAR/)
  })
})

describe('snapshots', () => {
  let ids: string[]

  beforeAll(async () => {
    ids = await connected(async (client) => {
      const { rows, fields } = await client.query("SELECT history_meta('visits')")
      expect(fields.map((field) => field.name)).toEqual([
        'made_current_at',
        'snapshot_id',
        'parent_id',
        'is_current',
      ])
      expect(rows.map((row) => row['is_current'])).toEqual([false, false, true])
      expect(rows.map((row) => row['parent_id'])).toEqual([
        null,
        rows[0]['snapshot_id'],
        rows[1]['snapshot_id'],
      ])
      return rows.map((row) => String(row['snapshot_id']))
    })
  })

  it.each<[string, number[]]>([
    ['visits SNAPSHOT SINCE 0', [2, 3]],
    ['visits v SNAPSHOT SINCE 1', [3]],
    ['visits SNAPSHOT AS OF 1', [1, 2]],
    ['visits SNAPSHOT AS OF 1 AS v', [1, 2]],
    ['visits SNAPSHOT BETWEEN 0 AND 1', [2]],
    ["visits SNAPSHOT BETWEEN 'HEAD' AND 0", [1]],
    ['visits SNAPSHOT BETWEEN HEAD AND TAIL', [1, 2, 3]],
    ["visits SNAPSHOT BETWEEN 1 AND 'TAIL'", [3]],
    ["visits SNAPSHOT BETWEEN 2 AND 'TAIL'", []],
    ["visits SNAPSHOT AS OF 'HEAD'", []],
    ["visits SNAPSHOT AS OF '2020-01-01'", []],
    ["visits SNAPSHOT SINCE '2020-01-01 10:00:00'", [1, 2, 3]],
  ])('%s', async (from, wanted) => {
    const text = from.replaceAll(/\b[012]\b/g, (index) => ids[Number(index)] ?? '')
    expect((await product.rows(`SELECT n FROM ${text} ORDER BY n`)).flat()).toEqual(wanted)
  })

  it('are joined each with its own', async () => {
    const sql = `SELECT a.n, b.n AS m FROM visits SNAPSHOT AS OF ${ids[0]} a, visits SNAPSHOT SINCE ${ids[1]} b`
    expect(await product.rows(sql)).toEqual([[1, 3]])
  })

  it('take variables, also such as hold texts', async () => {
    const rows = await product.rows(`$$ BEGIN
      SET @from = SELECT cast(max(parent_id) AS string) FROM (SELECT history_meta('visits')) WHERE is_current;
      SET @to = SELECT snapshot_id FROM (SELECT history_meta('visits')) t WHERE is_current = true;
      SELECT n FROM visits SNAPSHOT BETWEEN @from AND @to;
    END $$`)
    expect(rows).toEqual([[3]])
  })

  const ingestTime = '_acp_system_metadata.ingestTime'
  it.each<[string, number]>([
    [`${ingestTime} BETWEEN 'HEAD' AND 'TAIL'`, 3],
    [`${ingestTime} NOT BETWEEN 'HEAD' AND 'TAIL'`, 0],
    [`${ingestTime} >= coalesce(NULL, 'HEAD')`, 3],
    [`${ingestTime} > if(true, 'TAIL', 'HEAD')`, 0],
    [`${ingestTime} / 1000 >= 'HEAD' / 1000`, 3],
    [`'tail' > ${ingestTime}`, 3],
  ])('count as bounds of ingest times: %s', async (condition, wanted) => {
    const sql = `SET drop_system_columns = false; SELECT count(*) FROM visits WHERE ${condition}`
    expect(await product.rows(sql)).toEqual([[wanted]])
  })

  it('fall back to the earliest, inclusive, when asked to', async () => {
    await expect(product.rows('SELECT n FROM visits SNAPSHOT SINCE 123')).rejects.toThrow(/source\.removed/)
    const sql = `SET resolve_fallback_snapshot_on_failure = true; SELECT n FROM visits SNAPSHOT SINCE 123 ORDER BY n`
    expect((await product.rows(sql)).flat()).toEqual([1, 2, 3])
  })

  it('are named by variables, also inside quotes', async () => {
    const sql = `$$ BEGIN
      SET @first = SELECT min_by(snapshot_id, made_current_at) FROM (SELECT history_meta('visits'));
      SELECT count(*) FROM visits SNAPSHOT SINCE @first;
      SELECT count(*) FROM visits SNAPSHOT BETWEEN '@first' AND 'TAIL';
      SELECT count(*) FROM visits SNAPSHOT AS OF '@first';
    END $$`
    const [since, between, asOf] = (await product.rows(sql)).flat()
    expect([between, Number(asOf) + Number(since)]).toEqual([since, 3])
  })

  it.each(['SINCE @none', 'AS OF @none', "BETWEEN @none AND 'TAIL'", "BETWEEN 'HEAD' AND @none"])(
    'that are NULL select nothing: %s',
    async (bounds) => {
      const sql = `$$ BEGIN
        SET @none = SELECT parent_id FROM (SELECT history_meta('visits')) WHERE parent_id IS NULL;
        SELECT count(*) FROM visits SNAPSHOT ${bounds};
      END $$`
      await connected(async (client) => {
        const notices: unknown[] = []
        client.on('notice', ({ message }) => notices.push(message))
        const answers = [await client.query({ text: sql, rowMode: 'array' })].flat()
        expect(answers.flatMap(({ rows }) => rows)).toEqual([['0']])
        expect(notices).toEqual([expect.stringContaining('Seed the checkpoint with HEAD')])
      })
    },
  )

  it('are none of an empty table, and none of what is no table', async () => {
    await product.run('CREATE TABLE void AS SELECT 1 AS a WHERE false')
    expect(await product.rows("SELECT history_meta('void')")).toEqual([])
    await expect(product.rows("SELECT history_meta('nowhere')")).rejects.toThrow(/query\.unknown_table/)
    await expect(product.rows("SELECT n FROM visits SNAPSHOT SINCE 'yesterday'")).rejects.toThrow(
      /query\.value/,
    )
  })
})

describe('views', () => {
  it('are queries under a name, which follow their tables', async () => {
    await product.run(`CREATE TABLE base AS SELECT 1 AS a;
      CREATE VIEW doubled AS SELECT a * 2 AS b FROM base;
      CREATE VIEW quadrupled AS WITH doubled AS (SELECT b * 2 AS c FROM doubled) SELECT c FROM doubled;
      INSERT INTO base SELECT 5`)
    expect(
      await product.rows('SELECT d.b, q.c FROM doubled d, quadrupled q WHERE q.c = d.b * 2 ORDER BY 1'),
    ).toEqual([
      [2, 4],
      [10, 20],
    ])
    await product.run('CREATE OR REPLACE VIEW doubled AS SELECT a + 1 AS b FROM base')
    expect(await product.rows('SELECT max(c) FROM quadrupled')).toEqual([[12]])
    expect(await product.rows('DESCRIBE quadrupled')).toEqual([['c', 'int']])
    const shown = await product.rows('SHOW VIEWS')
    expect(shown.map((row) => row.filter((_, index) => index !== 3))).toEqual([
      [null, null, 'doubled', 'base', null, 'ADLS'],
      [null, null, 'quadrupled', null, 'doubled', 'ADLS'],
    ])
  })

  it.each([
    ['CREATE VIEW visits AS SELECT 1', /dataset\.exists/],
    ['CREATE VIEW bad AS SELECT * FROM nowhere', /query\.unknown_table/],
    ['CREATE VIEW doubled AS SELECT 1 AS b', /dataset\.exists/],
    ['CREATE OR REPLACE VIEW doubled AS SELECT c AS b FROM quadrupled', /read from itself/],
    ['CREATE TABLE doubled AS SELECT 1 AS b', /dataset\.exists/],
    ['$$ BEGIN SET @v = 1; CREATE VIEW bad AS SELECT @v; END $$', /neither variables/],
    ['SELECT * FROM doubled SNAPSHOT SINCE 1', /no snapshots/],
    ['WITH q AS (SELECT 1 AS a) SELECT count(*) FROM q SNAPSHOT AS OF 1', /no snapshots/],
    ['DROP VIEW nowhere', /query\.unknown_table/],
  ])('refuse %s', async (sql, message) => {
    await expect(product.run(sql)).rejects.toThrow(message)
  })

  it('go with DROP VIEW', async () => {
    await product.run('DROP VIEW quadrupled; DROP VIEW IF EXISTS quadrupled; DROP VIEW doubled')
    await expect(product.rows('SELECT * FROM doubled')).rejects.toThrow(/query\.unknown_table/)
  })
})

describe('tables', () => {
  it('can be made of a list of columns, and take rows in every form', async () => {
    await product.run(`CREATE TABLE IF NOT EXISTS typed (a integer, b text, m map<text, integer>, t datetime, v varchar(10),
        r struct<x: int, y: array<double>>);
      INSERT INTO typed (b, a) SELECT 'one', 1;
      INSERT INTO typed (a) VALUES (2);
      INSERT INTO typed AS (SELECT 3, 'three', map('k', 1), timestamp '2026-01-01 00:00:00', 'v', struct(1, array(2.5D)));
      INSERT INTO typed (SELECT r, v, t, m, b, a FROM typed WHERE a = 3 LIMIT 1)`)
    expect(
      await product.rows('SELECT a, count(*), max(b), max(r.y[0]) FROM typed GROUP BY a ORDER BY a'),
    ).toEqual([
      [1, 1, 'one', null],
      [2, 1, null, null],
      [3, 2, 'three', 2.5],
    ])
    expect((await product.rows('DESCRIBE TABLE typed')).slice(1, 4)).toEqual([
      ['b', 'string'],
      ['m', 'map<string,int>'],
      ['t', 'timestamp'],
    ])
  })

  it('cut the fractions of what becomes whole off, as CAST does', async () => {
    await product.run(`CREATE TABLE whole (n int, s struct<x: bigint>, l array<smallint>, d decimal(4, 1));
      INSERT INTO whole SELECT 2.7, struct(2.5D), array(1.9, -1.9), 2.75;
      INSERT INTO whole SELECT cast(-2.7 AS float), struct(-3.5), array(0.5D), -2.75D`)
    expect(await product.rows('SELECT n, s.x, l[0], l[1], d FROM whole ORDER BY n')).toEqual([
      [-2, -3, 0, null, -2.8],
      [2, 2, 1, -1, 2.8],
    ])
    await expect(product.run('INSERT INTO whole (n) SELECT 3000000000.5D')).rejects.toThrow(/out of range/)
  })

  it('gain columns', async () => {
    await product.run(`CREATE TABLE grown AS SELECT 1 AS a;
      ALTER TABLE grown ADD COLUMN b bigint, c varchar(5);
      INSERT INTO grown SELECT 2, 3, 'c'`)
    expect(await product.rows('SELECT a, coalesce(b, 0), c IS NULL FROM grown ORDER BY a')).toEqual([
      [1, 0, true],
      [2, 3, false],
    ])
    await expect(product.run('ALTER TABLE grown ADD COLUMN A int')).rejects.toThrow(/already/)
    await expect(product.run('ALTER TABLE nowhere ADD COLUMN a int')).rejects.toThrow(/query\.unknown_table/)
  })

  it('can be selected into', async () => {
    await product.run('SELECT n, n + 1 AS m INTO picked FROM visits WHERE n > 1')
    expect(await product.rows('SELECT m FROM picked ORDER BY n')).toEqual([[3], [4]])
    await expect(product.rows('SELECT * FROM (SELECT 1 AS a INTO inner_one)')).rejects.toThrow(/outermost/)
  })

  it('may be temporary: of one session, before stored ones of the same name', async () => {
    await connected(async (client) => {
      await client.query('CREATE TEMP TABLE visits AS SELECT 100 AS n; INSERT INTO visits VALUES (200)')
      await client.query('SELECT 7 AS seven INTO TEMP lucky')
      expect(await texts(client, 'SELECT sum(n) FROM visits')).toEqual([['300']])
      expect(await texts(client, 'SELECT * FROM lucky')).toEqual([[7]])
      await expect(client.query('CREATE TEMP TABLE lucky (a int)')).rejects.toThrow(/already/)
      expect(
        (await texts(client, 'SHOW TABLES')).filter(([name]) => String(name).startsWith('temp_')),
      ).toEqual([])
      expect(await product.rows('SELECT max(n) FROM visits')).toEqual([[3]])
      await client.query('DROP TABLE visits')
      expect(await texts(client, 'SELECT max(n) FROM visits')).toEqual([[3]])
    })
    await expect(product.rows('SELECT * FROM lucky')).rejects.toThrow(/query\.unknown_table/)
  })

  it('refuse rows that do not fit, and what is no option', async () => {
    await expect(product.run("INSERT INTO grown SELECT 'x', 2, 'y'")).rejects.toThrow(/schema\.conflict/)
    await expect(product.run("CREATE TABLE other WITH (colour = 'red') AS SELECT 1 AS a")).rejects.toThrow(
      /colour/,
    )
    await product.run("CREATE TABLE unchecked WITH (ROWVALIDATION = 'false') AS (SELECT 1 AS a)")
    await expect(product.run('CREATE TABLE unchecked (a int)')).rejects.toThrow(/dataset\.exists/)
  })
})

describe('statistics', () => {
  beforeAll(async () => {
    await product.run(`CREATE TABLE measured AS
      SELECT 1 AS age, struct('x' AS Name, struct(2.5D AS score) AS deep) AS who, array(1) AS list;
      INSERT INTO measured SELECT 3, struct(cast(NULL AS string), struct(cast(NULL AS double))), NULL`)
  })

  it('are kept in a table of the session', async () => {
    await connected(async (client) => {
      expect(await texts(client, 'ANALYZE TABLE measured COMPUTE STATISTICS')).toEqual([['measured_stats_1']])
      const { fields } = await client.query('SELECT * FROM measured_stats_1')
      expect(fields.map((field) => field.name)).toEqual([
        'columnName',
        'mean',
        'max',
        'min',
        'standardDeviation',
        'approxDistinctCount',
        'nullCount',
        'dataType',
      ])
      expect(await texts(client, 'SELECT * FROM measured_stats_1')).toEqual([
        ['age', 2, 3, 1, Math.SQRT2, 2, '0', 'Integer'],
        ['who.name', 0, 0, 0, 0, 1, '1', 'String'],
        ['who.deep.score', 2.5, 2.5, 2.5, 0, 1, '1', 'Double'],
      ])
      expect(
        await texts(
          client,
          'ANALYZE TABLE measured FILTERCONTEXT (age > 1 -- or so\n AND age < 40) COMPUTE STATISTICS FOR COLUMNS (age, WHO.deep.score) AS age_stats',
        ),
      ).toEqual([['SUCCESSFULLY COMPLETED, age_stats']])
      expect(await texts(client, 'SELECT columnName, max FROM age_stats')).toEqual([
        ['age', 3],
        ['who.deep.score', 0],
      ])
      const shown = await texts(client, 'SHOW STATISTICS')
      expect(shown.map((row) => row.slice(0, 3))).toEqual([
        ['measured_stats_1', 'measured', '(*)'],
        ['age_stats', 'measured', '(age, WHO.deep.score)'],
      ])
      expect(shown[0]?.slice(3)).toEqual(['', expect.stringMatching(/^\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d$/)])
      await client.query('DROP TABLE age_stats')
      expect(await texts(client, 'SHOW STATISTICS')).toHaveLength(1)
    })
    await expect(product.rows('SELECT * FROM measured_stats_1')).rejects.toThrow(/query\.unknown_table/)
  })

  it('count what is different as Spark does, where an estimate of the engine’s is wrong by a third', async () => {
    const columns = Array.from({ length: 20 }, (_, index) => `id % ${index + 480} AS c${index}`)
    await product.run(`CREATE TABLE different AS SELECT ${columns.join(', ')} FROM range(1000)`)
    const counts = columns.map((_, index) => index + 480)
    const printed = await product.rows('ANALYZE TABLE different')
    expect(printed.map((row) => row[3])).toEqual(counts)
    const asked = counts.map((_, index) => `approx_count_distinct(c${index}, 0.01)`)
    expect(await product.rows(`SELECT ${asked.join(', ')} FROM different`)).toEqual([counts])
    const [[last] = []] = await product.rows(
      'SELECT max(n) FROM (SELECT approx_count_distinct(c0) OVER (ORDER BY c1) AS n FROM different)',
    )
    expect(last).toBe(480)
  })

  it('are of the fields of a struct that is named, each once, and are shown by name', async () => {
    await connected(async (client) => {
      await client.query(
        'ANALYZE TABLE measured COMPUTE STATISTICS FOR COLUMNS (who, age, who.name) AS of_who',
      )
      const rows = await texts(client, 'SELECT columnName, nullCount FROM of_who')
      expect(rows).toEqual([
        ['who.name', '1'],
        ['who.deep.score', '1'],
        ['age', '0'],
      ])
      await client.query('ANALYZE TABLE measured COMPUTE STATISTICS')
      const shown = await texts(client, 'SHOW STATISTICS FOR Of_Who;')
      expect(shown.map((row) => row.slice(0, 3))).toEqual([['of_who', 'measured', '(who, age, who.name)']])
    })
  })

  it('are printed by ANALYZE TABLE alone', async () => {
    expect(await product.rows('ANALYZE TABLE measured')).toEqual([
      ['age', 'Integer', 2, 2, 0, 3, 1, 2, Math.SQRT2],
      ['who.name', 'String', 1, 1, 1, 0, 0, 0, 0],
      ['who.deep.score', 'Double', 1, 1, 1, 2.5, 2.5, 2.5, 0],
    ])
  })

  it.each<[string, RegExp]>([
    ['ANALYZE TABLE nowhere COMPUTE STATISTICS', /query\.unknown_table/],
    ['ANALYZE TABLE measured COMPUTE STATISTICS FOR COLUMNS (list)', /no simple column/],
    ['ANALYZE TABLE measured COMPUTE STATISTICS FOR COLUMNS (nothing)', /no column of this table/],
    ['ANALYZE TABLE measured FILTERCONTEXT (nothing > 1) COMPUTE STATISTICS', /query\.unknown_column/],
    [
      'SET skip_stats_for_complex_datatypes = false; ANALYZE TABLE measured COMPUTE STATISTICS',
      /an array or a map/,
    ],
    ['ANALYZE TABLE measured FILTERCONTEXT (age > 1', /query\.syntax/],
    ['ANALYZE TABLE measured FILTERCONTEXT (age > 1) AND (age > 2) COMPUTE STATISTICS', /query\.syntax/],
  ])('%s is refused', async (sql, message) => {
    await expect(product.rows(sql)).rejects.toThrow(message)
  })
})

describe('statements that meet', () => {
  it('find what is there, or say of what is not by its name', async () => {
    const mistakes: string[] = []
    const met = async (...texts: readonly string[]) => {
      for (const one of await Promise.allSettled(texts.map((text) => product.run(text))))
        if (one.status === 'rejected') mistakes.push(String(one.reason))
    }
    for (let round = 0; round < 6; round++) {
      await met(...Array.from({ length: 4 }, () => 'CREATE OR REPLACE VIEW met_view AS SELECT 1 AS a'))
      await product.run('CREATE TABLE met (a int)')
      await met(
        'DROP VIEW IF EXISTS met_view',
        ...Array.from({ length: 3 }, () => 'DROP TABLE IF EXISTS met'),
      )
      await product.run('CREATE TABLE met (a int)')
      await met('INSERT INTO met SELECT 1', 'DROP TABLE IF EXISTS met', 'ALTER TABLE met ADD COLUMN b int')
    }
    expect(mistakes.filter((mistake) => !mistake.includes('There is no table \\"met\\".'))).toEqual([])
  })
})

describe('samples', () => {
  it('are datasets of their own that end with theirs', async () => {
    await product.run('CREATE TABLE many AS SELECT explode(sequence(1, 1000)) AS i')
    const take = (rate: string) => product.rows(`SET aqp = true; ANALYZE TABLE many TABLESAMPLE ${rate}`)
    const [[name] = []] = await take('SAMPLERATE 50')
    expect(name).toMatch(/^x[0-9a-f]{24}_uniform_50_0_percent_[a-z0-9]{5}$/)
    const [[filtered] = []] = await take('FILTERCONTEXT (i > 100000) SAMPLERATE 1.5')
    const shown = await product.rows("SELECT sample_meta('many')")
    expect(shown.map((row) => [row[0], row[3], row[4]])).toEqual([
      [name, 'uniform', '50.0'],
      [filtered, 'uniform', '1.5'],
    ])
    const [[count] = []] = await product.rows(`SELECT count(*) FROM ${String(name)}`)
    expect(String(count)).toBe(shown[0]?.[5])
    expect(Number(count)).toBeGreaterThan(300)
    expect(Number(count)).toBeLessThan(700)
    expect(await product.rows('SELECT count(*) FROM many WITHAPPROXIMATE')).toEqual([[0]])
    await product.run(`DROP TABLESAMPLE ${String(filtered)}`)
    expect(await product.rows('SELECT count(*) FROM many WITHAPPROXIMATE')).toEqual([[count]])
    await expect(product.run('DROP TABLESAMPLE many')).rejects.toThrow(/query\.unknown_table/)
    // A session that shows system columns takes samples of the table's own.
    const [[shownToo] = []] = await product.rows(
      'SET drop_system_columns = false; SET aqp = true; ANALYZE TABLE many TABLESAMPLE SAMPLERATE 100',
    )
    expect(await product.rows(`SELECT count(*) FROM ${String(shownToo)}`)).toEqual([[1000]])
    for (let index = 0; index < 3; index++) await take('SAMPLERATE 1')
    await expect(take('SAMPLERATE 1')).rejects.toThrow(/at most 5 samples/)
    await product.run('DROP TABLE many')
    await expect(product.rows(`SELECT * FROM ${String(name)}`)).rejects.toThrow(/query\.unknown_table/)
  })

  it('have the columns of the table, whatever the session shows, and count once they are taken', async () => {
    await product.run('CREATE TABLE shaped AS SELECT struct(id AS n) AS s FROM range(400)')
    const sampled = 'SELECT max(s.n) FROM shaped WITHAPPROXIMATE'
    await product.run(
      'SET aqp = true; SET drop_system_columns = false; ANALYZE TABLE shaped TABLESAMPLE SAMPLERATE 100',
    )
    expect(await product.rows(sampled)).toEqual([[399]])
    const take = 'SET flatten = true; SET aqp = true; ANALYZE TABLE shaped'
    await product.run(`${take} TABLESAMPLE SAMPLERATE 100`)
    expect(await product.rows(sampled)).toEqual([[399]])
    await expect(
      product.run(`${take} FILTERCONTEXT (\`s.n\` > 1) TABLESAMPLE SAMPLERATE 100`),
    ).rejects.toThrow(/without FLATTEN/)
    // It has none of its rows until it has all of them.
    const taking = product.run(
      'SET aqp = true; ANALYZE TABLE shaped FILTERCONTEXT ((SELECT sum(length(sha2(cast(a.id * b.id AS string), 512))) FROM range(250000) a, range(2) b) > 0) TABLESAMPLE SAMPLERATE 100',
    )
    let taken = 2
    while (taken === 2) taken = (await product.rows("SELECT sample_meta('shaped')")).length
    expect(await product.rows(sampled)).toEqual([[399]])
    await taking
  })

  it('are asked for, and have a share', async () => {
    await expect(product.rows('ANALYZE TABLE visits TABLESAMPLE SAMPLERATE 5')).rejects.toThrow(/aqp/)
    await expect(product.rows('ANALYZE TABLE visits TABLESAMPLE SAMPLERATE 0')).rejects.toThrow(/percent/)
    expect(await product.rows('SELECT max(n) FROM visits WITHAPPROXIMATE')).toEqual([[3]])
  })
})

describe('cursors', () => {
  it('give their rows in parts, as the table was when they were declared', async () => {
    await connected(async (client) => {
      await client.query('CREATE TEMP TABLE counted AS SELECT explode(sequence(1, 5)) AS i')
      await client.query('BEGIN')
      await client.query('DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT i FROM counted ORDER BY i')
      await client.query('INSERT INTO counted VALUES (6)')
      expect(await texts(client, 'FETCH 2 FROM C')).toEqual([[1], [2]])
      expect(await texts(client, 'FETCH c')).toEqual([[3]])
      expect(await texts(client, 'FETCH FORWARD ALL IN c')).toEqual([[4], [5]])
      expect(await texts(client, 'FETCH 10 c')).toEqual([])
      await expect(client.query('DECLARE c CURSOR FOR SELECT 1')).rejects.toThrow(/already/)
      await client.query('ROLLBACK') // A held cursor outlives the transaction that is committed, not this one.
      await expect(client.query('FETCH 1 FROM c')).rejects.toMatchObject({ code: '34000' })
      await expect(client.query('FETCH PRIOR FROM c')).rejects.toMatchObject({ code: '0A000' })
      await client.query('CLOSE ALL')
    })
  })

  it('move forward without giving rows, also over the catalogue', async () => {
    await connected(async (client) => {
      await client.query('BEGIN; DECLARE c CURSOR FOR SELECT explode(sequence(1, 9)) AS i')
      expect((await client.query('MOVE 2 FROM c')).command).toBe('MOVE')
      expect(await texts(client, 'FETCH c')).toEqual([[3]])
      await client.query({ text: 'MOVE FORWARD 3 IN c', values: [] })
      expect(await texts(client, 'FETCH c')).toEqual([[7]])
      expect((await client.query('MOVE ALL c')).rowCount).toBe(2)
      expect(await texts(client, 'FETCH ALL c')).toEqual([])
      await client.query(
        'DECLARE q CURSOR FOR SELECT typname FROM pg_type WHERE oid IN (23, 25) ORDER BY oid',
      )
      await client.query('MOVE q')
      expect(await texts(client, 'FETCH ALL q')).toEqual([['text']])
      await expect(client.query('MOVE BACKWARD c')).rejects.toMatchObject({ code: '0A000' })
    })
  })

  it('and copies give all rows where LIMIT 0 says so, as SELECT does', async () => {
    await connected(async (client) => {
      await client.query('BEGIN; DECLARE c CURSOR FOR SELECT n FROM visits ORDER BY n LIMIT 0')
      expect(await texts(client, 'FETCH ALL c')).toEqual([[1], [2], [3]])
      expect((await client.query('COPY (SELECT n FROM visits LIMIT 0) TO STDOUT')).rowCount).toBe(3)
    })
  })

  it('are stopped by a cancel request while their first row is awaited', async () => {
    const client = await WireClient.signedIn(Number(server.port), {
      user: server.user!,
      password: String(server.password),
    })
    await using _client = client
    client.send(
      query(`BEGIN; DECLARE c CURSOR FOR SELECT count(*) FROM (SELECT explode(sequence(1, 1000000)) a) x
        JOIN (SELECT explode(sequence(1, 1000000)) b) y ON a % 7 <> b % 11`),
    )
    await client.untilReady()
    client.send(query('FETCH c'))
    let answered: Awaited<ReturnType<WireClient['untilReady']>> = []
    const answer = client.untilReady().then((messages) => (answered = messages))
    // A request that comes before the statement is for nothing, here as with PostgreSQL: it is made again.
    const cancel = async () => {
      await using stranger = await WireClient.connect(Number(server.port))
      stranger.send(cancelRequest(client.backendKey!))
      await stranger.untilEnd()
      return answered.length
    }
    await expect.poll(cancel).toBeGreaterThan(0)
    expect(errorFields((await answer)[0]!)).toMatchObject({ C: '57014' })
  })
})

describe('columns that nobody named', () => {
  it('are called as their table calls them, however the text writes them', async () => {
    await product.run(`
      CREATE TABLE cased AS SELECT 1 AS PageName, struct('a' AS UrlPath) AS Web, array(struct(2 AS SkuId)) AS Items,
        map('Key', 3) AS Other`)
    await connected(async (client) => {
      for (const [sql, names] of [
        [
          'SELECT pagename, WEB.URLPATH, c.items.skuid, web FROM cased c',
          ['PageName', 'UrlPath', 'SkuId', 'Web'],
        ],
        ['SELECT PAGENAME AS pagename FROM cased', ['pagename']],
        ['SELECT pagename, count(*) FROM cased GROUP BY PAGENAME', ['PageName', 'count(1)']],
        ['SELECT pageNAME FROM (SELECT PageName AS PAGEName FROM cased)', ['PAGEName']],
        // A key of a map is called as it is written.
        ['SELECT other.key FROM cased', ['key']],
      ] as const) {
        const { fields } = await client.query(sql)
        expect(fields.map(({ name }) => name)).toEqual(names)
      }
    })
  })
})

describe('session flags', () => {
  it('auto_to_json makes texts of complex columns, behind the others', async () => {
    const sql = `SET auto_to_json = true; SELECT page, n, tags FROM visits ORDER BY page.name DESC`
    expect(await product.rows(sql)).toEqual([
      [2, '{"name":"shop","more":{}}', null],
      [1, '{"name":"home","more":{"views":2.0}}', '["a","b"]'],
      [3, null, '[]'],
    ])
  })

  it('FLATTEN makes a column of each field', async () => {
    await connected(async (client) => {
      const { fields } = await client.query('SELECT * FROM visits WHERE false')
      expect(fields.map((field) => field.name)).toEqual(['n', 'page.name', 'page.more.views', 'tags'])
      expect(
        await texts(client, 'SELECT "page.name", v.page.more.views, page.name FROM visits v WHERE n = 1'),
      ).toEqual([['home', 2, 'home']])
      expect(await texts(client, 'SELECT v."page.name" FROM visits v WHERE v.n = 1')).toEqual([['home']])
    }, 'prod:all?FLATTEN')
    await expect(connected(async () => {}, 'prod:all?OTHER')).rejects.toThrow(/no option/)
  })

  it('FLATTEN makes columns of the structs of views, and views made with it can be read without', async () => {
    await product.run('CREATE VIEW flat_1 AS SELECT n, page FROM visits')
    await product.run('CREATE VIEW flat_2 AS SELECT page, page.name AS own FROM flat_1')
    await connected(async (client) => {
      const names = async (sql: string) => (await client.query(sql)).fields.map(({ name }) => name)
      const columnsOf = async (table: string) =>
        (
          await texts(
            client,
            `SELECT attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
             WHERE c.relname = '${table}' AND a.attnum > 0 ORDER BY a.attnum`,
          )
        ).flat()
      expect(await texts(client, 'SELECT "page.name", "page.more.views" FROM flat_1 WHERE n = 1')).toEqual([
        ['home', 2],
      ])
      expect(await texts(client, 'SELECT n FROM flat_1 ORDER BY n')).toEqual([[1], [2], [3]])
      for (const [table, columns] of Object.entries({
        visits: ['n', 'page.name', 'page.more.views', 'tags'],
        flat_1: ['n', 'page.name', 'page.more.views'],
        flat_2: ['page.name', 'page.more.views', 'own'],
      })) {
        expect(await names(`SELECT * FROM ${table} WHERE false`)).toEqual(columns)
        expect(await columnsOf(table)).toEqual(columns)
        expect((await texts(client, `DESCRIBE ${table}`)).map(([name]) => name)).toEqual(columns)
      }
      await client.query(
        'CREATE VIEW flat_3 AS SELECT "page.name", v."page.more.views" AS views, "a.b" AS ab FROM visits v WHERE n = 1',
      )
      expect(await texts(client, 'SELECT "page.name", views, ab FROM flat_3')).toEqual([['home', 2, 'a.b']])
    }, 'prod:all?FLATTEN')
    expect(await product.rows('SELECT * FROM flat_3')).toEqual([['home', 2, 'a.b']])
    await product.run('DROP VIEW flat_2; DROP VIEW flat_1; DROP VIEW flat_3')
  })

  it('drop_system_columns decides about the system columns', async () => {
    await expect(product.rows('SELECT _ACP_BATCHID FROM visits')).rejects.toThrow(/query\.unknown_column/)
    const sql = `SET drop_system_columns = false;
      SELECT count(DISTINCT _ACP_BATCHID), count(DISTINCT _acp_system_metadata) FROM visits`
    expect(await product.rows(sql)).toEqual([[3, 3]])
  })
})

describe('what sessions show', () => {
  it.each<[string, unknown[][]]>([
    ['SHOW STATISTICS', []],
    ['SET DateStyle', [['ISO, MDY']]],
  ])('%s', async (sql, rows) => {
    expect(await product.rows(sql)).toEqual(rows)
  })

  it('explains queries and statements with one', async () => {
    const [[first] = [], [second] = []] = await product.rows('EXPLAIN SELECT n FROM visits')
    expect([first, second]).toEqual([
      'Query (columns=1)',
      expect.stringMatching(/Scan on visits \(rows<=3, files=3,/),
    ])
    expect(await product.rows('EXPLAIN CREATE TABLE never AS SELECT 1 AS a')).toEqual([['Query (columns=1)']])
    const [[head] = [], , [time] = []] = await product.rows(
      'EXPLAIN ANALYZE SELECT n FROM visits WHERE n > 1',
    )
    expect([head, time]).toEqual([
      'Query (columns=1) (actual rows=2)',
      expect.stringMatching(/^Execution Time: \d+\.\d{3} ms$/),
    ])
    const [[measured] = []] = await product.rows('EXPLAIN (ANALYZE, COSTS off, FORMAT JSON) SELECT 1 AS a')
    expect(JSON.parse(String(measured))).toMatchObject([
      { Plan: { 'Actual Rows': 1 }, 'Execution Time': expect.any(Number) },
    ])
    await expect(product.rows('EXPLAIN ANALYZE INSERT INTO visits SELECT 1')).rejects.toThrow(
      /runs queries alone/,
    )
    await expect(product.rows("EXPLAIN ANALYZE SELECT raise_error('run')")).rejects.toThrow(/run/)
    const { queries } = await product.call<{ queries: { request: { sql: string } }[] }>(
      'GET',
      '/data/foundation/query/queries',
    )
    expect(queries.map(({ request }) => request.sql)).toContain("EXPLAIN ANALYZE SELECT raise_error('run')")
    await expect(product.rows('EXPLAIN (ANALYZE off) SELECT 1 AS a')).resolves.toEqual([
      ['Query (columns=1)'],
    ])
    const [[json] = []] = await product.rows('EXPLAIN (FORMAT JSON) SELECT n FROM visits')
    expect(JSON.parse(String(json))[0].Plan.Plans[0]['Relation Name']).toBe('visits')
    await expect(product.rows('SELECT * FROM never')).rejects.toThrow(/query\.unknown_table/)
  })

  it('executes what was prepared', async () => {
    const sql = `PREPARE some (int) AS SELECT n FROM visits WHERE n > $1; EXECUTE SOME(2); DEALLOCATE ALL`
    expect(await product.rows(sql)).toEqual([[3]])
    await expect(product.rows('EXECUTE nothing(1)')).rejects.toThrow(/query\.unknown_statement/)
  })

  it.each<[text: string, code: string, place: string]>([
    ['PREPARE wrong AS SELECT m FROM visits', '42703', 'm FROM'],
    ['PREPARE wrong AS SELECT n FROM nobodys', '42P01', 'nobodys'],
    ['PREPARE wrong (int) AS SELECT transform($1, x -> x) FROM visits', '42804', 'transform'],
    ['PREPARE wrong AS INSERT INTO nobodys SELECT $1', '42P01', 'nobodys'],
    ['PREPARE wrong AS EXECUTE nobodys', '26000', ''],
  ])('prepares nothing that cannot be right: %s', async (text, code, place) => {
    await connected(async (client) => {
      const failed = await client.query(text).catch((error: unknown) => error)
      const position = place === '' ? undefined : String(text.indexOf(place) + 1)
      expect(failed).toMatchObject({ code, position })
      await expect(client.query('EXECUTE wrong')).rejects.toMatchObject({ code: '26000' })
    })
  })

  it('leaves to EXECUTE what depends on types that nobody said', async () => {
    const open = 'PREPARE open AS SELECT $1 + INTERVAL 1 DAY AS next, $2 + n AS sum FROM visits WHERE n = 1'
    expect(await product.rows(`${open}; EXECUTE open(DATE '2026-01-31', 2.5)`)).toEqual([['2026-02-01', 3.5]])
  })
})

describe('texts that clients put values into themselves', () => {
  /** As libpq, and whatever uses it, puts a value into a text. */
  const escaped = (value: string, isStandard: boolean): string =>
    `'${(isStandard ? value : value.replaceAll('\\', '\\\\')).replaceAll("'", "''")}'`
  const values = ['a', "it's", 'a\\b', '\\', "\\' OR true --", "\\\\'", '100\\%', 'é\\n']

  it('hold the values, as standard_conforming_strings says, whichever it is', async () => {
    await connected(async (client) => {
      const reported = new Map<string, string>()
      client.connection.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) =>
        reported.set(message.parameterName, message.parameterValue),
      )
      for (const set of ['off', 'on', 'off']) {
        await client.query(`SET standard_conforming_strings = ${set}`)
        expect(await texts(client, 'SHOW standard_conforming_strings')).toEqual([[set]])
        if (reported.size > 0) expect(reported.get('standard_conforming_strings')).toBe(set)
        for (const value of values) {
          const literal = escaped(value, set === 'on')
          expect(await texts(client, `SELECT ${literal}, 1`)).toEqual([[value, 1]])
          const prepared = { text: `SELECT ${literal}, $1::int`, values: [2], rowMode: 'array' as const }
          expect((await client.query(prepared)).rows).toEqual([[value, 2]])
        }
      }
      expect(reported.size).toBeGreaterThan(0)
    })
  })

  it('are escapes by themselves until a client asks for another meaning', async () => {
    await connected(async (client) => {
      expect(await texts(client, 'SHOW standard_conforming_strings')).toEqual([['off']])
      expect(await texts(client, "SELECT '\\d', 'a\\tb', r'\\d'")).toEqual([['d', 'a\tb', '\\d']])
      await client.query('SET standard_conforming_strings = on')
      expect(await texts(client, "SELECT '\\d', 'a\\tb', r'\\d'")).toEqual([['\\d', 'a\\tb', '\\d']])
      await client.query('RESET ALL')
      expect(await texts(client, "SELECT '\\d'")).toEqual([['d']])
    })
  })

  it.each(values)('may stand behind an E: %s', async (value) => {
    await connected(async (client) => {
      const literal = client.escapeLiteral(value)
      for (const set of ['off', 'on']) {
        await client.query(`SET standard_conforming_strings = ${set}`)
        if (set === 'on' || literal.includes('E')) {
          expect(await texts(client, `SELECT ${literal}`)).toEqual([[value]])
        }
      }
    })
  })

  it("may have all of PostgreSQL's escapes behind an E", async () => {
    const sql = String.raw`SELECT E'\b\f\n\r\t\\\'''', e'\101\x42\u0043\U0001F98A\q'`
    expect(await connected((client) => texts(client, sql))).toEqual([["\b\f\n\r\t\\''", 'ABC🦊q']])
  })

  it('ask the catalogue as PostgreSQL reads them, and failures keep their places', async () => {
    await connected(async (client) => {
      await client.query('SET standard_conforming_strings = on')
      const sql = String.raw`SELECT relname FROM pg_class WHERE relname LIKE 'v\isits'; SELECT '\', 'a\b'`
      const [names, plain] = (await client.query(sql)) as unknown as pg.QueryResult[]
      expect([names?.rows, plain?.rowCount]).toEqual([[{ relname: 'visits' }], 1])
      for (const text of [String.raw`SELECT '\', '\\', wrong`, String.raw`SELECT '\' AS a, '\\' = = 1`]) {
        const place = text.includes('wrong') ? text.indexOf('wrong') : text.indexOf('= 1')
        await expect(client.query(text)).rejects.toMatchObject({ position: String(place + 1) })
        await expect(client.query({ text, values: [], name: 'x' })).rejects.toMatchObject({
          position: String(place + 1),
        })
      }
    })
  })

  it('ask the catalogue with the backslashes that a client doubles, as it is told to', async () => {
    await product.run('CREATE TABLE tab_les AS SELECT 1 AS n; CREATE TABLE tabules AS SELECT 1 AS n')
    await connected(async (client) => {
      // What psql asks to complete `tab_`.
      const sql = String.raw`SELECT 'a\\'; SELECT relname FROM pg_class WHERE relname LIKE 'tab\\_les'; SELECT '\\_', wrong`
      const asked = sql.slice(0, sql.lastIndexOf(';'))
      const [plain, names] = (await client.query(asked)) as unknown as pg.QueryResult[]
      expect([plain?.rowCount, names?.rows]).toEqual([1, [{ relname: 'tab_les' }]])
      await expect(client.query(sql)).rejects.toMatchObject({ position: String(sql.indexOf('wrong') + 1) })
    })
  })

  it('are stored as the dialect has them', async () => {
    await connected(async (client) => {
      await client.query('SET standard_conforming_strings = on')
      await client.query(String.raw`CREATE VIEW slashed AS SELECT 'a\b' AS a, E'c\\d' AS b`)
    })
    expect(await product.rows('SELECT * FROM slashed')).toEqual([['a\\b', 'c\\d']])
  })
})

describe('what pools and drivers say to a session', () => {
  it.each<[string, string]>([
    ['SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY', 'SET'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE', 'SET'],
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY NOT DEFERRABLE', 'SET'],
    ['SET LOCAL statement_timeout = 0', 'SET'],
    ['SET SESSION AUTHORIZATION DEFAULT', 'SET'],
    ['RESET SESSION AUTHORIZATION', 'RESET'],
    ['SET ROLE NONE', 'SET'],
    ['RESET ROLE', 'RESET'],
    ['DISCARD PLANS', 'DISCARD'],
    ['DISCARD SEQUENCES', 'DISCARD'],
    ['DISCARD TEMPORARY', 'DISCARD'],
    ['DISCARD ALL', 'DISCARD'],
  ])('%s', async (sql, command) => {
    const answer = await connected((client) => client.query(sql))
    expect(answer).toMatchObject({ command, rows: [] })
  })

  it.each([
    'SET SESSION AUTHORIZATION somebody',
    'SET ROLE somebody',
    'SET TRANSACTION ISOLATION LEVEL NONE',
    'SET TRANSACTION SNAPSHOT 1',
    'SET SESSION CHARACTERISTICS AS TRANSACTION',
    'DISCARD EVERYTHING',
  ])('not %s', async (sql) => {
    await expect(connected((client) => client.query(sql))).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:42601|22023)$/),
    })
  })

  it.each(['BEGIN ISOLATION LEVEL nothing', 'BEGIN TRANSACTION WORK', 'START WORK', 'BEGIN READ'])(
    'not %s',
    async (sql) => {
      await expect(connected((client) => client.query(sql))).rejects.toMatchObject({ code: '42601' })
    },
  )

  it('SET LOCAL holds until the transaction ends, and SET beyond it', async () => {
    await connected(async (client) => {
      const setting = async (): Promise<unknown> => (await texts(client, 'SHOW statement_timeout'))[0]?.[0]
      await client.query('SET statement_timeout = 7000')
      for (const end of ['COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN']) {
        await client.query('BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY')
        await client.query('SET LOCAL statement_timeout = 8000; SET LOCAL statement_timeout = 9000')
        expect(await setting()).toBe('9s')
        await client.query(end)
        expect(await setting()).toBe('7s')
      }
      await client.query('ROLLBACK; BEGIN; SET LOCAL statement_timeout = 8000; SET statement_timeout = 5000')
      await client.query('COMMIT')
      expect(await setting()).toBe('5s')
      await client.query('SET LOCAL statement_timeout = 1')
      expect(await setting()).toBe('5s')
    })
  })

  it('who asks has all of its names', async () => {
    await connected(async (client) => {
      expect(
        await texts(client, 'SELECT current_role = current_user, current_role = session_user, user'),
      ).toEqual([[true, true, expect.any(String)]])
    })
  })

  it('times are shown with the unit PostgreSQL gives them', async () => {
    await connected(async (client) => {
      for (const [value, shown] of [
        ['50', '50ms'],
        ["'1.5s'", '1500ms'],
        ["'2 min'", '2min'],
        ['90000', '90s'],
        ["'24h'", '1d'],
        ["'1500us'", '2ms'],
        ['0', '0'],
      ]) {
        await client.query(`SET statement_timeout = ${value}`)
        expect(await texts(client, 'SHOW statement_timeout')).toEqual([[shown]])
      }
      for (const value of ["'1 S'", "'soon'", '2147483648']) {
        await expect(client.query(`SET statement_timeout = ${value}`)).rejects.toMatchObject({
          code: '22023',
        })
      }
      await client.query("SET statement_timeout = '20ms'")
      await expect(
        client.query('SELECT count(*) FROM range(100000) a JOIN range(100000) b ON a.id % 7 = b.id % 5'),
      ).rejects.toMatchObject({ code: '53400' })
    })
  })

  it('is read again as it was set', async () => {
    await connected(async (client) => {
      expect(await texts(client, 'SHOW TRANSACTION ISOLATION LEVEL')).toEqual([['read committed']])
      await client.query('SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY')
      expect(await texts(client, 'SHOW TRANSACTION ISOLATION LEVEL')).toEqual([['serializable']])
      expect(await texts(client, 'SHOW transaction_isolation')).toEqual([['serializable']])
      expect(await texts(client, 'SHOW transaction_read_only')).toEqual([['on']])
      expect(await texts(client, 'SHOW default_transaction_read_only')).toEqual([['on']])
      await client.query('DISCARD ALL')
      expect(await texts(client, 'SHOW transaction_isolation')).toEqual([['read committed']])
    })
  })

  it('is kept by a transaction that only reads', async () => {
    await connected(async (client) => {
      await client.query('CREATE TEMP TABLE own AS SELECT 1 AS a')
      const writes = [
        'CREATE TABLE never (a int)',
        'CREATE TEMP TABLE never AS SELECT 1 AS a',
        'INSERT INTO pages VALUES (1)',
        'CREATE VIEW never AS SELECT 1 AS a',
        'DROP TABLE pages',
        'CREATE DATABASE never',
        '$$ BEGIN SELECT 1; CREATE TABLE never AS SELECT 1 AS a; END $$',
        'EXECUTE prepared',
      ]
      await client.query('CREATE TABLE pages (a int)')
      await client.query('PREPARE prepared AS INSERT INTO pages VALUES (2)')
      for (const write of writes) {
        await client.query('BEGIN READ ONLY')
        await expect(client.query(write)).rejects.toMatchObject({ code: '25006' })
        await client.query('ROLLBACK')
      }
      expect(
        (await client.query('START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')).command,
      ).toBe('START')
      expect(await texts(client, 'SHOW transaction_isolation')).toEqual([['repeatable read']])
      expect(await texts(client, 'SHOW transaction_read_only')).toEqual([['on']])
      expect(await texts(client, 'SHOW default_transaction_read_only')).toEqual([['off']])
      await client.query('INSERT INTO own VALUES (2)')
      await client.query('SET TRANSACTION READ WRITE')
      await client.query('INSERT INTO pages VALUES (3)')
      await client.query('SET TRANSACTION READ ONLY')
      await client.query('COMMIT')
      expect(await texts(client, 'SHOW transaction_isolation')).toEqual([['read committed']])
      await client.query('SET default_transaction_read_only = on')
      for (const write of writes) {
        await expect(client.query(write)).rejects.toMatchObject({ code: '25006' })
      }
      await client.query('BEGIN READ WRITE; INSERT INTO pages VALUES (4); COMMIT')
      await client.query('RESET ALL; INSERT INTO pages VALUES (5)')
      expect(await texts(client, 'SELECT a FROM pages ORDER BY a')).toEqual([[3], [4], [5]])
      await client.query('DROP TABLE pages')
    })
  })

  it('who is signed in may be named as role and session, and nobody else', async () => {
    await connected(async (client) => {
      const [[own]] = (await texts(client, 'SELECT current_user')) as [[string]]
      await client.query(`SET ROLE '${own}'`)
      expect(await texts(client, 'SHOW role')).toEqual([[own]])
      await client.query(`SET ROLE "${own}"; SET SESSION AUTHORIZATION '${own}'; RESET ROLE`)
      expect(await texts(client, 'SHOW role')).toEqual([['none']])
      expect(await texts(client, 'SHOW session_authorization')).toEqual([[own]])
      await client.query('SET ROLE NONE; SET role TO none; SET SESSION AUTHORIZATION DEFAULT')
      for (const text of ['SET ROLE postgres', "SET SESSION AUTHORIZATION 'postgres'"]) {
        await expect(client.query(text)).rejects.toMatchObject({ code: '22023' })
      }
    })
  })

  it('is what the catalogue says too', async () => {
    await connected(async (client) => {
      await client.query('SET application_name = \'my "own"\'; SET standard_conforming_strings = on')
      const sql = `SELECT current_setting('application_name') AS a, current_setting('standard_conforming_strings') AS b,
        (SELECT setting FROM pg_settings WHERE name = 'application_name') AS c, current_setting('search_path') AS d`
      expect((await client.query(sql)).rows).toEqual([{ a: 'my "own"', b: 'on', c: 'my "own"', d: 'public' }])
    })
  })

  it('DISCARD leaves what it does not name', async () => {
    await connected(async (client) => {
      await client.query('CREATE TEMP TABLE passing AS SELECT 1 AS a')
      await client.query('PREPARE kept AS SELECT 7 AS n')
      await client.query('DISCARD PLANS; DISCARD SEQUENCES')
      expect(await texts(client, 'SELECT a FROM passing')).toEqual([[1]])
      await client.query('DISCARD TEMP')
      await expect(client.query('SELECT a FROM passing')).rejects.toMatchObject({ code: '42P01' })
      expect(await texts(client, 'EXECUTE kept')).toEqual([[7]])
      await client.query('DISCARD ALL')
      await expect(client.query('EXECUTE kept')).rejects.toMatchObject({ code: '26000' })
    })
  })

  it('parameters may be spans of time, as text and as bytes', async () => {
    await connected(async (client) => {
      const at = "date_format(timestamp '2026-03-31 00:00:00' + $1::interval, 'yyyy-MM-dd HH:mm:ss.SSS')"
      const bytes = Buffer.alloc(16)
      bytes.writeBigInt64BE(-3_500_000n)
      bytes.writeInt32BE(1, 8)
      bytes.writeInt32BE(2, 12)
      for (const span of [bytes, '2 mons 1 day -00:00:03.5', '2 months 1 days -3.5 secs']) {
        const { rows } = await client.query(`SELECT ${at} AS at`, [span])
        expect(rows).toEqual([{ at: '2026-05-31 23:59:56.500' }])
      }
      await expect(client.query(`SELECT ${at} AS at`, ['3 moons'])).rejects.toMatchObject({ code: '22007' })
    })
  })

  it('intervals may be asked for in ISO 8601, as Rails does', async () => {
    await connected(async (client) => {
      const plain = { getTypeParser: () => String }
      const asked = async (values: unknown[]) =>
        (await client.query({ text: 'SELECT $1::interval AS a', values, types: plain })).rows
      await client.query('SET intervalstyle = iso_8601')
      expect(await asked(['P1DT2H'])).toEqual([{ a: 'P1DT2H' }])
      await client.query('RESET intervalstyle')
      expect(await asked(['P1DT2H'])).toEqual([{ a: '1 day 02:00:00' }])
      await expect(client.query('SET intervalstyle = verbose')).rejects.toMatchObject({ code: '22023' })
    })
  })

  describe('arrays', () => {
    /** PostgreSQL's bytes of an array of int4; NULL for null. */
    const int4s = (values: readonly (number | null)[]): Buffer => {
      const words = [values.length === 0 ? 0 : 1, 0, 23, ...(values.length === 0 ? [] : [values.length, 1])]
      for (const value of values) words.push(...(value === null ? [-1] : [4, value]))
      const bytes = Buffer.alloc(words.length * 4)
      for (const [index, word] of words.entries()) bytes.writeInt32BE(word, index * 4)
      return bytes
    }
    const found = async (condition: string, value: unknown): Promise<unknown[]> =>
      await connected(async (client) => {
        const text = `SELECT n FROM (VALUES (1), (2), (3), (NULL)) AS v(n) WHERE ${condition} ORDER BY n`
        return (await client.query({ text, values: [value], rowMode: 'array' })).rows.flat()
      })

    it.each<[string, unknown, number[]]>([
      ['n = ANY($1)', [1, 3, 9], [1, 3]],
      ['n = SOME ($1)', [2, null], [2]],
      ['n = ANY($1)', [], []],
      ['n = ANY($1)', null, []],
      ['n = ANY($1)', int4s([3, null]), [3]],
      ['n = ANY($1)', int4s([]), []],
      ['n <> ALL($1)', [1, 3], [2]],
      ['n != ALL ($1::int[])', int4s([2]), [1, 3]],
      ['n <> ALL($1)', [1, null], []],
      ['NOT n = ANY($1)', [1], [2, 3]],
      ['n = ANY($1::bigint[])', '{2,3}', [2, 3]],
      ["concat('a, \\'', n) = ANY($1)", ["a, '1", '{"a, \\', "a, '3"], [1, 3]],
      ["cast(n AS string) = ANY($1) OR 'NULL' = ANY($1)", ['2', 'null', null], [2]],
      ["timestamp '2026-01-01 00:00:00' = ANY($1) AND n = 1", [new Date('2026-01-01T00:00:00Z')], [1]],
      ["date_add('2026-01-01', n) = ANY($1)", ['2026-01-03'], [2]],
      ['cast(n AS decimal(9, 2)) = ANY($1)', ['1.00', '3'], [1, 3]],
      ['array_contains($1::array<int>, n) AND size($1) = 2', [1, 2], [1, 2]],
    ])('%s of %j', async (condition, value, wanted) => {
      expect(await found(condition, value)).toEqual(wanted)
    })

    it.each<[string, number[]]>([
      ['n = ANY(ARRAY[1, 2])', [1, 2]],
      ["n = ANY('{1, 3}')", [1, 3]],
      ["n = ANY ('{2,NULL}'::int4[])", [2]],
      ['cast(n AS string) = ANY(E\'{"1",\\\\2}\')', [1, 2]],
      [`n = ANY(('{"1"}'::int4[]))`, [1]],
      ["n = ANY('{}')", []],
      ["n = ANY('{01, 2}')", [1, 2]],
      ["timestamp '2026-01-01 00:00:00' = ANY('{2026-01-01T01:00:00+01:00}') AND n = 1", [1]],
      ["n <> ALL('{}') AND n < 3", [1, 2]],
      ["n <> ALL('{1,2}'::int[])", [3]],
      ["n <> ALL('{1,NULL}'::int[])", []],
    ])('%s', async (condition, wanted) => {
      expect(
        await product.rows(`SELECT n FROM (VALUES (1), (2), (3)) AS v(n) WHERE ${condition} ORDER BY n`),
      ).toEqual(wanted.map((n) => [n]))
    })

    it.each<[string, unknown, string]>([
      ['n = ANY($1)', '{1,', '22P02'],
      ['n = ANY($1)', '{1}}', '22P02'],
      ['n = ANY($1)', '{{1}}', '22P02'],
      ['n = ANY($1)', ['x'], '22P02'],
      ['n = ANY($1)', int4s([1]).subarray(0, 20), '22P02'],
      ['n = ANY($1)', Buffer.concat([int4s([1]), Buffer.alloc(1)]), '08P01'],
      ["n = ANY('1, 2') AND $1", true, '22P02'],
      ['n < ANY($1)', [1], '42601'],
    ])('%s of %j is refused', async (condition, value, code) => {
      await expect(found(condition, value)).rejects.toMatchObject({ code })
    })

    it('may have many elements, and not any number', async () => {
      const numbers = Array.from({ length: 100_001 }, (_, index) => index + 2)
      expect(await found('n = ANY($1)', numbers.slice(0, 20_000))).toEqual([2, 3])
      await expect(found('n = ANY($1)', numbers)).rejects.toMatchObject({ code: '53400' })
    })

    it('leave the aggregate function of that name as it was', async () => {
      const sql = 'SELECT true = any(n > 2), some(n = 1) FROM (VALUES (1), (2)) AS v(n)'
      expect(await product.rows(sql)).toEqual([[false, true]])
    })
  })

  it.each(['"v".*', '`v`.*', '"v"."page".*', 'v."page".*', 'count("v".*)'])('SELECT %s', async (item) => {
    const [row] = await product.rows(`SELECT ${item} FROM visits AS "v" WHERE n = 1`)
    const plain = await product.rows(`SELECT ${item.replaceAll(/["`]/g, '')} FROM visits AS v WHERE n = 1`)
    expect([row]).toEqual(plain)
  })

  it('numbers may be written with all their digits', async () => {
    const numbers = async (sql: string) => await connected((client) => texts(client, sql))
    expect(await numbers("SELECT '12.50'::numeric, '-.5'::numeric, '7'::numeric")).toEqual([
      ['12.50', '-0.5', '7'],
    ])
    expect(await numbers("SELECT '12.5'::numeric(4, 0), cast('12.5' AS numeric), 12.5::numeric")).toEqual([
      ['13', '13', '13'],
    ])
    const compared = 'SELECT 12.5 = $1::numeric AS a, 12.5 = cast($1 AS numeric) AS b'
    const { rows } = await connected((client) => client.query(compared, ['12.50']))
    expect(rows).toEqual([{ a: true, b: true }])
  })

  it('texts may be said to be compared as they are', async () => {
    const sql = (name: string) =>
      `SELECT a FROM (VALUES ('b'), ('B')) AS v(a) WHERE a > 'A' COLLATE ${name} AND a = 'b'`
    for (const name of ['"C"', 'C', '"POSIX"', 'ucs_basic', 'utf8_binary']) {
      expect(await product.rows(`${sql(name)} ORDER BY a COLLATE ${name}`)).toEqual([['b']])
    }
    await expect(product.rows(sql('"de-AT-x-icu"'))).rejects.toThrow(/query\.unsupported/)
    expect(await product.rows("SELECT a collate FROM (VALUES ('b')) AS v(a)")).toEqual([['b']])
  })

  it('bytes may be written as PostgreSQL writes them', async () => {
    const sql = String.raw`SELECT hex('\\x00fF'::bytea), hex('\\x'::bytea), hex('\\xf'::bytea), hex('\x1F'::bytea), hex('\\x00'::binary)`
    expect(await product.rows(sql)).toEqual([['00FF', '', '5C7866', '1F', '5C783030']])
  })

  it('types may have their names in PostgreSQL', async () => {
    const sql = `SELECT '2026-01-02 03:04:05+01'::timestamp with time zone AS a,
      '2026-01-02 03:04:05'::timestamp without time zone AS b, 'x'::uuid AS c`
    const { fields } = await connected((client) => client.query(sql))
    expect(fields.map(({ dataTypeID }) => dataTypeID)).toEqual([1184, 1114, 25])
  })
})

it('zip a list with itself, and look for a key that a query gives', async () => {
  expect(
    await product.rows(
      'SELECT arrays_zip(a, a), arrays_zip(t.a, A, a)[0].a FROM (SELECT array(n) AS a FROM visits WHERE n = 1) t',
    ),
  ).toEqual([[[{ a: 1, 1: 1 }], 1]])
  expect(await product.rows(`SELECT n, json_tuple('{"a":1}', (SELECT 'a')) FROM visits WHERE n = 2`)).toEqual(
    [[2, '1']],
  )
})

describe('templates in the text of a session', () => {
  beforeAll(async () => {
    const rest = await restOf({ http: product.http, home: join(home, 'home') })
    const texts = {
      few: 'SELECT n\nFROM visits WHERE n < 3;',
      noted: "SELECT n -- all\nFROM visits WHERE n <> 3 AND '--;' <> '' ; -- but one;\n/* of them */ ;",
      one_of_few: 'SELECT min(n) AS n FROM (#few)',
      broken: 'SELECT n FROM visits WHERE m = 1',
      of_leaving: 'SELECT n FROM leaving',
      torn: 'SELECT n FROM WHERE',
      ring: 'SELECT * FROM (#ring)',
    }
    for (const [name, sql] of Object.entries(texts)) {
      const { status } = await rest('POST', '/data/foundation/query/query-templates', { body: { name, sql } })
      expect(status).toBeLessThan(300)
    }
  })

  it('are filled in by their names, also within others and blocks', async () => {
    await connected(async (client) => {
      expect(await texts(client, 'SELECT n FROM (#few) ORDER BY n')).toEqual([[1], [2]])
      expect(await texts(client, '#one_of_few;')).toEqual([[1]])
      // What a template ends with, comments too, does not reach what stands behind its name.
      expect(await texts(client, 'SELECT n FROM (#noted) WHERE n = 2')).toEqual([[2]])
      expect(await texts(client, "SELECT '#few' AS text -- #few")).toEqual([['#few']])
      const { rows } = await client.query({ text: 'SELECT n FROM (#few) WHERE n > $1', values: [1] })
      expect(rows).toEqual([{ n: 2 }])
      const block = '$$ BEGIN\n# a remark\nSELECT count(*) AS count FROM (#few); END $$'
      const answers = [await client.query(block)].flat()
      expect(answers.flatMap((answer) => answer.rows as unknown[])).toEqual([{ count: '2' }])
      // A quote in a comment is none, and a name in one is filled in nowhere.
      const remarks =
        "$$ BEGIN\n# don't\n  #todo: isn't it #few\n#one_of_few;\n# `so\nSELECT 5 AS n;\n#one_of_few\nEND $$"
      const remarked = [await client.query(remarks)].flat()
      expect(remarked.flatMap((answer) => answer.rows as unknown[])).toEqual([{ n: 1 }, { n: 5 }, { n: 1 }])
    })
  })

  const failureOf = async (text: string): Promise<unknown> =>
    await connected(async (client) => {
      try {
        await client.query(text)
        return undefined
      } catch (error) {
        const { message, position } = error as pg.DatabaseError
        return { message: message.split('\n')[0], position }
      }
    })

  it.each<[text: string, message: RegExp, place: string]>([
    // What is wrong in a template is wrong at its name.
    ['SELECT n\nFROM (#broken)', /In the template #broken: .*no column m/, '#broken'],
    ['SELECT * FROM (#few), (#torn)', /In the template #torn: Expected/, '#torn'],
    // What stands behind one keeps its place.
    ['SELECT n FROM (#few)\nWHERE wrong = 1', /no column wrong/, 'wrong'],
    ['SELECT n FROM (#few) WHERE n = = 1', /Expected an expression/, '= 1'],
    ['SELECT * FROM (#nobody_has_it)', /There is no template #nobody_has_it\./, '#nobody'],
  ])('say where a failure stands: %s', async (text, message, place) => {
    expect(await failureOf(text)).toEqual({
      message: expect.stringMatching(message),
      position: String(text.lastIndexOf(place) + 1),
    })
  })

  it('say no place where what fails was prepared by another text', async () => {
    await connected(async (client) => {
      await client.query('CREATE TABLE leaving AS SELECT 1 AS n')
      await client.query(
        "PREPARE of_broken AS SELECT n, 'filler', 'filler' FROM (#few) JOIN (#of_leaving) USING (n)",
      )
      await client.query('DROP TABLE leaving')
      const text = 'EXECUTE of_broken'
      for (const query of [text, { name: 'again', text }]) {
        const failed: unknown = await client.query(query).catch((error: unknown) => error)
        expect(failed).toMatchObject({
          message: expect.stringMatching(/no table leaving/),
          position: undefined,
        })
      }
    })
  })

  it('may not hold themselves', async () => {
    expect(await failureOf('#ring')).toMatchObject({ message: expect.stringContaining('#ring holds itself') })
  })
})
