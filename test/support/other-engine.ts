import { checkTableMetadata, newSnapshotNumber } from '../../src/lake/iceberg/table-metadata.ts'
import { parseJson } from '../../src/lake/iceberg/json.ts'
import type { TableRequirement, TableUpdate } from '../../src/lake/iceberg/table-update.ts'
import type { LakeTable } from '../../src/lake/lake.ts'
import { nextSnapshot, writeAddition } from '../../src/lake/next-snapshot.ts'
import { readBase, type TableBase } from '../../src/lake/table-base.ts'
import { tableFiles } from '../../src/lake/table-files.ts'
import { tableReader } from '../../src/lake/table-reader.ts'
import { type KeptRows, type NewRows, writeDataFiles } from '../../src/lake/write-files.ts'
import { type DatasetId, newBatchId } from '../../src/base/ids.ts'
import type { TestLake } from './lake.ts'
import { numbersSql } from './lake-numbers.ts'

const signal = new AbortController().signal

export interface OtherChange {
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
}

/** An append of another engine: rows without system columns, files and manifests by itself, the commit by request. */
export async function changeElsewhere(
  place: TestLake,
  table: LakeTable,
  numbers: readonly number[],
): Promise<OtherChange> {
  const { metadata, files: lakeFiles } = place
  const base = await readBase({ metadata, lakeFiles, reader: tableReader() }, table.id)
  const sql = `SELECT *, NULL, NULL FROM (${numbersSql(numbers)})`
  return await appendTo(place, base, { kind: 'kept', source: { sql, files: [], pool: 'batch' } })
}

/** The first append to a table that is staged only: `metadata` is what the engine was told. */
export async function firstChangeElsewhere(
  place: TestLake,
  staged: { readonly json: string; readonly schema: LakeTable['schema'] },
  numbers: readonly number[],
): Promise<OtherChange> {
  const metadata = checkTableMetadata(parseJson(staged.json))
  const datasetId = metadata.location.slice(metadata.location.lastIndexOf('/') + 1) as DatasetId
  const definition = { datasetId, schema: staged.schema, dayColumn: 'timestamp', clusterBy: [] }
  const files = tableFiles(place.files, datasetId)
  // It has no row yet, and the writing asks for none.
  const base = { metadata, files, definition } as unknown as TableBase
  const { updates } = await appendTo(place, base, {
    // There are no system columns to be filled.
    kind: 'new',
    source: { sql: numbersSql(numbers), files: [], pool: 'batch' },
    batchId: newBatchId(),
    ingestTimeMs: 0,
    columns: staged.schema,
  })
  const uuid = { action: 'assign-uuid' as const, uuid: metadata['table-uuid'] }
  return { requirements: [], updates: [uuid, ...updates] }
}

async function appendTo(place: TestLake, base: TableBase, rows: NewRows | KeptRows): Promise<OtherChange> {
  const writeId = crypto.randomUUID()
  const snapshotId = newSnapshotNumber()
  const dataFiles = await writeDataFiles(place.engine, base, {
    writeId,
    rows,
    signal,
  })
  const addition = await writeAddition(base.files, base.metadata, { dataFiles, writeId, snapshotId })
  const next = await nextSnapshot(tableReader(), base, {
    operation: 'append',
    snapshotId,
    writeId,
    attempt: 1,
    addition,
    nowMs: place.clock.now().getTime(),
  })
  return { requirements: next!.requirements, updates: next!.updates }
}
