import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { Dataset, DatasetPage } from '#datasets/datasets.ts'
import { xdmProperties } from '#types/xdm-document.ts'
import { limit, start } from '../gateway/page.ts'
import { orderOf } from './order.ts'

const several = z
  .union([z.string(), z.array(z.string()).max(20)])
  .transform((given) => (typeof given === 'string' ? [given] : given))

export const dataSetsQuery = z.object({
  limit,
  start,
  name: z.string().optional(),
  property: several.optional().describe('`name==x`, `name~^x` or `schemaRef.id==x`'),
  properties: z.string().max(1_000).optional().describe('What the entries keep, with commas'),
  orderBy: z
    .string()
    .max(100)
    .optional()
    .describe('`desc:created`, `asc:updated`, `asc:name`, or several with commas'),
  tags: several.optional().describe('`<tag>:<value>`'),
})

const columns = { created: 'created_at', updated: 'updated_at', name: 'name' } as const

/** @throws AppError 'request.invalid' for a filter or order that is not known */
export function pageOf(query: z.output<typeof dataSetsQuery>): DatasetPage {
  const { limit, start, name, property = [], orderBy, tags = [] } = query
  return {
    limit,
    start,
    ...(name === undefined ? {} : { name }),
    ...Object.assign({}, ...property.map(conditionOf)),
    ...(orderBy === undefined || orderBy === '' ? {} : { orderBy: orderOf(orderBy, columns) }),
    ...(tags.length === 0 ? {} : { tags: tags.map(tagOf) }),
  }
}

function conditionOf(text: string): Partial<DatasetPage> {
  const [, field, operator, value = ''] = /^([\w.]+)(==|~)(.*)$/s.exec(text) ?? []
  if (field === 'name' && operator === '==') return { name: value }
  if (field === 'name' && operator === '~') return { namePattern: value }
  if (field === 'schemaRef.id' && operator === '==') return { schemaId: value }
  throw new AppError(
    'request.invalid',
    `property: ${JSON.stringify(text.slice(0, 100))} is no known condition.`,
    {
      hint: 'Write name==x, name~^x or schemaRef.id==x.',
    },
  )
}

function tagOf(text: string): { key: string; value: string } {
  const colon = text.indexOf(':')
  if (colon > 0) return { key: text.slice(0, colon), value: text.slice(colon + 1) }
  throw new AppError('request.invalid', `tags: ${JSON.stringify(text.slice(0, 100))} is not <tag>:<value>.`)
}

type Documents = Record<string, Record<string, unknown>>

/** Each document with the properties asked for only. */
export function trimmed(documents: Documents, properties: string | undefined): Documents {
  if (properties === undefined || properties === '') return documents
  const wanted = new Set(properties.split(',').map((name) => name.trim()))
  return Object.fromEntries(
    Object.entries(documents).map(([id, document]) => [
      id,
      Object.fromEntries(Object.entries(document).filter(([key]) => wanted.has(key))),
    ]),
  )
}

/** The fields rows can have here, as XDM. */
export function observableSchema(dataset: Dataset): Record<string, unknown> {
  return { type: 'object', 'meta:xdmType': 'object', properties: xdmProperties(dataset.schema) }
}
