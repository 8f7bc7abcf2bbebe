import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sluice } from './support/sluice.ts'

const base = '/data/foundation/query'
const waiting = { timeout: 60_000, interval: 50 }
const from = "timestamp '2026-03-01 00:00:00'"

let folder: string
let home: string
let product: Product
let ids: Readonly<Record<string, string>>

/** Time, person, type, page, channel: what little happened on one morning. */
const events: readonly (readonly [string, string | null, string, string, string | null])[] = [
  ['10:00:00', 'ann', 'commerce.productViews', 'shoe', 'search'],
  ['10:10:00', 'ann', 'commerce.productViews', 'boot', 'email'],
  ['10:00:00', 'bob', 'commerce.productViews', 'hat', 'email'],
  ['10:05:00', 'bob', 'commerce.productViews', 'cap', null],
  ['11:00:00', 'bob', 'commerce.purchases', 'order', 'direct'],
  ['09:00:00', 'cat', 'web.webpagedetails.pageViews', 'home', 'social'],
  ['09:50:00', 'cat', 'commerce.purchases', 'order', null],
  ['09:51:00', 'cat', 'commerce.purchases', 'order', null],
  ['10:00:00', null, 'commerce.productViews', 'shoe', 'search'],
  ...Array.from(
    { length: 6 },
    (_, n) => [`12:00:0${n}`, 'robot', 'web.webpagedetails.pageViews', `page ${n}`, null] as const,
  ),
  // Before the time that is looked back to.
  ['old', 'dan', 'commerce.productViews', 'old', 'search'],
]

const rowOf = ([time, person, type, page, channel]: (typeof events)[number], index: number): string => {
  const text = (value: string | null) => (value === null ? 'cast(NULL AS string)' : `'${value}'`)
  const at = time === 'old' ? '2020-01-01 00:00:00' : `2026-03-01 ${time}`
  return `SELECT 'e${index}' AS _id, timestamp '${at}' AS timestamp, '${type}' AS eventType,
    map('ECID', array(named_struct('id', ${text(person)}))) AS identityMap,
    named_struct('webPageDetails', named_struct('name', '${page}')) AS web,
    named_struct('typeAtSource', ${text(channel)}) AS channel`
}

