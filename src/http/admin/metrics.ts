import type { ServerStatus, UpkeepState } from '../dependencies.ts'
import type { App } from '../gateway/app.ts'

export type Labels = Readonly<Record<string, string | number>>

/** What happened in this process since it started. */
export interface Counters {
  count(name: CounterName, labels: Labels, by?: number): void
  /** Each series once. */
  series(): Iterable<{ readonly name: CounterName; readonly labels: Labels; readonly value: number }>
}

const counterHelp = {
  sluice_http_requests: 'Requests answered, by route and status.',
  sluice_sql_rows: 'Rows sent to clients of POST /sluice/v1/sql.',
  sluice_sql_bytes: 'Bytes sent to clients of POST /sluice/v1/sql.',
  sluice_upload_bytes: 'Bytes of files uploaded to batches.',
} as const
type CounterName = keyof typeof counterHelp

/** Routes, methods and statuses are few; this stops a mistake of ours from growing without end. */
const seriesMax = 2_000

export function createCounters(): Counters {
  const series = new Map<string, { name: CounterName; labels: Labels; value: number }>()
  return {
    count: (name, labels, by = 1) => {
      // Asked with every request: no text that must be read by others.
      const key = `${name} ${Object.values(labels).join(' ')}`
      const found = series.get(key)
      if (found) found.value += by
      else if (series.size < seriesMax) series.set(key, { name, labels, value: by })
    },
    series: () => series.values(),
  }
}

/** Counts every answer under its route, never under the address asked for. */
export function countRequests(app: App, counters: Counters): void {
  app.addHook('onResponse', (request, reply, done) => {
    counters.count('sluice_http_requests', {
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
    })
    done()
  })
}

export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** The OpenMetrics text of counters and of the state now. */
export function openMetrics(counters: Counters, status: ServerStatus, now: Date): string {
  const lines: string[] = []
  const family: AddFamily = (name, type, help, samples) => {
    lines.push(`# TYPE ${name} ${type}`, `# HELP ${name} ${help}`)
    const suffix = type === 'counter' ? '_total' : ''
    for (const { labels, value } of samples) lines.push(`${name}${suffix}${labelText(labels)} ${value}`)
  }
  const all = [...counters.series()]
  for (const [name, help] of Object.entries(counterHelp)) {
    family(
      name,
      'counter',
      help,
      all.filter((sample) => sample.name === name),
    )
  }
  const memory = process.memoryUsage()
  family('sluice_uptime_seconds', 'gauge', 'Seconds since the server started.', [
    { labels: {}, value: Math.round((now.getTime() - status.startedAt.getTime()) / 1000) },
  ])
  family('sluice_memory_bytes', 'gauge', 'Memory of the server process.', [
    { labels: { kind: 'resident' }, value: memory.rss },
    { labels: { kind: 'heap' }, value: memory.heapUsed },
    { labels: { kind: 'external' }, value: memory.external },
  ])
  family('sluice_datasets', 'gauge', 'Datasets.', [{ labels: {}, value: status.datasetCount }])
  family('sluice_rows', 'gauge', 'Rows of all committed batches.', [{ labels: {}, value: status.rowCount }])
  family(
    'sluice_runs',
    'gauge',
    'Runs of jobs by kind and state.',
    status.runs.map(({ kind, state, count }) => ({ labels: { kind, state }, value: count })),
  )
  addExports(family, status.exports, now)
  addUpkeep(family, status.upkeep, now)
  addStreaming(family, status.streaming)
  family(
    'sluice_engine_statements',
    'gauge',
    'Statements an engine child runs now.',
    status.engine.children.map((child) => ({
      labels: { pid: child.pid, pool: child.pool },
      value: child.statements,
    })),
  )
  family('sluice_engine_children', 'gauge', 'Engine children.', [
    { labels: {}, value: status.engine.children.length },
  ])
  family('sluice_engine_restarts', 'counter', 'Engine children that died and were replaced.', [
    { labels: {}, value: status.engine.restarts },
  ])
  return `${lines.join('\n')}\n# EOF\n`
}

type AddFamily = (name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]) => void

