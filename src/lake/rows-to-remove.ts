import { AppError } from '#base/errors.ts'
import { textRows } from './count-rows.ts'
import { groupFiles } from './file-groups.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { currentSnapshot, schemaOf, type SnapshotMetadata } from './iceberg/table-metadata.ts'
import type { RowCondition } from './lake.ts'
import { keptRows } from './kept-rows.ts'
import type { LakeContext } from './lake-context.ts'
import { bindPredicates, findFiles } from './plan.ts'
import { mayMatchFile } from './predicate.ts'
import { manifestsOf } from './reachable.ts'
import { scanSql } from './scan-sql.ts'
import type { TableBase } from './table-base.ts'
import { allColumns } from './table-definition.ts'
import { keptPart, writeDataFiles } from './write-files.ts'

/** A file and how many of its rows meet the condition. */
export interface Holding {
  readonly file: DataFile
  readonly rowCount: number
}

/** Which rows of a table meet a condition, file by file, and the others of those files, written anew. */
export interface Removal {
  readonly holding: readonly Holding[]
  readonly rowCount: number
  readonly kept: readonly DataFile[]
  /** Whether there are still no other rows that meet it. */
  isComplete(base: TableBase): Promise<boolean>
}

interface Search {
  readonly condition: RowCondition
  readonly signal: AbortSignal
}

export async function writeRemoval(
  context: LakeContext,
  base: TableBase,
  { condition, signal, writeId }: Search & { readonly writeId: string },
): Promise<Removal> {
  const search = { condition, signal }
  const candidates = await candidatesOf(context, base, condition)
  const holding = await findHolding(context, base, candidates, search)
  const touched = holding.filter(({ file, rowCount }) => rowCount < file.rowCount).map(({ file }) => file)
  const expected = touched.reduce((sum, file) => sum + file.rowCount, 0) - rowsOf(holding, touched)
  const kept: DataFile[] = []
  for (const [index, part] of partsOf(touched).entries()) {
    kept.push(...(await writeKept(context, base, part, { ...search, writeId, part: keptPart(index) })))
  }
  const written = kept.reduce((sum, file) => sum + file.rowCount, 0)
  if (written !== expected) throw miscounted(expected, written)
  const checked = new Set(candidates.map((file) => file.path))
  return {
    holding,
    rowCount: holding.reduce((sum, item) => sum + item.rowCount, 0),
    kept,
    isComplete: async (now) => {
      const others = (await candidatesOf(context, now, condition)).filter((file) => !checked.has(file.path))
      if ((await findHolding(context, now, others, search)).length > 0) return false
      for (const file of others) checked.add(file.path)
      return true
    },
  }
}

/** A table may be larger than what can be kept on this machine. */
const bytesAtOnce = 1024 ** 3

export function partsOf(files: readonly DataFile[]): readonly (readonly DataFile[])[] {
  const parts: DataFile[][] = []
  let room = 0
  for (const file of files) {
    const part = room >= file.bytes ? parts.at(-1) : undefined
    if (part) part.push(file)
    else parts.push([file])
    room = (part ? room : bytesAtOnce) - file.bytes
  }
  return parts
}

function rowsOf(holding: readonly Holding[], files: readonly DataFile[]): number {
  return holding.reduce((sum, item) => sum + (files.includes(item.file) ? item.rowCount : 0), 0)
}

/** Fewer or more rows than the table says would be lost or doubled without a word. */
export function miscounted(expected: number, found: number): AppError {
  return new AppError(
    'lake.corrupt',
    `Files of the table hold ${found} rows where ${expected} were recorded.`,
    {
      hint: 'Restore them from a backup of the lake; nothing was changed.',
    },
  )
}

async function candidatesOf(
  context: LakeContext,
  base: TableBase,
  condition: RowCondition,
): Promise<readonly DataFile[]> {
  const snapshot = currentSnapshot(base.metadata)
  if (!snapshot) return []
  const predicates = bindPredicates(condition.predicates ?? [], base)
  const snapshotId = String(snapshot['snapshot-id']) as never
  return (await findFiles(context, base, { snapshotId, predicates })).files
}

/** Files of other snapshots that the newest does not have any more, which hold rows that meet the condition. */
export async function findHoldingBefore(
  context: LakeContext,
  base: TableBase,
  { condition, signal, except }: Search & { readonly except: ReadonlySet<string> },
): Promise<readonly Holding[]> {
  const predicates = bindPredicates(condition.predicates ?? [], base)
  const found = new Map<string, DataFile>()
  for (const manifest of (await manifestsOf(context.reader, base.files, base.metadata.snapshots)).values()) {
    for (const { file } of await context.reader.entries(base.files, manifest)) {
      if (!except.has(file.path) && mayMatchFile(predicates, { ...file, day: null }))
        found.set(file.path, file)
    }
  }
  return await findHolding(context, base, [...found.values()], { condition, signal })
}

/** Snapshots that have any of the files. */
export async function snapshotsWith(
  context: LakeContext,
  base: TableBase,
  paths: ReadonlySet<string>,
): Promise<readonly SnapshotMetadata[]> {
  const found: SnapshotMetadata[] = []
  for (const snapshot of base.metadata.snapshots) {
    for (const manifest of await context.reader.manifests(base.files, snapshot)) {
      const entries = await context.reader.entries(base.files, manifest)
      if (!entries.some(({ file }) => paths.has(file.path))) continue
      found.push(snapshot)
      break
    }
  }
  return found
}

async function findHolding(
  context: LakeContext,
  base: TableBase,
  dataFiles: readonly DataFile[],
  search: Search,
): Promise<readonly Holding[]> {
  const found: Holding[] = []
  for (const part of partsOf(dataFiles)) found.push(...(await findHoldingOf(context, base, part, search)))
  return found
}

/** In one go. */
async function findHoldingOf(
  context: LakeContext,
  base: TableBase,
  dataFiles: readonly DataFile[],
  { condition, signal }: Search,
): Promise<readonly Holding[]> {
  const columns = allColumns(base.definition.schema).fields
  let fileColumn = 'file'
  while (columns.some(({ name }) => name.toLowerCase() === fileColumn)) fileColumn += '_'
  const groups = await groupFiles(context.reader, base.files, base.metadata, dataFiles)
  const scan = scanSql(groups, columns, schemaOf(base.metadata), fileColumn)
  const rows = await textRows(context.engine, base.files, {
    sql: `SELECT "${fileColumn}", CAST(count(*) AS VARCHAR) FROM ${scan} WHERE (${condition.sql}) GROUP BY 1`,
    files: groups.flatMap((group) => group.files),
    columnCount: 2,
    signal,
  })
  const counts = new Map(rows.map(([path, count]) => [path, Number(count)]))
  return dataFiles.flatMap((file) => {
    const rowCount = counts.get(base.files.scanFile(file).path)
    return rowCount === undefined ? [] : [{ file, rowCount }]
  })
}

/** Rows of which the condition is not known to be true stay. */
async function writeKept(
  context: LakeContext,
  base: TableBase,
  touched: readonly DataFile[],
  { condition, signal, writeId, part }: Search & { readonly writeId: string; readonly part: string },
): Promise<readonly DataFile[]> {
  const rows = await keptRows(context, base, touched)
  return await writeDataFiles(context.engine, base, {
    writeId,
    part,
    rows: {
      kind: 'kept',
      source: {
        sql: `SELECT * FROM ${rows.sql} WHERE (${condition.sql}) IS NOT TRUE`,
        files: [],
        lakeFiles: rows.files,
        pool: 'batch',
      },
    },
    signal,
  })
}
