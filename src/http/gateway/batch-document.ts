import type { Batch, Caller } from '#datasets/datasets.ts'

/** A batch as Catalog and ingestion show it. */
export function batchDocument({ principal, sandbox }: Caller, batch: Batch): Record<string, unknown> {
  return {
    status: batch.state,
    imsOrg: principal.organizationId,
    sandboxId: sandbox.id,
    created: batch.createdAt.getTime(),
    updated: batch.updatedAt.getTime(),
    ...(batch.completedAt === undefined ? {} : { completed: batch.completedAt.getTime() }),
    version: '1.0.0',
    recordCount: batch.recordCount,
    failedRecordCount: batch.failedRecordCount,
    size: batch.bytes,
    errors: batch.errors.map(({ code, description, rowCount }) => ({
      code,
      description,
      recordCount: rowCount,
    })),
    relatedObjects: [{ type: 'dataSet', id: batch.datasetId }],
    metrics: {
      outputRecordCount: batch.recordCount,
      failedRecordCount: batch.failedRecordCount,
      outputByteSize: batch.bytes,
    },
    tags: batch.tags,
    ...(batch.createdBy === undefined ? {} : { createdUser: batch.createdBy, updatedUser: batch.createdBy }),
    inputFormat: { format: batch.format },
    ...(batch.externalId === undefined ? {} : { externalId: batch.externalId }),
    ...(batch.nodeId === undefined ? {} : { 'sluice/node': batch.nodeId }),
  }
}
