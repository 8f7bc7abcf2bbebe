import type { BatchId } from '#base/ids.ts'
import type { BatchFigures, BatchRow } from '#metadata/batches.ts'
import type { DatasetRow } from '#metadata/datasets.ts'
import { structTypeFromJson } from '#types/data-type-json.ts'
import type { Batch, BatchError, Dataset } from './datasets.ts'

export function datasetOf(row: DatasetRow): Dataset {
  return {
    id: row.id,
    sandboxId: row.sandbox_id,
    name: row.name,
    description: row.description,
    tableName: row.table_name,
    tableId: row.table_id,
    schemaId: row.schema_id,
    schema: structTypeFromJson(row.columns),
    behavior: row.behavior,
    managedBy: row.managed_by,
    tags: row.tags as Dataset['tags'],
    properties: row.properties as Dataset['properties'],
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    createdBy: row.created_by,
  }
}

export function batchOf(row: BatchRow, figures: BatchFigures | undefined): Batch {
  return {
    id: row.id,
    datasetId: row.dataset_id,
    state: row.state,
    format: row.format,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    startedAt: row.started_at ?? (row.format === 'sql' ? row.created_at : undefined),
    completedAt: row.completed_at ?? undefined,
    recordCount: Number(row.record_count),
    failedRecordCount: Number(row.failed_record_count),
    bytes: Number(row.bytes),
    errors: row.errors as readonly BatchError[],
    tags: row.tags as Batch['tags'],
    createdBy: row.created_by ?? undefined,
    nodeId: row.node_id ?? undefined,
    externalId: row.external_id ?? undefined,
    isMultiLineJson: row.is_multi_line_json,
    takesNul: row.takes_nul,
    hasDiagnostics: row.has_diagnostics,
    partialIngestionPercentage: row.partial_ingestion_percentage,
    predecessors: row.predecessors as readonly BatchId[],
    replayReason: row.replay_reason ?? undefined,
    figures: figures ?? { inputBytes: 0, inputFileCount: 0, outputFileCount: 0 },
  }
}
