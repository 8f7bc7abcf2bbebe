import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { silentLogger } from '../src/base/log.ts'
import { startManagedPostgres } from '../src/metadata/managed-postgres.ts'
import { toolsCache } from '../test/support/tools-cache.ts'
import { timeInDuckdb } from './baselines.ts'
import { secondsOf } from './measure.ts'

export interface PeerRun {
  readonly what: string
  readonly seconds: number
  /** What it wrote is there. */
  readonly folder: string
}

interface Task {
  /** The rows, as Parquet. */
  readonly file: string
  /** For its work. */
  readonly folder: string
  readonly rowCount: number
}

const programs = join(toolsCache, 'peers', 'bin')
const run = promisify(execFile)

/** Other programs that export, one after the other, each as its documentation has it. */
export async function* peers(task: Task): AsyncGenerator<PeerRun> {
  for (const [which, what] of [
    ['chdb-json', 'chdb, JSON lines, gzip'],
    ['chdb-csv', 'chdb, CSV, gzip'],
    ['dlt', 'dlt, Parquet, to a folder'],
  ] as const) {
    const folder = join(task.folder, which)
    mkdirSync(folder)
    const script = join(import.meta.dirname, 'peers.py')
    const { stdout } = await run(join(programs, 'python'), [script, which, task.file, folder], {
      env: { ...process.env, RUNTIME__DLTHUB_TELEMETRY: 'false' },
    })
    yield { what, seconds: Number(stdout.trim().split('\n').at(-1)), folder }
  }
  yield await rivet(task)
}

/** Which reads a database: ours has the rows in PostgreSQL, without the struct. */
async function rivet({ file, folder, rowCount }: Task): Promise<PeerRun> {
  await using postgres = await startManagedPostgres({
    dataFolder: join(folder, 'postgres'),
    programsFolder: join(folder, 'programs'),
    logger: silentLogger,
    isDurable: false,
    settings: { autovacuum: 'on' },
  })
  const { host = '', port = 5432, user = '' } = postgres.connection
  const psql = (sql: string): Promise<unknown> =>
    run('psql', [
      '-X',
      '-q',
      '-v',
      'ON_ERROR_STOP=1',
      '-h',
      host,
      '-p',
      String(port),
      '-U',
      user,
      '-d',
      'postgres',
      '-c',
      sql,
    ])
  const csv = join(folder, 'rows.csv')
  await timeInDuckdb(
    `COPY (SELECT row_number() OVER () AS n, * EXCLUDE (page), page.name AS page_name, page.url AS page_url FROM '${file}') TO '${csv}' (FORMAT csv, HEADER false)`,
  )
  await psql(`CREATE TABLE events (n bigint PRIMARY KEY, _id text, "timestamp" timestamptz, user_id text, event_type text,
    channel text, value float8, page_name text, page_url text)`)
  await psql(`\\copy events FROM '${csv}' (FORMAT csv)`)
  await psql('VACUUM ANALYZE events')
  const to = join(folder, 'rivet')
  mkdirSync(to)
  const config = join(folder, 'rivet.yaml')
  writeFileSync(
    config,
    `source:
  type: postgres
  url: "postgresql://${user}@localhost:${port}/postgres?host=${encodeURIComponent(host)}"
  tls: { mode: disable }
exports:
  - name: events
    table: events
    mode: chunked
    chunk_column: n
    chunk_size: ${Math.ceil(rowCount / 10)}
    parallel: 2
    format: parquet
    compression: zstd
    destination: { type: local, path: ${to} }
`,
  )
  const seconds = await secondsOf(() =>
    run(join(programs, 'rivet'), ['--no-notify', 'run', '--config', config, '--validate'], { cwd: to }),
  )
  return { what: 'rivet, Parquet of the rows in a PostgreSQL, to a folder', seconds, folder: to }
}
