import { AppError } from '#base/errors.ts'
import type { SnapshotId, TableId } from '#base/ids.ts'
import { selectLakeCommitOfSnapshot, selectLakeCommits } from '#metadata/lake.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Field } from '#types/data-type.ts'
import type { IcebergStruct } from '#types/iceberg.ts'
import type { DataFile, ManifestSummary } from './iceberg/manifest.ts'
import { schemaOf, snapshotById, type TableMetadata } from './iceberg/table-metadata.ts'
import type { PlanRequest, Predicate, ScanPlan } from './lake.ts'
import { type FilePredicate, filePredicate, mayMatchDays, mayMatchFile } from './predicate.ts'
import { scanSql } from './scan-sql.ts'
import { systemColumns } from './system-columns.ts'
import { definitionOf, knownTable, type TableDefinition } from './table-definition.ts'
import { corrupt, type TableFiles, tableFiles } from './table-files.ts'
import type { TableReader } from './table-reader.ts'

export interface PlanContext {
  readonly metadata: Metadata
  readonly lakeFolder: string
  readonly reader: TableReader
}

export async function plan(context: PlanContext, request: PlanRequest): Promise<ScanPlan> {
  const row = await knownTable(context.metadata.db, request.tableId)
  const table = definitionOf(row)
  const files = tableFiles(context.lakeFolder, table.datasetId)
  const metadata = await currentMetadata(context, files, row.metadata_file, request.tableId)
  const struct = schemaOf(metadata)
  const predicates = (request.predicates ?? []).flatMap((predicate) => bind(predicate, table, struct) ?? [])
  const found = await findFiles(context, { files, metadata, request, predicates })
  const named = found.files.map((file) => ({ name: files.nameOf(file.path), bytes: file.bytes }))
  await files.check(named)
  const paths = named.map((file) => files.path(file.name))
  return {
    sql: scanSql(paths, columnsOf(table, request), struct),
    files: paths,
    rowCount: found.files.reduce((sum, file) => sum + file.rowCount, 0),
    bytes: found.files.reduce((sum, file) => sum + file.bytes, 0),
    filesSkipped: found.skippedCount,
  }
}

/** A pointer that was just moved may name a file that is just being forgotten: then it is read once more. */
async function currentMetadata(
  { metadata, reader }: PlanContext,
  files: TableFiles,
  name: string,
  tableId: TableId,
): Promise<TableMetadata> {
  try {
    return await reader.metadata(files, name)
  } catch (error) {
    const row = await knownTable(metadata.db, tableId)
    if (row.metadata_file === name) throw error
    return await reader.metadata(files, row.metadata_file)
  }
}

async function findFiles(
  { metadata: database, reader }: PlanContext,
  options: {
    readonly files: TableFiles
    readonly metadata: TableMetadata
    readonly request: PlanRequest
    readonly predicates: readonly FilePredicate[]
  },
): Promise<{ readonly files: readonly DataFile[]; readonly skippedCount: number }> {
  const { files, metadata, request, predicates } = options
  const { snapshotId } = request
  if (snapshotId === undefined) return { files: [], skippedCount: 0 }
  const snapshot = snapshotById(metadata, BigInt(snapshotId))
  if (!snapshot) throw snapshotRemoved(snapshotId)
  const since =
    request.afterSequence === undefined
      ? undefined
      : await snapshotsSince(database, request.tableId, request.afterSequence, snapshotId)
  const found: DataFile[] = []
  let skippedCount = 0
  for (const manifest of await reader.manifests(files, snapshot['manifest-list'])) {
    if (since && !mayHoldAddedBy(since, manifest)) continue
    if (manifest.days && !mayMatchDays(predicates, manifest.days)) {
      skippedCount += manifest.addedFileCount + manifest.existingFileCount
      continue
    }
    for (const entry of await reader.entries(files, manifest)) {
      if (since && !since.has(entry.snapshotId)) continue
      if (matches(entry.file, predicates, files.nameOf(manifest.path))) found.push(entry.file)
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

/** Snapshots of the commits in (afterSequence, snapshot]; a rewriting of files adds no rows. */
async function snapshotsSince(
  metadata: Metadata,
  tableId: TableId,
  afterSequence: number,
  snapshotId: SnapshotId,
): Promise<ReadonlySet<bigint>> {
  const last = await selectLakeCommitOfSnapshot(metadata.db, tableId, snapshotId)
  if (!last) throw snapshotRemoved(snapshotId)
  const range = { after: afterSequence, upTo: last.sequence }
  const commits = await selectLakeCommits(metadata.db, tableId, range)
  return new Set(
    commits
      .filter((commit) => commit.operation !== 'replace')
      .flatMap((commit) => (commit.snapshot_id === null ? [] : [BigInt(commit.snapshot_id)])),
  )
}

function mayHoldAddedBy(snapshots: ReadonlySet<bigint>, manifest: ManifestSummary): boolean {
  return manifest.existingFileCount > 0 || snapshots.has(manifest.addedSnapshotId)
}

/** A column that is not there, or of a type without bounds, skips nothing. */
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
