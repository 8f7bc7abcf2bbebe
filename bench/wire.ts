import { spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { silentLogger } from '../src/base/log.ts'
import { startManagedPostgres } from '../src/metadata/managed-postgres.ts'
import { signIn, type Actor } from '../test/support/actor.ts'
import { passableFolder } from '../test/support/passable-folder.ts'
import { startProduct, type Product } from '../test/support/product.ts'
import { timeInDuckdb } from './baselines.ts'
import { type Ask, drainOf, latencyOf, type Where } from './wire-client.ts'

/**
 * The PostgreSQL protocol beside a PostgreSQL 16 with the same rows on the same machine, in turns:
 * `npm run bench -- --only wire --rows 1000000,10000000 --seconds 3`. PostgreSQL is reached by its unix socket, Sluice by
 * TCP. The first number of rows is for the table, each for the server's memory.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rows: { type: 'string', default: '1000000,10000000' },
    seconds: { type: 'string', default: '3' },
    turns: { type: 'string', default: '3' },
    parts: { type: 'string', default: 'bulk,latency,streams,memory' },
  },
})
const sizes = values.rows.split(',').map(Number)
const seconds = Number(values.seconds)
const turns = Number(values.turns)
const parts = values.parts.split(',')
const columns = 'id, event, at, person, kind, channel, value, amount, day'
const folder = passableFolder('bench-wire')

try {
  await using postgres = await startManagedPostgres({
    dataFolder: join(folder, 'postgres'),
    programsFolder: join(folder, 'programs'),
    logger: silentLogger,
    isDurable: false,
    settings: { autovacuum: 'on' },
  })
  const home = join(folder, 'home')
  await using product = await startProduct({ home })
  const { sqlUser, sqlPassword } = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
  const [host = '', port = ''] = product.postgres.split(':')
  const ours: Where = { host, port: Number(port), user: sqlUser, password: sqlPassword, database: 'prod:all' }
  const { connection } = postgres
  const theirs: Where = {
    host: connection.host ?? '',
    port: connection.port ?? 5432,
    user: String(connection.user),
    database: 'postgres',
  }
  const [rowCount = 0] = sizes
  await makeRows(product, 'events', rowCount)
  await copyAcross({ ours, theirs })
  console.log(`\n${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}\n`)
  if (parts.includes('bulk')) await compareBulk(ours, theirs, rowCount)
  if (parts.includes('latency')) await compareLatency(ours, theirs, rowCount)
  if (parts.includes('streams')) await compareStreams(product, home, rowCount)
  if (parts.includes('memory')) await measureMemory(product, ours)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Nine columns of the kinds that events have. */
async function makeRows(product: Product, table: string, rowCount: number): Promise<void> {
  const thousands = Math.max(1, Math.round(rowCount / 1_000))
  await product.run(`
    CREATE TABLE IF NOT EXISTS thousand AS SELECT explode(sequence(0, 999)) AS n;
    CREATE TABLE ${table} AS
    SELECT
      id,
      md5(cast(id AS string)) AS event,
      timestampadd(SECOND, id % 7776000, timestamp '2026-01-01 00:00:00') AS at,
      concat('user-', cast(id % 20011 AS string)) AS person,
      element_at(array('page_view', 'click', 'search', 'purchase'), cast(id % 4 + 1 AS int)) AS kind,
      CASE WHEN id % 3 = 0 THEN 'paid search' END AS channel,
      cast(id % 100003 AS double) / 7 AS value,
      cast(id % 25000 AS decimal(12, 2)) / 4 AS amount,
      date_add(date '2026-01-01', cast(id % 90 AS int)) AS day
    FROM (
      SELECT cast(a.n + 1000 * b.n AS bigint) AS id
      FROM thousand a, (SELECT explode(sequence(0, ${thousands - 1})) AS n) b)`)
}

/** The same rows, as our own COPY gives them. */
async function copyAcross({ ours, theirs }: { readonly ours: Where; readonly theirs: Where }): Promise<void> {
  const psql = (where: Where, sql: string): string =>
    `PGPASSWORD='${where.password ?? ''}' psql -X -q -v ON_ERROR_STOP=1 -h '${where.host}' -p ${where.port} -U '${where.user}' -d '${where.database}' -c "${sql}"`
  const create = `CREATE TABLE events (id bigint PRIMARY KEY, event text, at timestamptz, person text, kind text,
    channel text, value float8, amount numeric, day date)`
  const script = join(folder, 'copy.sh')
  writeFileSync(
    script,
    [
      'set -eo pipefail',
      psql(theirs, create),
      `${psql(ours, `COPY (SELECT ${columns} FROM events) TO STDOUT`)} | ${psql(theirs, 'COPY events FROM STDIN')}`,
      psql(theirs, 'VACUUM ANALYZE events'),
    ].join('\n'),
  )
  const child = spawn('bash', [script], { stdio: 'inherit' })
  const code = await new Promise((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`The rows could not be copied across (exit code ${String(code)}).`)
}

async function compareBulk(ours: Where, theirs: Where, rowCount: number): Promise<void> {
  await using us = await drainOf(ours)
  await using them = await drainOf(theirs)
  console.log('| what | rows | Sluice | PostgreSQL 16 | ratio |\n|---|---:|---:|---:|---:|')
  for (const [what, sql, format] of [
    ['`COPY … TO STDOUT`, text', `COPY (SELECT ${columns} FROM events) TO STDOUT`, 'text'],
    ['SELECT, text', `SELECT ${columns} FROM events`, 'text'],
    ['SELECT, binary', `SELECT ${columns} FROM events`, 'binary'],
  ] as const) {
    const best = await bestInTurns([
      () => us.bytesOf(what.startsWith('SELECT') ? `${sql} LIMIT 0` : sql, format),
      () => them.bytesOf(sql, format),
    ])
    console.log(tableLine(what, rowCount, best))
  }
  console.log('')
}

async function compareLatency(ours: Where, theirs: Where, rowCount: number): Promise<void> {
  console.log('| what | clients | Sluice p50 (p99) | PostgreSQL 16 p50 (p99) | Sluice, a second |')
  console.log('|---|---:|---:|---:|---:|')
  const asks: readonly (readonly [string, Ask])[] = [
    ['`select 1`', () => 'select 1'],
    ['one row by its key', (turn) => `SELECT ${columns} FROM events WHERE id = ${(turn * 7919) % rowCount}`],
    // What a dashboard asks again and again: no goal is set for it.
    [
      'sum and count of a quarter',
      (turn) => `SELECT count(*), sum(value) FROM events WHERE kind = 'click' AND id <> ${turn}`,
    ],
  ]
  for (const [what, ask] of asks) {
    for (const clients of [1, 8, 64]) {
      const us = await latencyOf(ours, { clients, seconds, ask })
      const them = await latencyOf(theirs, { clients, seconds, ask })
      const ms = (value: number): string => value.toFixed(2)
      console.log(
        `| ${what} | ${clients} | ${ms(us.p50)} ms (${ms(us.p99)}) | ${ms(them.p50)} ms (${ms(them.p99)}) | ${us.perSecond.toFixed(0)} |`,
      )
    }
  }
  console.log('')
}

/** Over REST: one stream of Arrow against the engine alone, and the parts of a kept result against one stream. */
async function compareStreams(product: Product, home: string, rowCount: number): Promise<void> {
  const actor = await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))
  const lake = `read_parquet('${join(home, 'lake')}/**/*.parquet', hive_partitioning = false, union_by_name = true)`
  const sql = `SELECT ${columns} FROM events LIMIT 0`
  const quoted = columns.replaceAll(/\w+/g, '"$&"') // `at` is a word to the engine.
  const bare = `SELECT ${quoted} FROM ${lake} WHERE event IS NOT NULL`
  console.log('| what | rows | Sluice | against | ratio |\n|---|---:|---:|---:|---:|')
  const arrow = () => bytesOfArrow(product, actor, sql)
  const streamed = await bestInTurns([arrow, async () => (await timeInDuckdb(bare)).rows.length])
  console.log(tableLine('Arrow by REST, against all rows read by DuckDB alone', rowCount, streamed))
  const made = performance.now()
  const links = await keptParts(actor, `SELECT ${columns} FROM events`)
  const makeSeconds = (performance.now() - made) / 1000
  const fetched = await bestInTurns([
    async () => {
      const all = await Promise.all(links.map((href) => bytesAt(`${product.http}${href}`)))
      return all.reduce((sum, bytes) => sum + bytes, 0)
    },
    arrow,
  ])
  console.log(
    tableLine(
      `${links.length} parts of Parquet at once (made in ${makeSeconds.toFixed(2)} s before), against one stream of Arrow`,
      rowCount,
      fetched,
    ),
  )
  console.log('')
}

