import { z } from 'zod'
import { absentWhenEmpty, start } from '../gateway/page.ts'

/** As the reference platform has it: clients ask once and take what comes for all there is. */
const limit = z
  .preprocess(absentWhenEmpty, z.coerce.number().int().min(1).max(100).default(100))
  .describe('Entries of a page, at most 100')

/** Parameters of lists. */
export const paging = { limit, start }

/** A page of a list, with where the next one is, if there is one, and any other. */
export function pageOf<T>(
  entries: readonly T[],
  {
    url,
    path,
    limit: count,
    start: first,
  }: {
    readonly url: string
    readonly path?: string | undefined
    readonly limit: number
    readonly start: number
  },
  documentOf: (entry: T) => Record<string, unknown>,
): Record<string, unknown> {
  const place = path === undefined ? `${url}?` : `${url}?path=${encodeURIComponent(path)}&`
  const next =
    first + count < entries.length ? { href: `${place}start=${first + count}&limit=${count}` } : undefined
  return {
    data: entries.slice(first, first + count).map(documentOf),
    _page: { limit: count, count: entries.length },
    _links: {
      ...(next ? { next } : {}),
      page: { href: `${place}start={start}&limit={limit}`, templated: true },
    },
  }
}
