import type { Caller, Dataset } from '#datasets/datasets.ts'
import type { DatasetStatistics } from '../dependencies.ts'
import { asObject } from './change.ts'

/** A dataset as the Catalog tells of it. */
export function dataSetDocument(
  { principal, sandbox }: Caller,
  dataset: Dataset,
  numbers: DatasetStatistics | undefined,
): Record<string, unknown> {
  return {
    name: dataset.name,
    description: dataset.description,
    version: `1.0.${dataset.version}`,
    imsOrg: principal.organizationId,
    sandboxId: sandbox.id,
    created: dataset.createdAt.getTime(),
    updated: dataset.updatedAt.getTime(),
    createdUser: dataset.createdBy,
    updatedUser: dataset.createdBy,
    createdClient: 'sluice',
    viewId: dataset.id,
    aspect: 'production',
    state: 'ACTIVE',
    basePath: `adl://sluice/${dataset.id}`,
    files: `@/dataSetFiles?dataSetId=${dataset.id}`,
    enableErrorDiagnostics: false,
    ...dataset.properties,
    fileDescription: { persisted: true, containerFormat: 'parquet', format: 'parquet' },
    schemaRef: { id: dataset.schemaId, contentType: 'application/vnd.adobe.xed-full+json;version=1' },
    tags: {
      ...dataset.tags,
      'adobe/pqs/table': [dataset.tableName],
      'adobe/siphon/table/format': ['parquet'],
    },
    classification: { dataBehavior: dataset.behavior, managedBy: dataset.managedBy },
    extensions: {
      ...asObject(dataset.properties['extensions']),
      adobe_lakeHouse: {
        ...asObject(asObject(dataset.properties['extensions'])['adobe_lakeHouse']),
        metrics: { rowCount: numbers?.rowCount ?? 0, storageSize: numbers?.bytes ?? 0 },
      },
    },
    ...(numbers?.lastBatchId === undefined
      ? {}
      : { lastBatchId: numbers.lastBatchId, lastBatchStatus: numbers.lastBatchState }),
    ...(numbers?.lastSuccessfulBatchId === undefined
      ? {}
      : { lastSuccessfulBatch: numbers.lastSuccessfulBatchId }),
    ...(numbers?.lastFailedBatchId === undefined ? {} : { lastFailedBatch: numbers.lastFailedBatchId }),
  }
}
