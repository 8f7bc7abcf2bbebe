import { rmSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { registerNatives } from '../src/engine/duckdb/natives.ts'
import { passableFolder } from '../test/support/passable-folder.ts'
import { compiledForFile } from './compiled-for-file.ts'
import { generateEvents } from './generate.ts'

/**
 * 30-minute sessions of all events under a memory limit, each kept as a row: as the front end prints it, as plain SQL that
 * subtracts times as its author thinks of them, as one writes it for DuckDB by hand who knows what that costs, and by hand
 * in buckets of persons one after the other, which is what hashing persons could win:
 * `npm run bench -- --only sessions --rows 10000000 --memory 1GB --buckets 16`. Each in a DuckDB of its own that may
 * spill; answers compared.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rows: { type: 'string', default: '10000000' },
    memory: { type: 'string', default: '1GB' },
    buckets: { type: 'string', default: '16' },
  },
})
const turns = 2
const rowCount = Number(values.rows)
const bucketCount = Number(values.buckets)
const folder = passableFolder('bench-sessions')

/** The same window twice, so that of events that are there twice either may begin a session, and the pause as an interval. */
const plain = (source: string): string => `
  WITH paired AS (
    SELECT _id, user_id, timestamp, lag(timestamp) OVER (PARTITION BY user_id ORDER BY timestamp, _id) AS prev FROM ${source}
  )
  SELECT _id, user_id, sum(CASE WHEN prev IS NULL OR timestamp - prev >= INTERVAL 30 MINUTE THEN 1 ELSE 0 END) OVER (
    PARTITION BY user_id ORDER BY timestamp, _id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS num FROM paired`

/**
 * What is kept of each event: enough that nothing of the windows can be left out. Of events that are there twice the second
 * window must keep the order of the first, else a session may begin with either of them.
 */
const byHand = (source: string): string => `
  WITH paired AS (
    SELECT _id, user_id, epoch_us(timestamp) AS micros, lag(epoch_us(timestamp)) OVER person AS prev, row_number() OVER person AS place
    FROM ${source} WINDOW person AS (PARTITION BY user_id ORDER BY timestamp, _id)
  ), flagged AS (
    SELECT *, (prev IS NULL OR micros - prev >= 1800000000) AS is_new FROM paired
  )
  SELECT _id, user_id, sum(is_new::INTEGER) OVER (
    PARTITION BY user_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS num FROM flagged`

const dialect = `
  SELECT _id, user_id, SESS_TIMEOUT(timestamp, 60 * 30) OVER (
    PARTITION BY user_id ORDER BY timestamp, _id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW).num AS num
  FROM events`

const answer = (query: string): string =>
  `SELECT count(*), sum(num)::BIGINT, bit_xor(hash(_id, user_id, num::BIGINT)) FROM (${query})`

interface Way {
  readonly name: string
  /** Their answers are added up. */
  readonly statements: readonly string[]
  /** It answers as the others do. */
  readonly isExact: boolean
}

try {
  const { file } = await generateEvents(join(folder, 'events.parquet'), rowCount, 7)
  const events = `read_parquet('${file}')`
  const buckets = Array.from(
    { length: bucketCount },
    (_, bucket) => `(SELECT * FROM ${events} WHERE hash(user_id) % ${bucketCount} = ${bucket})`,
  )
  const ways: readonly Way[] = [
    { name: 'as printed', statements: [answer(compiledForFile(dialect, file))], isExact: true },
    { name: 'plain', statements: [answer(plain(events))], isExact: false },
    { name: 'by hand', statements: [answer(byHand(events))], isExact: true },
    {
      name: `by hand, in ${bucketCount} buckets`,
      statements: buckets.map((bucket) => answer(byHand(bucket))),
      isExact: true,
    },
  ]
  const best = new Map<string, number>()
  for (let turn = 0; turn < turns; turn += 1) {
    const answers = new Set<string>()
    for (const way of ways) {
      const { seconds, text } = await measured(way)
      best.set(way.name, Math.min(best.get(way.name) ?? Infinity, seconds))
      if (way.isExact) answers.add(text)
    }
    if (answers.size !== 1) throw new Error(`The ways answer differently: ${[...answers].join(' and ')}.`)
  }
  console.log(
    `\n${cpus().length} cores (${cpus()[0]?.model.trim()}), ${rowCount.toLocaleString('en')} events, ${values.memory}\n`,
  )
  console.log('| 30-minute sessions | seconds | against plain | against by hand |\n|---|---:|---:|---:|')
  const against = (name: string, seconds: number): string => ((best.get(name) ?? NaN) / seconds).toFixed(2)
  for (const [name, seconds] of best) {
    console.log(
      `| ${name} | ${seconds.toFixed(2)} s | ${against('plain', seconds)} | ${against('by hand', seconds)} |`,
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function measured({ statements }: Way): Promise<{ readonly seconds: number; readonly text: string }> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: values.memory,
    temp_directory: join(folder, 'spilled'),
  })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    registerNatives(connection)
    const startedAt = performance.now()
    let [count, sum, hashes] = [0n, 0n, 0n]
    for (const statement of statements) {
      const [row] = await rowsOf(connection, statement)
      count += row?.[0] ?? 0n
      sum += row?.[1] ?? 0n
      hashes ^= row?.[2] ?? 0n
    }
    return { seconds: (performance.now() - startedAt) / 1000, text: `${count}, ${sum}, ${hashes}` }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function rowsOf(
  connection: DuckDBConnection,
  statement: string,
): Promise<readonly (readonly bigint[])[]> {
  const result = await connection.runAndReadAll(statement)
  return result.getRows() as bigint[][]
}
