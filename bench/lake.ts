import { join } from 'node:path'
import { cpus, tmpdir } from 'node:os'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/base/clock.ts'
import { newBatchId, newDatasetId, newUuidId } from '../src/base/ids.ts'
import { silentLogger } from '../src/base/log.ts'
import { quoteLiteral } from '../src/base/sql-text.ts'
import { createDuckdbEngine } from '../src/engine/duckdb-engine.ts'
import { createLake } from '../src/lake/create-lake.ts'
import { localLakeFiles } from '../src/lake/local-lake-files.ts'
import type { Lake, LakeTable } from '../src/lake/lake.ts'
import type { Engine } from '../src/engine/engine.ts'
import { openLakeFiles } from '../src/lake/open-lake-files.ts'
import type { Metadata } from '../src/metadata/metadata.ts'
import { openMetadata } from '../src/metadata/open.ts'
import { integerType, longType, stringType, structType, timestampType } from '../src/types/data-type.ts'
import { hasS3Server, startS3Server } from '../test/support/s3-server.ts'
import { timeInDuckdb } from './baselines.ts'

/**
 * What a table costs as it grows: a commit of one file, and the plan of one day, beside 1, 1 000 and 10 000 files; and
 * compaction against one DuckDB sort of the same rows; scans from S3, cold and cached, against a folder. `npm run bench -- --only lake --files 1,1000 --rows 1000000`
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    files: { type: 'string', default: '1,1000,10000' },
    rows: { type: 'string', default: '5000000' },
  },
})
const commitsTimed = 7
const plansTimed = 21
/** An append writes its days side by side, each with buffers of its own. */
const filesOfAppend = 1_000
const compactedFiles = 50
const scannedFiles = 8
const signal = new AbortController().signal
const columns = structType([
  { name: 'n', type: integerType },
  { name: 'person', type: stringType },
  { name: 'timestamp', type: timestampType },
])
const firstDay = '2000-01-01'

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-lake-'))
chmodSync(folder, 0o711)
try {
  await using stack = new AsyncDisposableStack()
  const home = join(folder, 'home')
  const metadata = stack.use(await openMetadata({ home, logger: silentLogger }))
  const engine = stack.use(
    await createDuckdbEngine({
      interactiveChildren: 1,
      statementsPerChild: 4,
      batchChildren: 1,
      memoryBytes: 2 * 2 ** 30,
      scratchFolder: join(home, 'scratch'),
      logger: silentLogger,
    }),
  )
  const lake = createLake({
    metadata,
    engine,
    files: localLakeFiles(join(home, 'lake')),
    clock: systemClock,
    logger: silentLogger,
    incarnation: 'bench',
  })
  const newTable = async () => await newTableOf(metadata, lake)
  console.log(`${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}\n`)
  await growth(lake, newTable)
  await compaction(lake, newTable)
  await scans({ metadata, engine, lake })
  const { maxRSS } = process.resourceUsage()
  console.log(`\nThis process, which did what the server does, peaked at ${Math.round(maxRSS / 1024)} MiB.`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Each day of an append is a file. */
async function growth(lake: Lake, newTable: () => Promise<LakeTable>): Promise<void> {
  console.log('| files | one commit of a file | against the first | plan of one day |\n|---:|---:|---:|---:|')
  let first: number | undefined
  for (const fileCount of values.files.split(',').map(Number)) {
    const table = await newTable()
    for (let from = 0; from < fileCount; from += filesOfAppend) {
      await append(lake, table, `range(${from}, ${Math.min(fileCount, from + filesOfAppend)}) r(i)`, 'i')
    }
    const commit = await medianMs(commitsTimed, (index) => append(lake, table, 'range(1) r(i)', `${index}`))
    first ??= commit
    const { snapshotId } = (await lake.snapshot(table.id))!
    const day = { column: 'timestamp', operator: '=', value: `${firstDay}T12:00:00Z` } as const
    const plan = await medianMs(plansTimed, () =>
      lake.plan({ tableId: table.id, snapshotId, predicates: [day] }),
    )
    console.log(
      `| ${fileCount.toLocaleString('en')} | ${commit.toFixed(1)} ms | ${(commit / first).toFixed(2)} × | ${plan.toFixed(1)} ms |`,
    )
  }
}

/** A day in many files becomes few, its rows sorted by person and time. */
async function compaction(lake: Lake, newTable: () => Promise<LakeTable>): Promise<void> {
  const rowCount = Number(values.rows)
  const table = await newTable()
  const part = Math.ceil(rowCount / compactedFiles)
  for (let from = 0; from < rowCount; from += part) {
    await append(lake, table, `range(${from}, ${Math.min(rowCount, from + part)}) r(i)`, '0')
  }
  const { snapshotId } = (await lake.snapshot(table.id))!
  const { files } = await lake.plan({ tableId: table.id, snapshotId })
  const list = files.map(({ name }) => quoteLiteral(join(folder, 'home', 'lake', name))).join(', ')
  const bare = await timeInDuckdb(
    `COPY (SELECT * FROM read_parquet([${list}], hive_partitioning = false) ORDER BY person, "timestamp")
     TO '${join(folder, 'bare.parquet')}' (FORMAT parquet, COMPRESSION zstd)`,
  )
  const startedAt = performance.now()
  const result = await lake.compact({ tableId: table.id, signal })
  const seconds = (performance.now() - startedAt) / 1000
  if (result.rowCount !== rowCount) throw new Error(`${result.rowCount} rows of ${rowCount} were compacted.`)
  const rate = (taken: number) => Math.round(rowCount / taken).toLocaleString('en')
  console.log('\n| compaction | rows | Sluice | DuckDB alone, one sort | ratio |\n|---|---:|---:|---:|---:|')
  console.log(
    `| ${result.filesBefore} files to ${result.filesAfter} | ${rowCount.toLocaleString('en')} | ${rate(seconds)} rows/s | ${rate(bare.seconds)} rows/s | ${(bare.seconds / seconds).toFixed(2)} |`,
  )
}

/** The same rows read from a folder, and from S3 when nothing of them is on this machine, and when all is. */
async function scans(given: {
  readonly metadata: Metadata
  readonly engine: Engine
  readonly lake: Lake
}): Promise<void> {
  if (!hasS3Server) return console.log('\nThere is no S3 server here: npm test installs it.')
  const { metadata, engine, lake } = given
  await using server = await startS3Server()
  const away = join(folder, 'away')
  await using files = await openLakeFiles(
    {
      folder: join(away, 'outbox'),
      location: `s3://${await server.makeBucket()}/lake`,
      cacheFolder: join(away, 'cache'),
      cacheBytes: 20 * 2 ** 30,
    },
    {
      server: { region: server.region, endpoint: server.endpoint },
      credentials: { s3: server.credentials },
      logger: silentLogger,
    },
  )
  const remote = createLake({
    metadata,
    engine,
    files,
    clock: systemClock,
    logger: silentLogger,
    incarnation: 'bench away',
  })
  const rowCount = Number(values.rows)
  const here = { lake, table: await filled(metadata, lake, rowCount) }
  const there = { lake: remote, table: await filled(metadata, remote, rowCount) }
  // The first reading of all warms up what both use.
  await scan(engine, here)
  const local = await scan(engine, here)
  const cold = await scan(engine, there)
  const cached = await scan(engine, there)
  console.log(
    '\n| scan of one column and a count | rows | seconds | against a folder |\n|---|---:|---:|---:|',
  )
  const row = (name: string, taken: number) =>
    console.log(
      `| ${name} | ${rowCount.toLocaleString('en')} | ${taken.toFixed(2)} s | ${(taken / local).toFixed(2)} × |`,
    )
  row('lake in a folder', local)
  row('lake on S3, nothing on this machine', cold)
  row('lake on S3, all on this machine', cached)
}

async function filled(metadata: Metadata, lake: Lake, rowCount: number): Promise<LakeTable> {
  const table = await newTableOf(metadata, lake)
  const part = Math.ceil(rowCount / scannedFiles)
  for (let from = 0; from < rowCount; from += part) {
    await append(lake, table, `range(${from}, ${Math.min(rowCount, from + part)}) r(i)`, '0')
  }
  return table
}

/** Seconds of a plan, its files' coming here, and the reading. */
async function scan(
  engine: Engine,
  { lake, table }: { readonly lake: Lake; readonly table: LakeTable },
): Promise<number> {
  const startedAt = performance.now()
  const { snapshotId } = (await lake.snapshot(table.id))!
  const plan = await lake.plan({ tableId: table.id, snapshotId })
  using lease = await lake.lease(plan.files, { signal })
  const sql = `SELECT count(*), count(DISTINCT person) FROM ${plan.sql}`
  await using pull = await engine.open(
    { sql, files: lease.paths, pool: 'batch' },
    {
      encoding: { kind: 'jsonRows' },
      columns: ['rows', 'persons'].map((name) => ({ name, type: longType })),
      signal,
    },
  )
  await pull.pull({ rowCountMax: 10, bytesMax: 10_000 })
  return (performance.now() - startedAt) / 1000
}

async function newTableOf(metadata: Metadata, lake: Lake): Promise<LakeTable> {
  return await metadata.transaction((tx) =>
    lake.create(tx, {
      datasetId: newDatasetId(),
      sandboxId: newUuidId('sandbox'),
      schema: columns,
      dayColumn: 'timestamp',
      clusterBy: ['person', 'timestamp'],
    }),
  )
}

/** @param day days after the first */
async function append(lake: Lake, table: LakeTable, from: string, day: string): Promise<void> {
  await lake.append({
    tableId: table.id,
    batchId: newBatchId(),
    source: {
      sql: `SELECT i::INTEGER, 'p' || (hash(i) % 100000), TIMESTAMPTZ '${firstDay} 12:00:00+00'
          + INTERVAL (${day}) DAY + INTERVAL (hash(i, 1) % 3600) SECOND FROM ${from}`,
      files: [],
      pool: 'batch',
    },
    signal,
  })
}

async function medianMs(count: number, work: (index: number) => Promise<unknown>): Promise<number> {
  const spans: number[] = []
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now()
    await work(index)
    spans.push(performance.now() - startedAt)
  }
  return spans.toSorted((one, other) => one - other)[Math.floor(count / 2)]!
}
