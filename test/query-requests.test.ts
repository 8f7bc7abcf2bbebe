import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { type Rest, type RestAnswer, restOf } from './support/rest.ts'

/** What a request over REST may say, and where its rows go. */

const base = '/data/foundation/query'
const waiting = { timeout: 30_000, interval: 50 }

let folder: string
let product: Product
let rest: Rest

beforeAll(async () => {
  folder = passableFolder('query-requests')
  const home = join(folder, 'home')
  product = await startProduct({ home })
  rest = await restOf({ http: product.http, home })
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function ask(method: string, path: string, body?: unknown): Promise<RestAnswer['body']> {
  const answer = await rest(method, path, body === undefined ? {} : { body })
  if (answer.status >= 400)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

const submit = (body: object) => ask('POST', `${base}/queries`, { dbName: 'prod:all', ...body })

/** The query once it has ended. */
async function ran(body: object): Promise<RestAnswer['body']> {
  const { id } = await submit(body)
  let query: RestAnswer['body']
  await expect
    .poll(async () => (query = await ask('GET', `${base}/queries/${id}`)).state, waiting)
    .not.toMatch(/SUBMITTED|IN_PROGRESS/)
  return query
}

async function scheduled(query: object): Promise<string> {
  const made = await ask('POST', `${base}/schedules`, {
    query: { dbName: 'prod:all', name: 'a schedule', ...query },
    schedule: { schedule: '@once', startDate: '2100-01-01T00:00:00Z' },
  })
  return made.id
}

/** The query of a run by hand, once it has ended. */
async function triggered(scheduleId: string): Promise<RestAnswer['body']> {
  const { id } = await ask('POST', `${base}/schedules/${scheduleId}/runs`)
  let run: RestAnswer['body']
  await expect
    .poll(async () => (run = await ask('GET', `${base}/schedules/${scheduleId}/runs/${id}`)).state, waiting)
    .toMatch(/SUCCESS|FAILED/)
  return await ask('GET', `${base}/queries/${run.queryId}`)
}

describe('blocks', () => {
  const texts = [
    '$$BEGIN SELECT $x; END$$;',
    '$$BEGIN SELECT $x; END $$',
    '$$\nBEGIN SELECT $x; END\n$$;',
    '$$BEGIN SELECT $x; $$END;',
  ]

  test.each(texts)('%j can be submitted with parameters', async (sql) => {
    expect(await ran({ sql, queryParameters: { x: 1 } })).toMatchObject({ state: 'SUCCESS', errors: [] })
  })

  test.each(texts)('%j can be a template, scheduled and asked at once', async (sql) => {
    const template = await ask('POST', `${base}/query-templates`, {
      name: `block ${sql}`,
      sql,
      queryParameters: { x: 1 },
    })
    const id = await scheduled({ templateId: template.id })
    expect(await triggered(id)).toMatchObject({ state: 'SUCCESS', errors: [] })
    const rows = await rest('POST', '/sluice/v1/sql', {
      body: { sql, format: 'json', parameters: { x: '7' } },
    })
    expect(rows).toMatchObject({ status: 200, body: [{ 7: 7 }] })
  })
})
