import { AppError } from '#base/errors.ts'
import { monthsLater } from '#jobs/monthly.ts'
import { destinationKindOf } from '../destination-specs.ts'
import type { EntityKind } from '../entity-kind.ts'
import type {
  ConnectionDocument,
  EntityDocuments,
  FlowDocument,
  TargetConnectionDocument,
} from '../documents/entity-schemas.ts'
import { strictHint } from '../documents/strict-hint.ts'

const monthsOfSchedule = 6
const strictHours = [3, 6, 8, 9, 12]

/**
 * What the reference platform itself would refuse, for organisations that keep to its limits.
 * @throws AppError 'flow.invalid', 'flow.incomplete'
 */
export function checkCompatibility<K extends EntityKind>(
  kind: K,
  body: unknown,
  document: EntityDocuments[K],
) {
  checkSpecVersion(body, 'flowSpec')
  if (kind === 'connections') checkKind(document as ConnectionDocument)
  if (kind === 'targetConnections') {
    checkKind(document as TargetConnectionDocument)
    checkFiles(document as TargetConnectionDocument, body)
  }
  if (kind === 'flows') checkSchedule(document as FlowDocument)
}

/** @throws AppError 'flow.incomplete' */
export function checkSpecVersion(body: unknown, spec: 'connectionSpec' | 'flowSpec'): void {
  const { [spec]: sent } = body as { readonly [key: string]: { readonly version?: unknown } | undefined }
  if (sent !== undefined && sent.version === undefined)
    throw new AppError('flow.incomplete', `/${spec}: 'version' is required for spec info.`)
}

function checkKind({ connectionSpec }: { readonly connectionSpec: { readonly id: string } }): void {
  if (destinationKindOf(connectionSpec.id) === 'local')
    throw strict('/connectionSpec/id', 'is of a cloud destination: the platform has no local folder')
}

/** Parameters of target connections that are ours. */
const oursOfFiles = ['fileBytesMax', 'recordTimeFolders', 'completionMarker', 'objectLock'] as const
/** And of schedules. */
const oursOfSchedules = ['startsWith', 'recordDaysMax', 'priority'] as const

function checkFiles({ connectionSpec, params }: TargetConnectionDocument, body: unknown): void {
  const { datasetFileType, compression } = params
  const kind = destinationKindOf(connectionSpec.id)
  const { params: sent = {} } = body as { readonly params?: Readonly<Record<string, unknown>> }
  if (sent['mode'] === undefined) throw strict('/params/mode', 'is required')
  if (kind !== 'sftp' && sent['path'] === undefined) throw strict('/params/path', 'is required')
  if (kind === 'azure' && params.path === '') throw strict('/params/path', 'is not empty')
  const ours = oursOfFiles.find((key) => params[key] !== undefined)
  if (ours !== undefined) throw strict(`/params/${ours}`, 'is no parameter of the platform')
  if (params.includeSystemColumns)
    throw strict('/params/includeSystemColumns', 'is no parameter of the platform')
  if (datasetFileType === 'CSV') throw strict('/params/datasetFileType', 'is JSON or PARQUET')
  if (compression === undefined) throw strict('/params/compression', 'is required')
  if (compression !== 'NONE' && compression !== 'GZIP') throw strict('/params/compression', 'is NONE or GZIP')
  if (datasetFileType === 'JSON' && compression === 'NONE')
    throw strict('/params/compression', 'is GZIP for files of JSON')
}

function checkSchedule({ scheduleParams }: FlowDocument): void {
  const { exportMode, timeUnit, interval } = scheduleParams
  const ours = oursOfSchedules.find((key) => scheduleParams[key] !== undefined)
  if (ours !== undefined) throw strict(`/scheduleParams/${ours}`, 'is no parameter of the platform')
  const isOnce = timeUnit === 'day' && interval === 0
  if (exportMode === 'DAILY_FULL_EXPORT') {
    if (isOnce) return
    throw strict('/scheduleParams/interval', 'is 0 with timeUnit day: full exports are made once')
  }
  if (timeUnit === 'day' && interval === 1) return
  if (timeUnit === 'hour' && strictHours.includes(interval)) return
  throw strict(
    '/scheduleParams/interval',
    `is 1 with timeUnit day, or one of ${strictHours.join(', ')} with timeUnit hour`,
  )
}

/** A schedule without an end has one there, half a year after it was made, or after a beginning that comes later still. */
export function withEnd(document: FlowDocument, now: Date): FlowDocument {
  const { scheduleParams } = document
  if (scheduleParams.endTime !== undefined || scheduleParams.interval === 0) return document
  const end = [now, new Date(scheduleParams.startTime * 1_000)]
    .map((at) => Math.floor(monthsLater(at, monthsOfSchedule).getTime() / 1_000))
    .find((seconds) => seconds > scheduleParams.startTime)
  return {
    ...document,
    scheduleParams: { ...scheduleParams, ...(end === undefined ? {} : { endTime: end }) },
  }
}

function strict(field: string, what: string): AppError {
  return new AppError('flow.invalid', `${field} ${what}.`, {
    hint: strictHint,
    detail: { field },
  })
}
