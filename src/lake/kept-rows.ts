import { quoteIdentifier } from '#base/sql-text.ts'
import { selectLakeSnapshotTimes } from '#metadata/lake.ts'
import { groupFiles } from './file-groups.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { currentSnapshot, schemaOf } from './iceberg/table-metadata.ts'
import { ingestTimeId } from './increment.ts'
import type { LakeContext } from './lake-context.ts'
import { scanSql } from './scan-sql.ts'
import { systemColumns } from './system-columns.ts'
import type { TableBase } from './table-base.ts'
import { allColumns } from './table-definition.ts'
import type { ScanFile } from './table-files.ts'

/**
 * All columns of files that are rewritten. Rows of another engine may have no ingest time; until now the snapshot that
 * added their file told when they came in, so that from now on they have its time.
 */
export async function keptRows(
  context: LakeContext,
  base: TableBase,
  dataFiles: readonly DataFile[],
): Promise<{ readonly sql: string; readonly files: readonly ScanFile[] }> {
  const id = ingestTimeId(base.metadata)
  const byTime = new Map<number | undefined, DataFile[]>()
  const times = dataFiles.every((file) => file.nullCounts.get(id) === 0)
    ? undefined
    : await timesOfFiles(context, base)
  for (const file of dataFiles) {
    const time = file.nullCounts.get(id) === 0 ? undefined : (times?.get(file.path) ?? 0)
    byTime.set(time, [...(byTime.get(time) ?? []), file])
  }
  const parts: string[] = []
  const files: ScanFile[] = []
  const columns = allColumns(base.definition.schema).fields
  for (const [time, some] of byTime) {
    const groups = await groupFiles(context.reader, base.files, base.metadata, some)
    const scan = scanSql(groups, columns, schemaOf(base.metadata))
    const list = columns.map(({ name }) => (time === undefined ? quoteIdentifier(name) : timed(name, time)))
    parts.push(`SELECT ${list.join(', ')} FROM ${scan}`)
    files.push(...groups.flatMap((group) => group.files))
  }
  return { sql: `(${parts.join(' UNION ALL ')})`, files }
}

function timed(name: string, time: number): string {
  const column = quoteIdentifier(name)
  if (name !== systemColumns.fields[0]?.name) return column
  const [ingestTime, batch] = ['ingestTime', 'sourceBatchId'].map(
    (field) => `struct_extract(${column}, '${field}')`,
  )
  return `struct_pack("ingestTime" := coalesce(${ingestTime}, ${time}::BIGINT), "sourceBatchId" := ${batch}) AS ${column}`
}

/** When each file of the table came in. */
async function timesOfFiles(
  { reader, metadata: database }: LakeContext,
  { files, metadata, definition }: TableBase,
): Promise<ReadonlyMap<string, number>> {
  const snapshot = currentSnapshot(metadata)
  const ofSnapshots = await selectLakeSnapshotTimes(database.db, definition.id)
  const times = new Map<string, number>()
  for (const manifest of snapshot ? await reader.manifests(files, snapshot) : []) {
    for (const { file, snapshotId } of await reader.entries(files, manifest)) {
      times.set(file.path, ofSnapshots.get(String(snapshotId)) ?? 0)
    }
  }
  return times
}
