import { z } from 'zod'
import { type ListQuery, limitMax } from '#schemas/list.ts'

/** One or several of a parameter. */
const several = z
  .union([z.string(), z.array(z.string()).max(50)])
  .transform((given) => (typeof given === 'string' ? [given] : given))

export const listQuery = z.object({
  orderby: z.string().max(500).optional().describe('Fields with commas; `-` before one: descending'),
  limit: z
    .preprocess(
      (given) => (given === '' ? undefined : given),
      z.coerce
        .number()
        .int()
        .min(0)
        .optional()
        .transform((given) => given && Math.min(given, limitMax)),
    )
    .describe('A hint: a page closes between two values of the first sort field'),
  start: z
    .string()
    .max(1_000)
    .optional()
    .describe('The page begins after this value of the first sort field'),
  property: several.optional().describe('Conditions: `title==x`, `meta:extends!=x`, `title`'),
  properties: z.string().max(2_000).optional().describe('What the entries keep, with commas'),
})

export function listQueryOf(query: z.output<typeof listQuery>): ListQuery {
  const properties = query.properties?.split(',').map((name) => name.trim())
  return { ...query, properties: properties?.filter((name) => name !== '') }
}
