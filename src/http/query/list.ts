import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { PageOf, TimePage } from '#query/background.ts'
import { utcText } from './utc-text.ts'

/** As public clients send: empty parameters, Python's booleans, pages of a thousand. */
const absentWhenEmpty = (value: unknown) => (value === '' ? undefined : value)
const flag = (initial: boolean) =>
  z.preprocess(
    (value) => (typeof value === 'string' && value !== '' ? value.toLowerCase() === 'true' : undefined),
    z.boolean().default(initial),
  )
const limitMax = 1_000

export const listQuery = z.object({
  orderby: z
    .preprocess(absentWhenEmpty, z.string().max(100).default('-created'))
    .describe('`created` or `updated`, with `-` for newest first or `+`'),
  limit: z.preprocess(absentWhenEmpty, z.coerce.number().int().min(1).max(limitMax).default(20)),
  start: z
    .preprocess(absentWhenEmpty, z.string().max(120).optional())
    .describe('Where the page starts: a time of the order’s field, as links have it, or entries to skip'),
  property: z
    .preprocess(
      (value) => (Array.isArray(value) ? value : [value]).filter((text) => text !== '' && text !== undefined),
      z.array(z.string().max(4_000)).max(20),
    )
    .describe('Filters with commas between: all must hold'),
  isPrevLink: flag(false).describe('The page before `start`'),
})
export type ListQuery = z.output<typeof listQuery>

export const queriesQuery = listQuery.extend({
  excludeSoftDeleted: flag(true),
  excludeHidden: flag(true).describe('Leaves out what clients fetch by cursors'),
})

export const pageShape = z.looseObject({
  orderby: z.string(),
  start: z.string().optional(),
  next: z.string().optional(),
  count: z.number(),
})

export interface Order {
  readonly order: 'created' | 'updated'
  readonly page: TimePage
}

const time = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+ -]\d\d:?\d\d)?)?$/i
const place = /^(.+?)(?:_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))?$/

/** @throws AppError 'request.invalid' */
export function orderOf({ orderby, limit, start, isPrevLink }: ListQuery): Order {
  // A `+` that was not encoded arrives as a space.
  const [, sign, order] = /^([-+ ]|%2B)?(created|updated)$/i.exec(orderby) ?? []
  if (order !== 'created' && order !== 'updated') {
    throw new AppError('request.invalid', `orderby: ${JSON.stringify(orderby)} is no known order.`, {
      hint: 'Write created or updated, with - before it for newest first.',
    })
  }
  const page = { limit, isDescending: sign === '-', isPrevious: isPrevLink }
  return { order, page: start === undefined ? page : { ...page, start: startOf(start) } }
}

function startOf(text: string): NonNullable<TimePage['start']> {
  if (/^\d{1,9}$/.test(text)) return { kind: 'offset', count: Number(text) }
  const [, at = '', id] = place.exec(text) ?? []
  const date = instantOf(at)
  if (!date) {
    throw new AppError('request.invalid', `start: ${JSON.stringify(text)} is neither a time nor a number.`)
  }
  return { kind: 'from', at: date, ...(id === undefined ? {} : { id }) }
}

/** Milliseconds, or ISO 8601: of UTC without an offset. A `+` that was not encoded arrives as a space. */
function instantOf(text: string): Date | undefined {
  if (/^\d{10,15}$/.test(text)) return new Date(Number(text))
  if (!time.test(text)) return undefined
  const date = new Date(utcText(text.replace(' ', '+')))
  return Number.isNaN(date.getTime()) ? undefined : date
}

type Kind = 'time' | 'text' | 'list' | 'boolean'
export type Filters<Field extends string> = Readonly<
  Record<string, { readonly field: Field; readonly operators: readonly string[]; readonly kind: Kind }>
>

const listMax = 10

interface AnyFilter {
  readonly field: string
  readonly operator: string
  readonly values: readonly unknown[]
}

