import type { Batch, Caller } from '#datasets/datasets.ts'

/** A batch as Catalog and ingestion show it. */
export function batchDocument({ principal, sandbox }: Caller, batch: Batch): Record<string, unknown> {
  return {
    status: batch.state,
    imsOrg: principal.organizationId,
    sandboxId: sandbox.id,
    created: batch.createdAt.getTime(),
    updated: batch.updatedAt.getTime(),
    ...(batch.startedAt === undefined ? {} : { started: batch.startedAt.getTime() }),
    ...(batch.completedAt === undefined ? {} : { completed: batch.completedAt.getTime() }),
    version: '1.0.0',
    recordCount: batch.recordCount,
    failedRecordCount: batch.failedRecordCount,
    size: batch.bytes,
    errors: batch.errors.map(({ code, description, rowCount }) => ({
      code,
      description,
      // Which rows they are is in the files of refused rows.
      rows: [],
      recordCount: rowCount,
    })),
    relatedObjects: [{ type: 'dataSet', id: batch.datasetId }],
    metrics: {
      outputRecordCount: batch.recordCount,
      failedRecordCount: batch.failedRecordCount,
      inputRecordCount: batch.recordCount + batch.failedRecordCount,
      inputByteSize: batch.figures.inputBytes,
      inputFileCount: batch.figures.inputFileCount,
      outputByteSize: batch.recordCount > 0 ? batch.bytes : 0,
      outputFileCount: batch.figures.outputFileCount,
    },
    tags: { ...batch.tags, ...ingestionTags(batch) },
    ...(batch.createdBy === undefined ? {} : { createdUser: batch.createdBy, updatedUser: batch.createdBy }),
    inputFormat: {
      format: batch.format,
      ...(batch.format === 'json' ? { isMultiLineJson: batch.isMultiLineJson } : {}),
      ...(batch.takesNul ? { takesNul: true } : {}),
    },
    ...(batch.predecessors.length === 0
      ? {}
      : { replay: { predecessors: batch.predecessors, reason: batch.replayReason ?? 'replace' } }),
    ...(batch.externalId === undefined ? {} : { externalId: batch.externalId }),
    ...(batch.nodeId === undefined ? {} : { 'sluice/node': batch.nodeId }),
  }
}

/** How rows that do not fit are dealt with; a statement's all fit. */
function ingestionTags({ format, hasDiagnostics, partialIngestionPercentage }: Batch): object {
  if (format === 'sql') return {}
  return {
    acp_enableErrorDiagnostics: hasDiagnostics,
    acp_partialIngestionPercent: partialIngestionPercentage,
  }
}
