import { must } from '#base/assert.ts'
import type { Engine } from '#engine/engine.ts'
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
const rowsAtOnce = 10_000
const bytesAtOnce = 4 * 1024 * 1024

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
  await using pull = await engine.open(
    { sql, files: lease.paths, pool: 'batch' },
    { encoding: { kind: 'jsonRows' }, columns, signal },
  )
  const parts: Uint8Array[] = []
  for (;;) {
    const chunk = await pull.pull({ rowCountMax: rowsAtOnce, bytesMax: bytesAtOnce })
    parts.push(chunk.bytes)
    if (chunk.state === 'done') break
  }
  const lines = Buffer.concat(parts).toString().split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as (string | null)[])
}
