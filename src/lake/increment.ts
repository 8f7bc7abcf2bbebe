import type { TableId } from '#base/ids.ts'
import { selectLakeIngestTime, selectLakeSnapshotIdsAfter } from '#metadata/lake.ts'
import type { Db } from '#metadata/metadata.ts'
import { longType, type Field } from '#types/data-type.ts'
import { countRows } from './count-rows.ts'
import { groupFiles } from './file-groups.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { decodeBound } from './iceberg/single-value.ts'
import { schemaOf, type TableMetadata } from './iceberg/table-metadata.ts'
import type { LakeContext } from './lake-context.ts'
import { ingestTimeSql, scanSql } from './scan-sql.ts'
import type { TableBase } from './table-base.ts'

/**
 * An increment is the rows of a snapshot that came in after a commit. Ingest times rise with the commits, so that they
 * tell, in whatever files the rows are by now: a file that was rewritten holds rows of before and after. Rows that
 * another engine brought in without an ingest time are told by the snapshot that added their file.
 */
export interface IncrementStart {
  readonly afterMs: number
  /** Snapshots of the commits since: only files that they added can hold rows of the increment. */
  readonly snapshots: ReadonlySet<bigint>
}

export async function incrementAfter(
  db: Db,
  tableId: TableId,
  afterSequence: number,
): Promise<IncrementStart> {
  const afterMs = await selectLakeIngestTime(db, tableId, afterSequence)
  const snapshots = new Set((await selectLakeSnapshotIdsAfter(db, tableId, afterSequence)).map(BigInt))
  return { afterMs, snapshots }
}

export interface Increment {
  /** Files of which every row belongs to it. */
  readonly whole: readonly DataFile[]
  /** Files of which those rows belong to it that meet `where`. */
  readonly mixed: readonly DataFile[]
  readonly where: string
  readonly rowCount: number
}

export async function increment(
  context: Pick<LakeContext, 'engine' | 'reader'>,
  base: TableBase,
  {
    files,
    since,
    signal,
  }: {
    readonly files: readonly DataFile[]
    readonly since: IncrementStart | undefined
    readonly signal: AbortSignal | undefined
  },
): Promise<Increment> {
  const afterMs = since?.afterMs ?? 0
  // A file that was added since and says of a row not when it came in: it may have come in since.
  const where = `coalesce(${ingestTimeSql} > ${afterMs}, true)`
  const rowsOf = (list: readonly DataFile[]): number => list.reduce((sum, file) => sum + file.rowCount, 0)
  if (!since) return { whole: files, mixed: [], where, rowCount: rowsOf(files) }
  const id = ingestTimeId(base.metadata)
  const [whole, mixed]: [DataFile[], DataFile[]] = [[], []]
  for (const file of files) {
    const lower = boundOf(file.lowerBounds.get(id))
    const upper = boundOf(file.upperBounds.get(id))
    if (upper !== undefined && upper <= afterMs && file.nullCounts.get(id) === 0) continue
    if (lower === undefined || upper === undefined || lower > afterMs) whole.push(file)
    else mixed.push(file)
  }
  if (mixed.length === 0) return { whole, mixed, where, rowCount: rowsOf(whole) }
  const groups = await groupFiles(context.reader, base.files, base.metadata, mixed)
  const columns: readonly Field[] = []
  const sql = scanSql(
    groups.map((group) => ({ ...group, where })),
    columns,
    schemaOf(base.metadata),
  )
  const count = await countRows(context.engine, base.files, {
    sql,
    files: groups.flatMap((group) => group.files),
    ...(signal ? { signal } : {}),
  })
  return { whole, mixed, where, rowCount: rowsOf(whole) + count }
}

/** The field of the time of ingestion. */
export function ingestTimeId(metadata: TableMetadata): number {
  const system = schemaOf(metadata).fields.find((field) => field.name === '_acp_system_metadata')
  const type = system?.type
  const fields = typeof type === 'object' && type.type === 'struct' ? type.fields : []
  return fields.find((field) => field.name === 'ingestTime')?.id ?? -1
}

function boundOf(bytes: Buffer | undefined): number | undefined {
  return bytes && Number(decodeBound(longType.kind, bytes))
}
