import { AppError } from '#base/errors.ts'
import type { SnapshotId } from '#base/ids.ts'
import { selectLakeCommitOfSnapshot } from '#metadata/lake.ts'
import type { Field } from '#types/data-type.ts'
import type { IcebergStruct } from '#types/iceberg.ts'
import { groupFiles } from './file-groups.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { liveFileCount } from './iceberg/manifest-list.ts'
import { daySourceId, schemaOf, snapshotById } from './iceberg/table-metadata.ts'
import { type IncrementStart, increment, incrementAfter } from './increment.ts'
import type { PlanRequest, Predicate, ScanPlan } from './lake.ts'
import type { LakeContext } from './lake-context.ts'
import { type FilePredicate, filePredicate, mayMatchDays, mayMatchFile } from './predicate.ts'
import { scanParts } from './scan-parts.ts'
import { scanSql } from './scan-sql.ts'
import { systemColumns } from './system-columns.ts'
import { readBase, type TableBase } from './table-base.ts'
import type { TableDefinition } from './table-definition.ts'
import { corrupt } from './file-checks.ts'

type PlanContext = Pick<LakeContext, 'metadata' | 'engine' | 'lakeFiles' | 'reader'>

export async function plan(context: PlanContext, request: PlanRequest): Promise<ScanPlan> {
  const base = await readBase(context, request.tableId)
  const struct = schemaOf(base.metadata)
  const columns = columnsOf(base.definition, request)
  if (request.snapshotId === undefined) {
    const parts = scanParts(struct, shownOf(base.definition, columns), [])
    const sql = scanSql([], columns, struct)
    return { sql, wholeSql: () => sql, parts, files: [], rowCount: 0, bytes: 0, filesSkipped: 0 }
  }
  const since =
    request.afterSequence === undefined
      ? undefined
      : await startOf(context, request, request.afterSequence, request.snapshotId)
  const predicates = bindPredicates(request.predicates ?? [], base)
  const found = await findFiles(context, base, { snapshotId: request.snapshotId, predicates, since })
  const chosen = await increment(context, base, { files: found.files, since, signal: request.signal })
  const groups = [
    ...(await groupFiles(context.reader, base.files, base.metadata, chosen.whole)),
    ...(await groupFiles(context.reader, base.files, base.metadata, chosen.mixed)).map((group) => ({
      ...group,
      where: chosen.where,
    })),
  ]
  const shown = shownOf(base.definition, columns)
  return {
    sql: scanSql(groups, columns, struct),
    wholeSql: () => scanSql(groups, shown.all, struct),
    parts: scanParts(struct, shown, [
      { paths: pathsOf(base, chosen.whole) },
      { paths: pathsOf(base, chosen.mixed), ingestedAfterMs: since?.afterMs ?? 0 },
    ]),
    files: groups.flatMap((group) => group.files),
    rowCount: chosen.rowCount,
    bytes: [...chosen.whole, ...chosen.mixed].reduce((sum, file) => sum + file.bytes, 0),
    filesSkipped: found.skippedCount,
  }
}

function shownOf({ schema }: TableDefinition, columns: readonly Field[]) {
  return { columns, all: [...schema.fields, ...systemColumns.fields] }
}

function pathsOf({ files }: TableBase, dataFiles: readonly DataFile[]): readonly string[] {
  return dataFiles.map((file) => files.scanFile(file).path)
}

async function startOf(
  { metadata }: PlanContext,
  { tableId }: PlanRequest,
  afterSequence: number,
  snapshotId: SnapshotId,
): Promise<IncrementStart> {
  if (!(await selectLakeCommitOfSnapshot(metadata.db, tableId, snapshotId))) throw snapshotRemoved(snapshotId)
  return await incrementAfter(metadata.db, tableId, afterSequence)
}

/** The files of a snapshot that may hold matching rows. @throws AppError 'source.removed', 'lake.corrupt' */
export async function findFiles(
  { reader }: Pick<LakeContext, 'reader'>,
  { files, metadata, definition }: TableBase,
  options: {
    readonly snapshotId: SnapshotId
    readonly predicates: readonly FilePredicate[]
    readonly since?: IncrementStart | undefined
  },
): Promise<{ readonly files: readonly DataFile[]; readonly skippedCount: number }> {
  const { snapshotId, predicates, since } = options
  const snapshot = snapshotById(metadata, BigInt(snapshotId))
  if (!snapshot) throw snapshotRemoved(snapshotId)
  const dayId = schemaOf(metadata).fields.find((field) => field.name === definition.dayColumn)?.id
  const found: DataFile[] = []
  let skippedCount = 0
  for (const manifest of await reader.manifests(files, snapshot)) {
    // Days of another column are nothing to compare with.
    const isByDay = dayId !== undefined && daySourceId(metadata, manifest.specId) === dayId
    if (isByDay && manifest.days && !mayMatchDays(predicates, manifest.days)) {
      skippedCount += liveFileCount(manifest)
      continue
    }
    if (since && manifest.existingFileCount === 0 && !since.snapshots.has(manifest.addedSnapshotId)) continue
    for (const entry of await reader.entries(files, manifest)) {
      if (since?.snapshots.has(entry.snapshotId) === false) continue
      const file = isByDay ? entry.file : { ...entry.file, day: null }
      if (matches(file, predicates, files.nameOf(manifest.path))) found.push(file)
      else skippedCount += 1
    }
  }
  return { files: found, skippedCount }
}

function matches(file: DataFile, predicates: readonly FilePredicate[], manifestName: string): boolean {
  try {
    return mayMatchFile(predicates, file)
  } catch (error) {
    throw corrupt(manifestName, 'has bounds that cannot be read', error)
  }
}

/** A column that is not there, or of a type without bounds, skips nothing. */
export function bindPredicates(
  predicates: readonly Predicate[],
  { definition, metadata }: TableBase,
): readonly FilePredicate[] {
  const struct = schemaOf(metadata)
  return predicates.flatMap((predicate) => bind(predicate, definition, struct) ?? [])
}

function bind(
  predicate: Predicate,
  table: TableDefinition,
  struct: IcebergStruct,
): FilePredicate | undefined {
  const column =
    struct.fields.find((field) => field.name === predicate.column) ??
    struct.fields.find((field) => field.name.toLowerCase() === predicate.column.toLowerCase())
  if (!column || typeof column.type !== 'string') return undefined
  return filePredicate(predicate, {
    id: column.id,
    type: column.type,
    isDayColumn: column.name === table.dayColumn,
  })
}

function columnsOf(table: TableDefinition, request: PlanRequest): readonly Field[] {
  const wanted = request.columns && new Set(request.columns)
  const unknown = request.columns?.find((name) => !table.schema.fields.some((field) => field.name === name))
  if (unknown !== undefined) {
    throw new AppError('query.unknown_column', `The table has no column ${JSON.stringify(unknown)}.`)
  }
  const columns = table.schema.fields.filter((field) => wanted?.has(field.name) ?? true)
  return request.withSystemColumns === true ? [...columns, ...systemColumns.fields] : columns
}

export function snapshotRemoved(snapshotId: SnapshotId): AppError {
  return new AppError('source.removed', `The table has no snapshot ${snapshotId} any more.`, {
    hint: 'It expired or was deleted. Read a newer one; what was delivered from it stays valid.',
  })
}
