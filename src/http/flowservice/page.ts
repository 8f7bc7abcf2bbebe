import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { ChangedEntity, EntityPage, EntityQuery } from '#exports/exports.ts'

const absentWhenEmpty = (value: unknown) => (value === '' ? undefined : value)

/** Clients send empty parameters, and booleans as Python writes them. */
export const listQuery = z.object({
  limit: z.preprocess(absentWhenEmpty, z.coerce.number().int().min(1).max(100).optional()),
  continuationToken: z.preprocess(absentWhenEmpty, z.string().max(1000).optional()),
  property: z
    .preprocess(
      (value) => (Array.isArray(value) ? value : [value]).filter((text) => text !== '' && text !== undefined),
      z.array(z.string().max(1000)).max(20),
    )
    .optional()
    .describe('`path==value`, repeatable: all must hold'),
  orderby: z.preprocess(absentWhenEmpty, z.string().max(200).optional()),
  count: z
    .preprocess(
      (value) => (typeof value === 'string' && value !== '' ? value.toLowerCase() : undefined),
      z.enum(['true', 'false']).optional(),
    )
    .describe('true: only the number'),
})

export const listAnswer = z.looseObject({
  items: z.array(z.looseObject({})).optional(),
  _links: z.looseObject({}).optional(),
  count: z.number().optional(),
})

export const oneAnswer = z.object({ items: z.array(z.looseObject({})) })
export const changeAnswer = z.object({
  id: z.string(),
  etag: z.string(),
  warnings: z.array(z.string()).optional().describe('Of a flow: what is odd about it. Ours'),
})

/** As answers are sent. */
export function changeDocument({ warnings, ...changed }: ChangedEntity): z.infer<typeof changeAnswer> {
  return { ...changed, ...(warnings ? { warnings: [...warnings] } : {}) }
}

export function entityQuery(query: z.infer<typeof listQuery>): EntityQuery {
  const { count, ...rest } = query
  if (count === 'true' && rest.limit !== undefined) {
    throw new AppError('flow.invalid', 'limit and count cannot be asked for together.', {
      detail: { flowCode: 'FLOW-1401-400' },
    })
  }
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return { ...given, ...(count === 'true' ? { count: true } : {}) }
}

/** `href` has exactly one `=`: clients split there to find the token. */
export function listDocument(
  resource: string,
  page: EntityPage,
  isCount: boolean,
): z.infer<typeof listAnswer> {
  if (isCount) return { count: page.total }
  return {
    items: [...page.items],
    _links: page.next === undefined ? {} : { next: { href: `/${resource}?continuationToken=${page.next}` } },
  }
}
