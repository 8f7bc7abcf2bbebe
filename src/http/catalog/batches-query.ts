import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { parseId } from '#base/ids.ts'
import { isStorable } from '#base/storable-moment.ts'
import type { BatchPage, BatchState } from '#datasets/datasets.ts'
import { limit, start } from '../gateway/page.ts'
import { orderOf } from './order.ts'

export const batchesQuery = z.object({
  limit,
  start,
  dataSet: z.string().optional(),
  status: z.string().max(200).optional().describe('One state or several with commas'),
  createdAfter: z.string().max(40).optional().describe('Milliseconds or ISO 8601; later ones only'),
  createdBefore: z.string().max(40).optional().describe('Milliseconds or ISO 8601; earlier ones only'),
  orderBy: z.string().max(100).optional().describe('`desc:created`, `asc:updated`, or several with commas'),
  properties: z.string().max(1_000).optional().describe('What the entries keep, with commas'),
})

/** What clients ask for, as the states here; those of steps that batches do not stop at match nothing. */
const statesOf: Readonly<Record<string, readonly BatchState[]>> = {
  abandoned: ['abandoned'],
  aborted: ['aborted'],
  active: ['success'],
  archived: [],
  deleted: [],
  failed: ['failed'],
  failure: ['failed'],
  inactive: ['inactive'],
  loaded: [],
  loading: ['loading'],
  processing: ['processing'],
  queued: ['queued'],
  retained: [],
  retrying: [],
  staged: [],
  staging: [],
  stalled: [],
  success: ['success'],
}

const columns = { created: 'created_at', updated: 'updated_at' } as const

/** @throws AppError 'request.invalid' for a state, time or order that is none */
export function batchPageOf(query: z.output<typeof batchesQuery>): BatchPage {
  const { limit, start } = query
  const given = (name: 'createdAfter' | 'createdBefore' | 'dataSet' | 'orderBy' | 'status') =>
    query[name] === '' ? undefined : query[name]
  const [dataSet, status, orderBy] = [given('dataSet'), given('status'), given('orderBy')]
  const [after, before] = [given('createdAfter'), given('createdBefore')]
  return {
    limit,
    start,
    ...(dataSet === undefined ? {} : { datasetId: parseId('dataset', dataSet) }),
    ...(status === undefined ? {} : { states: status.split(',').flatMap(stateOf) }),
    ...(after === undefined ? {} : { createdAfter: timeOf('createdAfter', after) }),
    ...(before === undefined ? {} : { createdBefore: timeOf('createdBefore', before) }),
    ...(orderBy === undefined ? {} : { orderBy: orderOf(orderBy, columns) }),
  }
}

function stateOf(text: string): readonly BatchState[] {
  const name = text.trim().toLowerCase()
  const states = Object.hasOwn(statesOf, name) ? statesOf[name] : undefined
  if (states) return states
  throw new AppError(
    'request.invalid',
    `status: ${JSON.stringify(text.slice(0, 40))} is no state of batches.`,
    {
      hint: `There are ${Object.keys(statesOf).join(', ')}.`,
    },
  )
}

function timeOf(name: string, text: string): Date {
  const at = new Date(/^\d{1,15}$/.test(text) ? Number(text) : text)
  if (isStorable(at)) return at
  throw new AppError('request.invalid', `${name}: ${JSON.stringify(text)} is no time.`)
}
