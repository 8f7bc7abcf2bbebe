import { Client as PostgresClient } from 'pg'
import type { Client, Credentials } from '../client.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import { readResults } from '../sql-results.ts'

/** Asks over the PostgreSQL protocol, as any program would. */
export interface Caller extends AsyncDisposable {
  rows(sql: string): Promise<readonly (readonly unknown[])[]>
  /** The first value of the first row, a count. */
  count(sql: string): Promise<number>
}

export async function connectAsker(postgres: string, credentials: Credentials): Promise<Caller> {
  const url = new URL(`postgres://${postgres}`)
  const client = new PostgresClient({
    host: url.hostname,
    port: Number(url.port),
    database: 'prod:all',
    user: credentials.sqlUser,
    password: credentials.sqlPassword,
    // On loopback, with a certificate of our own making: encrypted is what matters.
    ssl: { rejectUnauthorized: false },
    application_name: 'Sluice demo',
  })
  await client.connect()
  const rows = async (sql: string) => (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows
  return {
    rows,
    count: async (sql) => Number((await rows(sql))[0]?.[0]),
    [Symbol.asyncDispose]: () => client.end(),
  }
}

/** Runs statements over REST; `$key` placeholders are filled. */
export async function runStatements(
  client: Client,
  sql: string,
  parameters: Readonly<Record<string, string | number>> = {},
): Promise<void> {
  const answer = await client.stream('/sluice/v1/sql', { sql, format: 'table', parameters })
  for await (const _event of readResults(answer)) {
    // Only failures matter, and they throw.
  }
}

interface ScheduleDocument {
  readonly id: string
  readonly query: { readonly name: string }
}

const queryApi = '/data/foundation/query'
const lookEveryMs = 50

/** The scheduled query of that name, made when there is none. */
export async function ensureSchedule(
  client: Client,
  wanted: { readonly name: string; readonly sql: string; readonly cron: string },
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const { schedules } = await client.get<{ schedules: readonly ScheduleDocument[] }>(`${queryApi}/schedules`)
  const found = schedules.find((schedule) => schedule.query.name === wanted.name)
  if (found) return { id: found.id, isNew: false }
  const made = await client.post<{ id: string }>(`${queryApi}/schedules`, {
    query: { dbName: 'prod:all', name: wanted.name, sql: wanted.sql },
    schedule: { schedule: wanted.cron, startDate: new Date().toISOString() },
  })
  return { id: made.id, isNew: true }
}

/** Runs a scheduled query now and waits for its end. */
export async function runSchedule(client: Client, id: string): Promise<void> {
  const run = await client.post<{ id: string }>(`${queryApi}/schedules/${id}/runs`)
  for (;;) {
    const { state, message } = await client.get<{ state: string; message?: string }>(
      `${queryApi}/schedules/${id}/runs/${run.id}`,
    )
    if (state === 'SUCCESS') return
    if (state === 'FAILED' || state === 'KILLED') {
      throw new CliError(
        exitCodes.failed,
        `The scheduled query ended as ${state}: ${message ?? 'no reason given'}`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    client.signal.throwIfAborted()
  }
}
