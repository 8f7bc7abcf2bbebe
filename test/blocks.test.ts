import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startProduct, type Product } from './support/product.ts'

let home: string
let product: Product

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'blocks-'))
  product = await startProduct({ home })
  await product.run('CREATE TABLE notes AS SELECT cast(NULL AS string) AS text WHERE false')
})

afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

const noted = async (): Promise<unknown[]> =>
  (await product.rows('SELECT text FROM notes ORDER BY text')).flat()

describe('blocks', () => {
  it.each([
    // The documentation's own.
    [
      "$$BEGIN SET @V = SELECT 2; SELECT @V; IF @V = 1 THEN SELECT 100; ELSEIF @V = 2 THEN SELECT 200; ELSEIF @V = 3 THEN SELECT 300; ELSE SELECT 'DEFAULT'; END IF; END$$;",
      [[2], [200]],
    ],
    ['BEGIN SELECT 1; END', [[1]]],
    ['$$ BEGIN SELECT 1; $$ END;', [[1]]],
    ['$$ BEGIN SELECT 1 END; $$', [[1]]],
    // What is NULL is not so; a text or a boolean from a variable is compared as the dialect compares.
    ['$$ BEGIN IF NULL THEN SELECT 1; ELSE SELECT 2; END IF; END $$', [[2]]],
    ["$$ BEGIN SET @f = SELECT true; IF @f = 'true' THEN SELECT 1; END IF; END $$", [[1]]],
    ["$$ BEGIN IF table_exists('nowhere') THEN SELECT 1; END IF; SELECT 2; END $$", [[2]]],
    ["$$ BEGIN IF NOT table_exists('notes') THEN SELECT 1; ELSE SELECT 2; END IF; END $$", [[2]]],
    // Nesting, and CASE and the function inside.
    [
      "$$ BEGIN IF 1 < 2 THEN IF 2 < 1 THEN SELECT 1; ELSE SELECT if(true, CASE WHEN true THEN 'a' END, 'b'); END IF; END IF; END $$",
      [['a']],
    ],
    ['BEGIN SET @a = 1; BEGIN SET @a = 2; SET @b = 3; END; SELECT @a; END', [[2]]],
    // Variables stand in texts too, as whole words, and keep their case.
    ["$$ BEGIN SET @v = 1; SET @v2 = 2; SET @V = 3; SELECT 'a @v @v2 @V @w'; END $$", [['a 1 2 3 @w']]],
    ["$$ BEGIN SET @n = 'o''clock'; SELECT @n, concat('at ', '@n'); END $$", [["o'clock", "at o'clock"]]],
    [
      "$$ BEGIN SET @t = SELECT timestamp '2026-01-02 03:04:05.678'; SELECT year(cast(@t AS TIMESTAMP)), '@t'; END $$",
      [[2026, '2026-01-02 03:04:05.678']],
    ],
    // No row gives NULL; a comment may begin with #.
    [
      '$$ BEGIN\n# nothing\nSET @x = SELECT text FROM notes WHERE false;\nSELECT @x IS NULL; END $$',
      [[true]],
    ],
  ])('%s', async (sql, rows) => {
    expect(await product.rows(sql)).toEqual(rows)
  })

  it('end with the error of a statement, and keep what the ones before did', async () => {
    const block = `$$ BEGIN
      INSERT INTO notes SELECT 'before';
      SET @V = SELECT 5;
      IF @V = 1 THEN SELECT 100; ELSE SELECT raise_error('custom error for v= @V'); END IF;
      INSERT INTO notes SELECT 'after';
    END $$`
    await expect(product.rows(block)).rejects.toThrow('custom error for v= 5')
    expect(await noted()).toEqual(['before'])
  })

  it('go on with the handler, which sees the variables as they were', async () => {
    const rows = await product.rows(`$$ BEGIN
      SET @at = 'first';
      BEGIN
        SET @at = 'second';
        SELECT * FROM nowhere;
        EXCEPTION WHEN OTHER THEN SELECT 'inner @at';
      END;
      SELECT raise_error('again');
      SELECT 'not reached';
      EXCEPTION WHEN OTHERS THEN SELECT 'outer @at';
    END $$`)
    expect(rows).toEqual([['inner second'], ['outer second']])
  })

  it('name the place of an error inside', async () => {
    await expect(product.rows('$$ BEGIN\n  SELECT 1;\n  SELEC 2;\nEND $$')).rejects.toThrow(/"line":3/)
  })

  it('are the only place for IF', async () => {
    await expect(product.rows('IF 1 = 1 THEN SELECT 1; END IF')).rejects.toThrow(
      'Invalid command outside Anonymous Block',
    )
  })

  it.each([
    '$$ BEGIN IF true SELECT 1; END IF; END $$',
    '$$ BEGIN IF true THEN SELECT 1; END; END $$',
    '$$ BEGIN SELECT 1; END',
    '$$ BEGIN SELECT @nothing; END $$',
  ])('refuse %s', async (sql) => {
    await expect(product.rows(sql)).rejects.toThrow(/: 40[04] /)
  })
})

