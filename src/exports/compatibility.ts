import { AppError } from '#base/errors.ts'
import type { EntityDocuments, FlowDocument, TargetConnectionDocument } from './entity-schemas.ts'
import type { EntityKind } from './exports.ts'

const monthsOfSchedule = 6
const strictHours = [3, 6, 8, 9, 12, 24]

/**
 * What the reference platform itself would refuse, for organisations that keep to its limits.
 * @throws AppError 'flow.invalid', 'flow.incomplete'
 */
export function checkCompatibility<K extends EntityKind>(
  kind: K,
  body: unknown,
  document: EntityDocuments[K],
) {
  const sent = body as { readonly [key: string]: { readonly version?: unknown } | undefined }
  for (const spec of ['connectionSpec', 'flowSpec']) {
    if (sent[spec] !== undefined && sent[spec].version === undefined)
      throw new AppError('flow.incomplete', `/${spec}: 'version' is required for spec info.`)
  }
  if (kind === 'targetConnections') checkFiles(document as TargetConnectionDocument)
  if (kind === 'flows') checkSchedule(document as FlowDocument)
}

function checkFiles({ params }: TargetConnectionDocument): void {
  const { datasetFileType, compression } = params
  if (datasetFileType === 'CSV') throw strict('/params/datasetFileType', 'is JSON or PARQUET')
  if (compression === undefined) throw strict('/params/compression', 'is required')
  if (compression !== 'NONE' && compression !== 'GZIP') throw strict('/params/compression', 'is NONE or GZIP')
  if (datasetFileType === 'JSON' && compression === 'NONE')
    throw strict('/params/compression', 'is GZIP for files of JSON')
}

function checkSchedule({ scheduleParams }: FlowDocument): void {
  const { exportMode, timeUnit, interval } = scheduleParams
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

/** A schedule without an end has one there, half a year on. */
export function withEnd(document: FlowDocument, now: Date): FlowDocument {
  const { scheduleParams } = document
  if (scheduleParams.endTime !== undefined || scheduleParams.interval === 0) return document
  const end = new Date(Math.max(now.getTime(), scheduleParams.startTime * 1_000))
  end.setUTCMonth(end.getUTCMonth() + monthsOfSchedule)
  return { ...document, scheduleParams: { ...scheduleParams, endTime: Math.floor(end.getTime() / 1_000) } }
}

function strict(field: string, what: string): AppError {
  return new AppError('flow.invalid', `${field} ${what}.`, {
    hint: 'Your organisation keeps to the limits of the reference platform; its setting isStrict lifts them.',
    detail: { field },
  })
}
