import { must } from '#base/assert.ts'
import type { Engine } from '#engine/engine.ts'
import { smallResult } from '#engine/small-result.ts'
import type { CachedObject } from '#objects/file-cache.ts'
import { stringType, type Field } from '#types/data-type.ts'
import type { TableFiles } from './table-files.ts'

interface Source {
  /** A parenthesised query. */
  readonly sql: string
  readonly files: readonly CachedObject[]
  readonly signal?: AbortSignal
}

const never = new AbortController().signal

export async function countRows(
  engine: Engine,
  table: TableFiles,
  { sql, files, signal }: Source,
): Promise<number> {
  const rows = await textRows(engine, table, {
    sql: `SELECT CAST(count(*) AS VARCHAR) FROM ${sql}`,
    files,
    columnCount: 1,
    ...(signal ? { signal } : {}),
  })
  return Number(must(rows[0]?.[0], 'a count is one row'))
}

/** The rows of a small answer, whose columns are all text. */
export async function textRows(
  engine: Engine,
  table: TableFiles,
  { sql, files, columnCount, signal = never }: Source & { readonly columnCount: number },
): Promise<readonly (readonly (string | null)[])[]> {
  const columns = Array.from({ length: columnCount }, (_, index): Field => ({
    name: `c${index}`,
    type: stringType,
  }))
  using lease = await table.lease(files, { signal })
  const rows = await smallResult(engine, { sql, files: lease.paths, pool: 'batch' }, { columns, signal })
  return rows as readonly (readonly (string | null)[])[]
}