function addExports(family: AddFamily, exports: ServerStatus['exports'], now: Date): void {
  const { succeeded, failed, rows, bytes, files, lastSuccessAt } = exports
  family('sluice_export_runs', 'counter', 'Deliveries that ended, by outcome.', [
    { labels: { outcome: 'succeeded' }, value: succeeded },
    { labels: { outcome: 'failed' }, value: failed },
  ])
  family('sluice_export_rows', 'counter', 'Rows delivered.', [{ labels: {}, value: rows }])
  family('sluice_export_bytes', 'counter', 'Bytes delivered.', [{ labels: {}, value: bytes }])
  family('sluice_export_files', 'counter', 'Files delivered, without manifests.', [
    { labels: {}, value: files },
  ])
  family(
    'sluice_export_last_success_age_seconds',
    'gauge',
    'Seconds since something was last delivered; absent before the first.',
    lastSuccessAt
      ? [{ labels: {}, value: Math.round((now.getTime() - lastSuccessAt.getTime()) / 1000) }]
      : [],
  )
}

/** Kept in the database: a restart does not set them back. */
const upkeepCounters = [
  ['sluice_upkeep_tables_failed', 'tablesFailed', 'Tables that a run of upkeep could not keep up.'],
  ['sluice_upkeep_files_rewritten', 'filesRewritten', 'Data files that compaction made fewer of.'],
  ['sluice_upkeep_rows_rewritten', 'rowsRewritten', 'Rows of those files.'],
  ['sluice_upkeep_bytes_rewritten', 'bytesRewritten', 'Bytes of those files.'],
  ['sluice_upkeep_files_removed', 'filesRemoved', 'Files of the lake that upkeep removed.'],
  ['sluice_upkeep_rows_removed', 'rowsRemoved', 'Rows that were older than their dataset keeps them.'],
  ['sluice_upkeep_snapshots_removed', 'snapshotsRemoved', 'Snapshots that expired.'],
] as const

function addUpkeep(family: AddFamily, upkeep: ServerStatus['upkeep'], now: Date): void {
  const byTask = (value: (task: UpkeepState) => number) =>
    upkeep.map((task) => ({ labels: { task: task.task }, value: value(task) }))
  family(
    'sluice_upkeep_runs',
    'counter',
    'Runs of the upkeep of tables that ended, by task and outcome.',
    upkeep.flatMap(({ task, succeeded, failed }) => [
      { labels: { task, outcome: 'succeeded' }, value: succeeded },
      { labels: { task, outcome: 'failed' }, value: failed },
    ]),
  )
  for (const [name, key, help] of upkeepCounters) {
    family(
      name,
      'counter',
      help,
      byTask((task) => task[key]),
    )
  }
  family(
    'sluice_upkeep_last_success_age_seconds',
    'gauge',
    'Seconds since a run of the task last succeeded; absent before the first.',
    upkeep.flatMap(({ task, lastSuccessAt }) =>
      lastSuccessAt
        ? [{ labels: { task }, value: Math.round((now.getTime() - lastSuccessAt.getTime()) / 1000) }]
        : [],
    ),
  )
}

function addStreaming(family: AddFamily, streaming: ServerStatus['streaming']): void {
  const { accepted, refused, duplicates, waitingBytes, segments, batchFailures, passedOver, setAside } =
    streaming
  const one = (value: number) => [{ labels: {}, value }]
  family('sluice_stream_messages', 'counter', 'Messages that came through inlets, by what became of them.', [
    { labels: { outcome: 'accepted' }, value: accepted },
    { labels: { outcome: 'refused' }, value: refused },
    { labels: { outcome: 'duplicate' }, value: duplicates },
  ])
  family(
    'sluice_stream_waiting_bytes',
    'gauge',
    'Accepted messages that are in no batch yet.',
    one(waitingBytes),
  )
  family('sluice_stream_segments', 'gauge', 'Segments of the log of accepted messages.', one(segments))
  family(
    'sluice_stream_batch_failures',
    'gauge',
    'How often in a row no batch could be made of accepted messages.',
    one(batchFailures),
  )
  family(
    'sluice_stream_segments_passed_over',
    'gauge',
    'Segments that could not be batched and wait for the next start.',
    one(passedOver),
  )
  family('sluice_stream_segments_set_aside', 'gauge', 'Damaged segments whose files are kept.', one(setAside))
}

interface Sample {
  readonly labels: Labels
  readonly value: number
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