/** The printed recipes of the data feed, unchanged. */
const printed = (name: string): string =>
  readFileSync(new URL(`fixtures/data-feed-${name}.sql`, import.meta.url), 'utf8')

/** 10:00 of yesterday and minutes after it. */
const at = (minutes: number): string => {
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
  return new Date(Date.parse(`${day}T10:00:00Z`) + minutes * 60_000)
    .toISOString()
    .slice(0, 19)
    .replace('T', ' ')
}

const checkpoints = (column: string): Promise<void> =>
  product.run(`DROP TABLE IF EXISTS checkpoint_log;
    CREATE TABLE checkpoint_log AS SELECT cast(NULL AS string) process_name, cast(NULL AS string) process_status,
      cast(NULL AS string) ${column}, cast(NULL AS timestamp) process_timestamp WHERE false`)
const seed = (value: string): Promise<void> =>
  product.run(
    `INSERT INTO checkpoint_log SELECT 'data_feed', 'SUCCESSFUL', ${value}, timestamp '2020-01-01 00:00:00'`,
  )

describe('the printed block of sessions', () => {
  const run = () => product.run(printed('sessions'))
  const fed = async () =>
    await product.rows(`SELECT userIdentity, date_format(timestamp, 'HH:mm'), session_data.timestamp_diff,
      session_data.num, session_data.is_new, session_data.depth, page_name FROM data_feed ORDER BY 2`)

  beforeEach(async () => {
    await checkpoints('last_batch_ingestion_time')
    await product.run(`DROP TABLE IF EXISTS events_dataset; DROP TABLE IF EXISTS data_feed;
      CREATE TABLE data_feed AS SELECT cast(NULL AS string) userIdentity, cast(NULL AS timestamp) timestamp,
        cast(NULL AS struct<timestamp_diff: bigint, num: int, is_new: boolean, depth: int>) session_data,
        cast(NULL AS string) page_name, cast(NULL AS bigint) ingest_time WHERE false;
      CREATE TABLE events_dataset AS SELECT userIdentity, cast(t AS timestamp) timestamp,
        struct(struct(page AS name) AS webPageDetails) AS web
      FROM VALUES ('u1', '${at(0)}', 'home'), ('u1', '${at(10)}', 'shop') AS e(userIdentity, t, page);
      INSERT INTO events_dataset SELECT 'u1', timestamp '${at(50)}', struct(struct('cart' AS name) AS webPageDetails)`)
  })

  const first = ['u1', '10:00', 0, 1, true, 1, 'home']
  const second = ['u1', '10:10', 600, 1, false, 2, 'shop']
  const third = ['u1', '10:50', 2400, 2, true, 1, 'cart']

  it('selects nothing with an empty checkpoint table, and records where it stands', async () => {
    await run()
    expect(await fed()).toEqual([])
    const [[name, last] = []] = await product.rows(
      'SELECT process_name, cast(last_batch_ingestion_time AS bigint) FROM checkpoint_log',
    )
    expect([name, last]).toEqual(['data_feed', expect.any(Number)])
  })

  it.each([
    ['NULL, which the recipe reads as HEAD', 'cast(NULL AS string)'],
    ["'0'", "'0'"],
  ])('takes everything after a checkpoint of %s', async (_name, value) => {
    await seed(value)
    await run()
    expect(await fed()).toEqual([first, second, third])
  })

  it('takes what came since the checkpoint, with sessions of the whole look-back', async () => {
    const [[later] = []] = await product.rows(
      'SET drop_system_columns = false; SELECT max(_acp_system_metadata.ingestTime) FROM events_dataset',
    )
    await seed(`'${String(later)}'`)
    await run()
    expect(await fed()).toEqual([third])
  })

  it('takes the events at the checkpoint again when there is no news, and with them the news', async () => {
    await seed("'0'")
    await run()
    await run()
    expect(await fed()).toEqual([first, second, third, third])
    await product.run(
      `INSERT INTO events_dataset SELECT 'u1', timestamp '${at(55)}', struct(struct('paid' AS name) AS webPageDetails)`,
    )
    await run()
    expect(await fed()).toEqual([
      first,
      second,
      third,
      third,
      third,
      ['u1', '10:55', 300, 2, false, 2, 'paid'],
    ])
  })
})

