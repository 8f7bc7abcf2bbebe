import { z } from 'zod'
import { pageShape } from './list.ts'

/** What people see of this API: documents as the reference platform writes them. */

const link = z.looseObject({ href: z.string(), method: z.string().optional() })
const links = z.record(z.string(), z.union([link, z.array(link)]))
const dateTime = z.string().describe('ISO 8601, UTC')

export const queryShape = z.looseObject({
  id: z.string(),
  request: z.looseObject({}).describe('What was asked for'),
  effectiveSQL: z.string().optional().describe('What is really run'),
  isCTAS: z.boolean(),
  isInsertInto: z.boolean(),
  state: z.enum(['SUBMITTED', 'IN_PROGRESS', 'SUCCESS', 'FAILED', 'KILLED', 'TIMEOUT']),
  created: dateTime,
  updated: dateTime,
  elapsedTime: z.number().describe('Milliseconds'),
  rowCount: z.number(),
  templateName: z.string().optional(),
  userId: z.string(),
  client: z.string(),
  copyURI: z.string().optional().describe('Where COPY has put the rows'),
  errors: z.array(
    z.object({ code: z.string(), message: z.string(), errorType: z.enum(['USER_ERROR', 'SYSTEM_ERROR']) }),
  ),
  version: z.literal(1),
  _links: links,
})

export const runShape = z.looseObject({
  id: z.string(),
  state: z.enum(['QUEUED', 'QUEUED_FOR_RETRY', 'IN_PROGRESS', 'SUCCESS', 'FAILED']),
  externalTrigger: z.boolean().describe('By hand, not by the schedule'),
  created: dateTime,
  version: z.literal(1),
  scheduleId: z.string(),
  trigger: z.looseObject({}).describe('Why it ran'),
  result: z.looseObject({}).optional().describe('What it did'),
  taskStatusList: z.array(z.looseObject({})).optional(),
  _links: links,
})

export const scheduleShape = z.looseObject({
  id: z.string(),
  userId: z.string(),
  updatedUserId: z.string(),
  state: z.enum(['REGISTERING', 'ENABLED', 'DISABLED']),
  isQuarantined: z.boolean(),
  query: z.looseObject({}),
  schedule: z.looseObject({
    schedule: z.string(),
    startDate: dateTime,
    endDate: dateTime.optional(),
    timeZone: z.string(),
    maxActiveRuns: z.literal(1),
  }),
  nextRun: dateTime.optional(),
  created: dateTime,
  updated: dateTime,
  version: z.literal(1),
  _links: links,
})

export const templateShape = z.looseObject({
  id: z.string(),
  name: z.string(),
  sql: z.string(),
  queryParameters: z.record(z.string(), z.string()),
  created: dateTime,
  updated: dateTime,
  userId: z.string(),
  lastUpdatedBy: z.string(),
  version: z.literal(1),
  _links: links,
})

/** What answers a new schedule: only what reads it later tells its times. */
export const registeringShape = scheduleShape.omit({ created: true, updated: true })

/** What a page of a list has beside its entries. */
export const listShape = z.looseObject({ _page: pageShape, _links: links, version: z.literal(1) })

export const acceptedShape = z.looseObject({ message: z.string(), statusCode: z.literal(202) })

export function accepted(message: string) {
  return { message, statusCode: 202 as const }
}