beforeAll(async () => {
  folder = passableFolder('template-pack')
  home = join(folder, 'home')
  product = await startProduct({ home })
  await product.run(`CREATE TABLE web_events AS ${events.map(rowOf).join(' UNION ALL ')}`)
  const installed = await sluice(['template', 'install', '--home', home])
  expect([installed.code, installed.err]).toEqual([0, ''])
  const { templates } = await product.call<{ templates: { id: string; name: string }[] }>(
    'GET',
    `${base}/query-templates`,
  )
  ids = Object.fromEntries(templates.map(({ id, name }) => [name, id]))
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function rowsOf(name: string, queryParameters: Record<string, string> = {}): Promise<unknown[][]> {
  const { results } = await product.call<{ results: object[] }>('POST', `${base}/accelerated-queries`, {
    dbName: 'prod:all',
    templateId: ids[name],
    queryParameters: { from, ...queryParameters },
  })
  return results.map((row) => Object.values(row))
}

async function ran(name: string, queryParameters: Record<string, string> = {}): Promise<void> {
  const { id } = await product.call<{ id: string }>('POST', `${base}/queries`, {
    dbName: 'prod:all',
    templateId: ids[name],
    queryParameters: { from, ...queryParameters },
  })
  const query = () => product.call<{ state: string; errors: unknown[] }>('GET', `${base}/queries/${id}`)
  await expect.poll(async () => (await query()).state, waiting).not.toMatch(/SUBMITTED|IN_PROGRESS/)
  expect(await query()).toMatchObject({ state: 'SUCCESS', errors: [] })
}

describe('the templates that come with it', () => {
  test('are saved by one command, again without harm, and one by one', async () => {
    expect(Object.keys(ids).toSorted()).toEqual([
      'abandoned_browse',
      'attribution',
      'bot_filtering',
      'data_feed',
      'data_feed_setup',
    ])
    const again = await sluice(['template', 'install', 'attribution', '--home', home])
    expect([again.code, again.out]).toEqual([0, expect.stringMatching(/^replaced attribution .*\n$/)])
    expect((await sluice(['template', 'list', '--home', home])).out).toMatch(
      new RegExp(`^attribution +${ids['attribution']} +events=`, 'm'),
    )
    expect(await sluice(['template', 'install', 'nothing', '--home', home])).toMatchObject({ code: 3 })
  })

  test('abandoned browse finds who looked and did not buy', async () => {
    expect(await rowsOf('abandoned_browse')).toEqual([
      ['ann', 2, expect.stringMatching(/^2026-03-01.10:10:00/), 'boot'],
    ])
    // Bob bought 55 minutes after his last look: too late for a span of none.
    const rows = await rowsOf('abandoned_browse', { hours: '0' })
    expect(rows.map(([person]) => person)).toEqual(['ann', 'bob'])
    expect(await rowsOf('abandoned_browse', { views: '3' })).toEqual([])
  })

  test('abandoned browse counts a purchase in time, whatever was bought later', async () => {
    const browsing = [
      ['10:00:00', 'eve', 'commerce.productViews', 'boot', null],
      ['10:10:00', 'eve', 'commerce.productViews', 'boot', null],
      ['10:40:00', 'eve', 'commerce.purchases', 'order', null],
      ['20:00:00', 'eve', 'commerce.purchases', 'order', null],
      ['10:00:00', 'fay', 'commerce.purchases', 'order', null],
      ['11:00:00', 'fay', 'commerce.productViews', 'hat', null],
      ['11:10:00', 'fay', 'commerce.productViews', 'cap', null],
      ['20:00:00', 'fay', 'commerce.purchases', 'order', null],
    ] as const
    await product.run(`CREATE TABLE browsing AS ${browsing.map(rowOf).join(' UNION ALL ')}`)
    expect(await rowsOf('abandoned_browse', { events: 'browsing', hours: '1' })).toEqual([
      ['fay', 2, expect.stringMatching(/^2026-03-01.11:10:00/), 'cap'],
    ])
    await product.run('DROP TABLE browsing')
  })

  test('attribution counts purchases by first and last channel', async () => {
    expect(await rowsOf('attribution')).toEqual([
      ['social', 'social', 2, 1],
      ['email', 'direct', 1, 1],
    ])
  })

  test('bot filtering leaves the events of people', async () => {
    const people = async (most: string) => [
      ...new Set((await rowsOf('bot_filtering', { events_max: most })).map(([, person]) => person)),
    ]
    expect(await people('5')).toEqual(['ann', 'bob', 'cat'])
    expect(await people('6')).toEqual(['ann', 'bob', 'cat', 'robot'])
    expect((await rowsOf('bot_filtering', { events_max: '5' })).map(([event]) => event)).toEqual([
      'e0',
      'e1',
      'e2',
      'e3',
      'e4',
      'e5',
      'e6',
      'e7',
    ])
  })

  test('the data feed has each event once, with session and first channel, however often it runs', async () => {
    await ran('data_feed_setup')
    await ran('data_feed')
    await ran('data_feed')
    const feed = () =>
      product.rows(
        "SELECT event_id, first_channel, session_data.num, session_data.depth FROM data_feed WHERE person_id <> 'robot' ORDER BY person_id, timestamp",
      )
    const first = [
      ['e0', 'search', 1, 1],
      ['e1', 'search', 1, 2],
      ['e2', 'email', 1, 1],
      ['e3', 'email', 1, 2],
      // Fifty-five minutes of silence began another session.
      ['e4', 'email', 2, 1],
      ['e5', 'social', 1, 1],
      ['e6', 'social', 2, 1],
      ['e7', 'social', 2, 2],
    ]
    expect(await feed()).toEqual(first)
    await product.run(
      `INSERT INTO web_events ${rowOf(['11:10:00', 'bob', 'commerce.productViews', 'late', null], 100)}`,
    )
    await ran('data_feed')
    expect(await feed()).toEqual([...first.slice(0, 5), ['e100', 'email', 2, 2], ...first.slice(5)])
  })
})
