import { expect } from 'vitest'
import type { Rest, RestAnswer } from './rest.ts'

export const queryBase = '/data/foundation/query'
export const waiting = { timeout: 30_000, interval: 50 }

/** Asks for queries over REST and waits for what becomes of them. The connection is there only once its test has begun. */
export function queryRequests(rest: () => Rest) {
  async function ask(method: string, path: string, body?: unknown): Promise<RestAnswer['body']> {
    const answer = await rest()(method, path, body === undefined ? {} : { body })
    if (answer.status >= 400)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  const submit = (body: object) => ask('POST', `${queryBase}/queries`, { dbName: 'prod:all', ...body })

  /** The query once it has ended. */
  async function ended(id: string): Promise<RestAnswer['body']> {
    let query: RestAnswer['body']
    await expect
      .poll(async () => (query = await ask('GET', `${queryBase}/queries/${id}`)).state, waiting)
      .not.toMatch(/SUBMITTED|IN_PROGRESS/)
    return query
  }

  const ran = async (body: object) => ended((await submit(body)).id)

  /** A run of a schedule by hand, once it has ended. */
  async function triggered(scheduleId: string): Promise<RestAnswer['body']> {
    const path = `${queryBase}/schedules/${scheduleId}/runs`
    const { id } = await ask('POST', path)
    let run: RestAnswer['body']
    await expect
      .poll(async () => (run = await ask('GET', `${path}/${id}`)).state, waiting)
      .toMatch(/SUCCESS|FAILED/)
    return run
  }

  return { ask, submit, ended, ran, triggered }
}