async function bytesOfArrow(product: Product, actor: Actor, sql: string): Promise<number> {
  const answer = await fetch(`${product.http}/sluice/v1/sql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${actor.token}`,
      'x-gw-ims-org-id': actor.credentials.organizationId,
      'x-sandbox-name': 'prod',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ sql, format: 'arrow' }),
  })
  return await drained(answer)
}

async function bytesAt(url: string): Promise<number> {
  return await drained(await fetch(url))
}

async function drained(answer: Response): Promise<number> {
  if (!answer.ok || !answer.body) throw new Error(`${answer.status} ${await answer.text()}`)
  let byteCount = 0
  for await (const chunk of answer.body) byteCount += (chunk as Uint8Array).byteLength
  return byteCount
}

async function keptParts(actor: Actor, sql: string): Promise<readonly string[]> {
  const { id } = await actor.must('POST', '/sluice/v1/results', { sql })
  for (;;) {
    const result = await actor.must('GET', `/sluice/v1/results/${id}`)
    if (result.state === 'SUCCESS') return result.parts.map(({ href }: { href: string }) => href)
    if (!['SUBMITTED', 'IN_PROGRESS'].includes(result.state)) throw new Error(JSON.stringify(result))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The server process while all rows leave it, by number of rows. */
async function measureMemory(product: Product, where: Where): Promise<void> {
  for (const [index, rowCount] of sizes.entries()) {
    const table = index === 0 ? 'events' : `events_${rowCount}`
    if (index > 0) await makeRows(product, table, rowCount)
    writeFileSync(`/proc/${product.pid}/clear_refs`, '5') // The peak is counted anew.
    await using drain = await drainOf(where)
    const startedAt = performance.now()
    const byteCount = await drain.bytesOf(`COPY (SELECT ${columns} FROM ${table}) TO STDOUT`, 'text')
    const took = (performance.now() - startedAt) / 1000
    const peak =
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${product.pid}/status`, 'utf8'))?.[1]) / 1024
    console.log(
      `${rowCount.toLocaleString('en')} rows (${Math.round(byteCount / 2 ** 20)} MiB in ${took.toFixed(1)} s): the server process peaked at ${peak.toFixed(0)} MiB.`,
    )
  }
}

/** The best seconds of each, in turns, so that all meet the same machine. */
async function bestInTurns(ways: readonly (() => Promise<unknown>)[]): Promise<readonly number[]> {
  const best = ways.map(() => Number.POSITIVE_INFINITY)
  for (let turn = 0; turn < turns; turn++) {
    for (const [index, way] of ways.entries()) {
      const startedAt = performance.now()
      await way()
      best[index] = Math.min(best[index]!, (performance.now() - startedAt) / 1000)
    }
  }
  return best
}

function tableLine(what: string, rowCount: number, [us = NaN, them = NaN]: readonly number[]): string {
  return `| ${what} | ${rowCount.toLocaleString('en')} | ${us.toFixed(2)} s | ${them.toFixed(2)} s | ${(them / us).toFixed(2)} |`
}
