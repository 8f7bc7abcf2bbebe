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
import { openMetadata } from '../src/metadata/open.ts'
import { integerType, stringType, structType, timestampType } from '../src/types/data-type.ts'
import { timeInDuckdb } from './baselines.ts'

/**
 * What a table costs as it grows: a commit of one file, and the plan of one day, beside 1, 1 000 and 10 000 files; and
 * compaction against one DuckDB sort of the same rows. `npm run bench -- --only lake --files 1,1000 --rows 1000000`
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
const compactedFiles = 50
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
  const newTable = async () =>
    await metadata.transaction((tx) =>
      lake.create(tx, {
        datasetId: newDatasetId(),
        sandboxId: newUuidId('sandbox'),
        schema: columns,
        dayColumn: 'timestamp',
        clusterBy: ['person', 'timestamp'],
      }),
    )
  console.log(`${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}\n`)
  await growth(lake, newTable)
  await compaction(lake, newTable)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Each day is a file, so one append of as many days makes as many files. */
async function growth(lake: Lake, newTable: () => Promise<LakeTable>): Promise<void> {
  console.log('| files | one commit of a file | against the first | plan of one day |\n|---:|---:|---:|---:|')
  let first: number | undefined
  for (const fileCount of values.files.split(',').map(Number)) {
    const table = await newTable()
    await append(lake, table, `range(${fileCount}) r(i)`, 'i')
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