describe('the printed block of attribution', () => {
  const run = () => product.run(printed('attribution'))
  const fed = async () =>
    await product.rows(`SELECT _id, _demosystem5.User_Identity, _demosystem5.SessionData, _demosystem5.PageName,
      _demosystem5.first_url, _demosystem5.first_channel_type FROM new_sessionized_data ORDER BY _id`)
  const event = (id: string, minutes: number, url: string, channel: string): string =>
    `SELECT '${id}' _id, timestamp '${at(minutes)}' timestamp,
       struct(struct(struct('m1' AS id) AS mcid) AS _experience) AS endUserIDs,
       struct(struct('p-${id}' AS name) AS webPageDetails, struct(${url} AS url) AS webReferrer) AS web,
       struct(${channel} AS typeAtSource) AS channel`

  beforeEach(async () => {
    await checkpoints('last_snapshot_id')
    await product.run(`DROP TABLE IF EXISTS demo_data_trey_mcintyre_midvalues; DROP TABLE IF EXISTS new_sessionized_data;
      CREATE TABLE new_sessionized_data AS SELECT cast(NULL AS string) _id, cast(NULL AS timestamp) timestamp,
        cast(NULL AS struct<User_Identity: string, SessionData: string, IngestTime: timestamp, PageName: string,
          first_url: string, first_channel_type: string>) _demosystem5 WHERE false;
      CREATE TABLE demo_data_trey_mcintyre_midvalues AS
        ${event('e1', 0, 'cast(NULL AS string)', 'cast(NULL AS string)')} UNION ALL
        ${event('e2', 10, "'https://a'", "'mail'")}`)
    // Its ingest time must differ by a second: the recipe compares whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    await product.run(
      `INSERT INTO demo_data_trey_mcintyre_midvalues ${event('e3', 50, "'https://b'", "'ad'")}`,
    )
  })

  const row = (id: string, session: string): unknown[] => [id, 'm1', session, `p-${id}`, 'https://a', 'mail']
  const first = row('e1', '{0, 1, true, 1}')
  const second = row('e2', '{600, 1, false, 2}')
  const third = row('e3', '{2400, 2, true, 1}')

  it('selects nothing with an empty checkpoint table', async () => {
    await run()
    expect(await fed()).toEqual([])
  })

  it.each([
    ['NULL, which the recipe reads as HEAD', 'cast(NULL AS string)'],
    ["'0'", "'0'"],
  ])('takes everything after a checkpoint of %s', async (_name, value) => {
    await seed(value)
    await run()
    expect(await fed()).toEqual([first, second, third])
  })

  it('takes the second of the checkpoint again when there is no news, and with it the news', async () => {
    await seed("'0'")
    await run()
    await run()
    expect(await fed()).toEqual([first, second, third, third])
    await product.run(
      `INSERT INTO demo_data_trey_mcintyre_midvalues ${event('e4', 55, 'cast(NULL AS string)', "'ad'")}`,
    )
    await run()
    expect(await fed()).toEqual([first, second, third, third, third, row('e4', '{300, 2, false, 2}')])
  })
})
