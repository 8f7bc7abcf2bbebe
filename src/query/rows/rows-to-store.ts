import { AppError } from '#base/errors.ts'
import { quoteIdentifier, quoteList } from '#base/sql-text.ts'
import type { ClusterEngine, WrittenRows } from '#engine/engine.ts'
import type { CachedObject } from '#objects/file-cache.ts'
import { duckdbType } from '#types/duckdb.ts'
import { clusterOf } from './choose-engine.ts'
import type { RunningStatement } from './engine-rows.ts'
import type { PlannedQuery } from './plan-query.ts'
import type { Scope } from '../scope.ts'

/** A query's rows as the lake's writer, which is DuckDB, takes them. */
export interface RowsToStore extends AsyncDisposable {
  /** A query of DuckDB with the columns of the planned one. */
  readonly sql: string
  readonly files: readonly string[]
  readonly lakeFiles: readonly CachedObject[]
  /** Whether as many were stored as were computed. @throws AppError 'engine.unavailable' */
  check(rowCount: number): void
}

/** What DuckDB computes as it stores it, or what Spark has computed before. */
export async function rowsToStore(
  scope: Scope,
  running: RunningStatement,
  planned: PlannedQuery,
): Promise<RowsToStore> {
  if (planned.engine === 'duckdb') {
    const { sql, files } = planned
    return { sql, files: [], lakeFiles: files, check() {}, async [Symbol.asyncDispose]() {} }
  }
  const written = await writtenBy(clusterOf(scope.services), { scope, running, planned })
  return {
    sql: writtenSql(written),
    files: written.files,
    lakeFiles: [],
    check: (rowCount) => checkCount(written.rowCount, rowCount),
    [Symbol.asyncDispose]: () => written[Symbol.asyncDispose](),
  }
}

async function writtenBy(
  cluster: ClusterEngine,
  {
    scope,
    running,
    planned,
  }: {
    readonly scope: Scope
    readonly running: RunningStatement
    readonly planned: PlannedQuery
  },
): Promise<WrittenRows> {
  const { sql, tables, columns, files } = planned
  const { signal } = running
  using lease = await running.wait(() => scope.services.lake.lease(files, { signal }))
  const statement = { sql, files: lease.paths, tables, pool: scope.pool }
  let writing: Promise<WrittenRows> | undefined
  try {
    return await running.wait(
      () => (writing = cluster.write(statement, { columns, inTurn: running.inTurn, signal })),
    )
  } catch (error) {
    // Stopped, and perhaps written all the same.
    void writing?.then(
      (written) => written[Symbol.asyncDispose](),
      () => {},
    )
    throw error
  }
}

function writtenSql({ files, columns }: WrittenRows): string {
  const items = columns.map(({ name, type }) => {
    const column = quoteIdentifier(name)
    return `CAST(${files.length > 0 ? column : 'NULL'} AS ${duckdbType(type)}) AS ${column}`
  })
  const from =
    files.length > 0 ? `FROM read_parquet(${quoteList(files)}, hive_partitioning = false)` : 'WHERE false'
  return `SELECT ${items.join(', ')} ${from}`
}

/** A folder that only seems to be shared, or shows late what others wrote, must not cost rows. */
function checkCount(computed: number, stored: number): void {
  if (computed === stored) return
  throw new AppError(
    'engine.unavailable',
    `Spark computed ${computed} rows, and ${stored} of them have arrived here.`,
    { hint: 'Spark needs the folder spark.folder at the same path, on each of its machines.' },
  )
}
