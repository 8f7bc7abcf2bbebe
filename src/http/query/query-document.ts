import type { z } from 'zod'
import { meanings } from '#base/errors.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { LoggedQuery } from '#query/background.ts'
import { requestDocument } from './request.ts'
import type { queryShape } from './shapes.ts'

export const base = '/data/foundation/query'

export function queryDocument(caller: Caller, query: LoggedQuery): z.input<typeof queryShape> {
  const {
    id,
    request,
    effectiveSql,
    scheduleId,
    scheduleRunId,
    createdDataset,
    templateName,
    error,
    copyUri,
  } = query
  const self = `${base}/queries/${id}`
  const isUnderWay = query.state === 'SUBMITTED' || query.state === 'IN_PROGRESS'
  const dataset = (datasetId: string) => ({
    id: datasetId,
    href: `/data/foundation/catalog/dataSets/${datasetId}`,
  })
  const schedule = `${base}/schedules/${scheduleId ?? ''}`
  return {
    id,
    request: request
      ? requestDocument(caller, request)
      : { dbName: `${caller.sandbox.name}:all`, sql: query.sql },
    effectiveSQL: effectiveSql ?? query.sql,
    isCTAS: query.output === 'ctas',
    isInsertInto: query.output === 'insert',
    state: query.state,
    created: query.createdAt.toISOString(),
    updated: query.updatedAt.toISOString(),
    elapsedTime: query.elapsedMs,
    rowCount: query.rowCount,
    ...(templateName === undefined ? {} : { templateName }),
    userId: query.userId,
    client: query.client,
    ...(copyUri === undefined ? {} : { copyURI: copyUri }),
    ...(query.isDeleted ? { isSoftDeleted: true } : {}),
    errors: error ? [errorDocument(error)] : [],
    version: 1,
    _links: {
      self: { href: self, method: 'GET' },
      soft_delete: { href: self, method: 'PATCH', body: '{"op":"soft_delete"}' },
      ...(isUnderWay ? { cancel: { href: self, method: 'PATCH', body: '{"op":"cancel"}' } } : {}),
      referenced_datasets: query.referencedDatasets.map(dataset),
      ...(createdDataset === undefined ? {} : { created_dataset: dataset(createdDataset) }),
      ...(scheduleId === undefined ? {} : { schedule: { id: scheduleId, href: schedule, method: 'GET' } }),
      ...(scheduleRunId === undefined
        ? {}
        : { schedule_run: { id: scheduleRunId, href: `${schedule}/runs/${scheduleRunId}`, method: 'GET' } }),
    },
  }
}

export function errorDocument({ code, message }: NonNullable<LoggedQuery['error']>) {
  const { http, sqlState } = meanings[code]
  const errorType = http >= 500 ? ('SYSTEM_ERROR' as const) : ('USER_ERROR' as const)
  return { code: sqlState, message, errorType }
}