/** @throws AppError 'request.invalid' naming what can be filtered by */
export function filtersOf<Filter extends AnyFilter>(
  property: readonly string[],
  allowed: Filters<Filter['field']>,
): Filter[] {
  const texts = property.flatMap((text) => text.split(',')).filter((text) => text.trim() !== '')
  return texts.map((text) => {
    const [, name = '', operator = '', value = ''] = /^\s*(\w+)(==|!=|>=|<=|>|<|~)(.*)$/s.exec(text) ?? []
    const rule = Object.hasOwn(allowed, name) ? allowed[name] : undefined
    if (!rule?.operators.includes(operator)) {
      const known = Object.entries(allowed).map(([key, { operators }]) => `${key} (${operators.join(' ')})`)
      throw new AppError(
        'request.invalid',
        `property: ${JSON.stringify(text.slice(0, 100))} is no filter here.`,
        {
          hint: `There are ${known.join(', ')}.`,
        },
      )
    }
    // A part of a time is no time.
    const kind = operator === '~' ? 'text' : rule.kind
    const filter: AnyFilter = { field: rule.field, operator, values: valuesOf(kind, name, value.trim()) }
    return filter as Filter // The table of what is allowed says so.
  })
}

function valuesOf(kind: Kind, name: string, value: string): (string | Date | boolean)[] {
  switch (kind) {
    case 'list': {
      const values = value.split('||')
      if (values.length <= listMax) return values
      throw new AppError('request.invalid', `property: ${name} takes at most ${listMax} values.`)
    }
    case 'time': {
      const date = instantOf(value)
      if (date) return [date]
      throw new AppError(
        'request.invalid',
        `property: ${name} is compared with a time, not with ${JSON.stringify(value)}.`,
      )
    }
    case 'boolean':
      if (/^(?:true|false)$/i.test(value)) return [value.toLowerCase() === 'true']
      throw new AppError('request.invalid', `property: ${name} is true or false.`)
    default:
      return [value]
  }
}

interface Dated {
  readonly id: string
  readonly createdAt: Date
  readonly updatedAt?: Date
}

/** A page as all lists of this API are written. */
export function listDocument<Key extends string, Row extends Dated, Document>(
  list: {
    readonly path: string
    readonly key: Key
    readonly query: ListQuery
    readonly order: Order['order']
    /** What else was asked, which links must ask, too. */
    readonly flags?: Readonly<Record<string, boolean>>
  },
  { rows, next, hasPrevious }: PageOf<Row>,
  document: (row: Row) => Document,
  /** What tells entries of one time apart. */
  keyOf: (row: Row) => string = ({ id }) => id,
) {
  const { path, key, query, order, flags = {} } = list
  const timeOf = (row: Row) => (order === 'updated' ? (row.updatedAt ?? row.createdAt) : row.createdAt)
  const [first, last] = [rows[0], rows.at(-1)]
  /** A time, and where others of the same time stand around it the very entry. */
  const placeOf = (row: Row, neighbour: Row | undefined) => {
    const at = timeOf(row).toISOString()
    const isAlone = !neighbour || timeOf(neighbour).getTime() !== timeOf(row).getTime()
    return isAlone ? at : `${at}_${keyOf(row)}`
  }
  const href = (start: string, more = '') => {
    const property =
      query.property.length === 0 ? '' : `&property=${encodeURIComponent(query.property.join(','))}`
    const flagged = Object.entries(flags).map(([name, value]) => `&${name}=${value}`)
    return `${path}?orderby=${encodeURIComponent(query.orderby)}&start=${start}&limit=${query.limit}${property}${flagged.join('')}${more}`
  }
  // A page that was reached backwards ends where it was asked from.
  const from = query.isPrevLink && query.start !== undefined ? startOf(query.start) : undefined
  const back = from?.kind === 'from' ? from : undefined
  const backStart = back && `${back.at.toISOString()}${back.id === undefined ? '' : `_${back.id}`}`
  const nextStart = backStart ?? (next && placeOf(next, last))
  const nextAt = back?.at ?? (next && timeOf(next))
  const hasPrev = hasPrevious && first !== undefined
  return {
    [key]: rows.map(document),
    _page: {
      orderby: query.orderby,
      count: rows.length,
      ...(first ? { start: timeOf(first).toISOString() } : {}),
      ...(nextAt ? { next: nextAt.toISOString() } : {}),
      ...(query.property.length === 0 ? {} : { property: query.property.join(',') }),
    },
    _links: {
      ...(nextStart === undefined ? {} : { next: { href: href(nextStart) } }),
      ...(hasPrev
        ? { prev: { href: href(`${timeOf(first).toISOString()}_${keyOf(first)}`, '&isPrevLink=true') } }
        : {}),
    },
    version: 1,
  } as unknown as Record<Key, Document[]> & {
    _page: z.output<typeof pageShape>
    _links: Record<string, { href: string }>
    version: 1
  }
}
