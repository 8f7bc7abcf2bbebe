import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Product } from './product.ts'

interface Place {
  readonly product: () => Product
  /** Runs a block on the engine under test. */
  readonly block: (sql: string) => Promise<void>
}

/**
 * The data feed's recipes as they are printed and as we ship it: with an empty checkpoint table, one seeded with NULL,
 * one seeded with 0, a second run without news and one with news.
 */
export function dataFeedTests(product: () => Product, engine: 'duckdb' | 'spark'): void {
  const place: Place = { product, block: (sql) => product().run(`SET engine = ${engine}; ${sql}`) }
  describe('the printed block of sessions', () => sessionTests(place))
  describe('the printed block of attribution', () => attributionTests(place))
  describe('the shipped block', () => shippedTests(place))
}

/** The printed recipes of the data feed, unchanged. */
const printed = (name: string): string =>
  readFileSync(new URL(`../fixtures/data-feed-${name}.sql`, import.meta.url), 'utf8')
const shipped = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}.sql`, import.meta.url), 'utf8')

/** 10:00 of yesterday and minutes after it. */
const at = (minutes: number): string => {
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
  return new Date(Date.parse(`${day}T10:00:00Z`) + minutes * 60_000)
    .toISOString()
    .slice(0, 19)
    .replace('T', ' ')
}

const checkpoints = (product: Product, column: string): Promise<void> =>
  product.run(`DROP TABLE IF EXISTS checkpoint_log;
    CREATE TABLE checkpoint_log AS SELECT cast(NULL AS string) process_name, cast(NULL AS string) process_status,
      cast(NULL AS string) ${column}, cast(NULL AS timestamp) process_timestamp WHERE false`)
const seed = (product: Product, value: string): Promise<void> =>
  product.run(
    `INSERT INTO checkpoint_log SELECT 'data_feed', 'SUCCESSFUL', ${value}, timestamp '2020-01-01 00:00:00'`,
  )

const seeds = [
  ['NULL, which the recipe reads as HEAD', 'cast(NULL AS string)'],
  ["'0'", "'0'"],
] as const

function sessionTests(place: Place): void {
  const { product } = place
  const run = () => place.block(printed('sessions'))
  const fed = async () =>
    await product().rows(`SELECT userIdentity, date_format(timestamp, 'HH:mm'), session_data.timestamp_diff,
      session_data.num, session_data.is_new, session_data.depth, page_name FROM data_feed ORDER BY 2`)

  beforeEach(async () => {
    await checkpoints(product(), 'last_batch_ingestion_time')
    await product().run(`DROP TABLE IF EXISTS events_dataset; DROP TABLE IF EXISTS data_feed;
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
    const [[name, last] = []] = await product().rows(
      'SELECT process_name, cast(last_batch_ingestion_time AS bigint) FROM checkpoint_log',
    )
    expect([name, last]).toEqual(['data_feed', expect.any(Number)])
  })

  it.each(seeds)('takes everything after a checkpoint of %s', async (_name, value) => {
    await seed(product(), value)
    await run()
    expect(await fed()).toEqual([first, second, third])
  })

  it('takes what came since the checkpoint, with sessions of the whole look-back', async () => {
    const [[later] = []] = await product().rows(
      'SET drop_system_columns = false; SELECT max(_acp_system_metadata.ingestTime) FROM events_dataset',
    )
    await seed(product(), `'${String(later)}'`)
    await run()
    expect(await fed()).toEqual([third])
  })

  it('takes the events at the checkpoint again when there is no news, and with them the news', async () => {
    await seed(product(), "'0'")
    await run()
    await run()
    expect(await fed()).toEqual([first, second, third, third])
    await product().run(
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
}

function attributionTests(place: Place): void {
  const { product } = place
  const run = () => place.block(printed('attribution'))
  const fed = async () =>
    await product()
      .rows(`SELECT _id, _demosystem5.User_Identity, _demosystem5.SessionData, _demosystem5.PageName,
      _demosystem5.first_url, _demosystem5.first_channel_type FROM new_sessionized_data ORDER BY _id`)
  const event = (id: string, minutes: number, url: string, channel: string): string =>
    `SELECT '${id}' _id, timestamp '${at(minutes)}' timestamp,
       struct(struct(struct('m1' AS id) AS mcid) AS _experience) AS endUserIDs,
       struct(struct('p-${id}' AS name) AS webPageDetails, struct(${url} AS url) AS webReferrer) AS web,
       struct(${channel} AS typeAtSource) AS channel`

  beforeEach(async () => {
    await checkpoints(product(), 'last_snapshot_id')
    await product()
      .run(`DROP TABLE IF EXISTS demo_data_trey_mcintyre_midvalues; DROP TABLE IF EXISTS new_sessionized_data;
      CREATE TABLE new_sessionized_data AS SELECT cast(NULL AS string) _id, cast(NULL AS timestamp) timestamp,
        cast(NULL AS struct<User_Identity: string, SessionData: string, IngestTime: timestamp, PageName: string,
          first_url: string, first_channel_type: string>) _demosystem5 WHERE false;
      CREATE TABLE demo_data_trey_mcintyre_midvalues AS
        ${event('e1', 0, 'cast(NULL AS string)', 'cast(NULL AS string)')} UNION ALL
        ${event('e2', 10, "'https://a'", "'mail'")}`)
    // Its ingest time must differ by a second: the recipe compares whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    await product().run(
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

  it.each(seeds)('takes everything after a checkpoint of %s', async (_name, value) => {
    await seed(product(), value)
    await run()
    expect(await fed()).toEqual([first, second, third])
  })

  it('takes the second of the checkpoint again when there is no news, and with it the news', async () => {
    await seed(product(), "'0'")
    await run()
    await run()
    expect(await fed()).toEqual([first, second, third, third])
    await product().run(
      `INSERT INTO demo_data_trey_mcintyre_midvalues ${event('e4', 55, 'cast(NULL AS string)', "'ad'")}`,
    )
    await run()
    expect(await fed()).toEqual([first, second, third, third, third, row('e4', '{300, 2, false, 2}')])
  })
}

function shippedTests(place: Place): void {
  const { product } = place
  const run = () => place.block(shipped('data-feed'))
  const fed = async () =>
    await product().rows(`SELECT event_id, person_id, event_type, page_name, first_channel, session_data.num,
      session_data.depth FROM data_feed ORDER BY 1`)
  const event = (id: string, minutes: number, channel: string): string =>
    `SELECT '${id}' _id, timestamp '${at(minutes)}' timestamp, 'view' eventType,
       map('ECID', array(struct('p1' AS id))) AS identityMap,
       struct(struct('p-${id}' AS name) AS webPageDetails) AS web, struct(${channel} AS typeAtSource) AS channel`

  beforeEach(async () => {
    await product().run(`DROP TABLE IF EXISTS checkpoint_log; DROP TABLE IF EXISTS data_feed;
      DROP TABLE IF EXISTS web_events; ${shipped('data-feed-setup')};
      DROP TABLE checkpoint_log;
      CREATE TABLE web_events AS ${event('e1', 0, 'cast(NULL AS string)')} UNION ALL ${event('e2', 10, "'mail'")};
      INSERT INTO web_events ${event('e3', 50, "'ad'")}`)
    await checkpoints(product(), 'last_batch_ingestion_time')
  })

  const row = (id: string, ...session: number[]): unknown[] => [
    id,
    'p1',
    'view',
    `p-${id}`,
    'mail',
    ...session,
  ]
  const all = [row('e1', 1, 1), row('e2', 1, 2), row('e3', 2, 1)]

  it('selects nothing with an empty checkpoint table', async () => {
    await run()
    expect(await fed()).toEqual([])
  })

  it.each(seeds)('takes everything after a checkpoint of %s', async (_name, value) => {
    await seed(product(), value)
    await run()
    expect(await fed()).toEqual(all)
  })

  it('takes nothing when there is no news, and then the news alone', async () => {
    await seed(product(), "'0'")
    await run()
    await run()
    expect(await fed()).toEqual(all)
    await product().run(`INSERT INTO web_events ${event('e4', 55, "'ad'")}`)
    await run()
    expect(await fed()).toEqual([...all, row('e4', 2, 2)])
  })
}
