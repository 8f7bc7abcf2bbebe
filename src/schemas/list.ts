import { AppError } from '#base/errors.ts'
import { isJson, type Json, textOr } from './json.ts'

/** As a list's query string says it. */
export interface ListQuery {
  /** `title`, `-title`, several with commas; absent: `updated`. */
  readonly orderby?: string | undefined
  /** A hint: a page closes only between two values of the first sort field. Absent: 300. */
  readonly limit?: number | undefined
  /** The page begins strictly after this value of the first sort field. */
  readonly start?: string | undefined
  /** Conditions that must all hold: `a==b`, `a!=b`, `a<b`, …, or `a` alone (it is there). */
  readonly property?: readonly string[] | undefined
  /** Names of what the entries keep. */
  readonly properties?: readonly string[] | undefined
}

export interface Page {
  readonly results: readonly Json[]
  readonly orderby: string
  /** The `start` of the next page, as text; null at the end. */
  readonly next: string | null
}

export interface Entry {
  /** What filters and order look at. */
  readonly whole: Json
  /** What the list shows; made only for the page. */
  readonly show: () => Json
}

export const limitDefault = 300
export const limitMax = 500
const conditionsMax = 20

/** @throws AppError 'request.invalid' */
export function pageOf(entries: readonly Entry[], query: ListQuery, isUnlimited = false): Page {
  const conditions = conditionsOf(query.property ?? [])
  const orderby = query.orderby === undefined || query.orderby === '' ? 'updated' : query.orderby
  const order = orderOf(orderby)
  const [first] = order
  const kept = entries
    .filter(({ whole }) => conditions.every((holds) => holds(whole)))
    .toSorted((a, b) => compareBy(a.whole, b.whole, order))
  const { start } = query
  const rest =
    start === undefined || start === '' || !first
      ? kept
      : kept.filter(({ whole }) => {
          const value = sortValue(whole, first.field)
          return sign(compare(value, typeof value === 'number' ? Number(start) : start), first) > 0
        })
  const wanted = isUnlimited && query.limit === undefined ? rest.length : (query.limit ?? limitDefault)
  let end = Math.min(Math.max(wanted, 1), rest.length)
  if (wanted === 0) end = 0
  const isSplit = (at: number): boolean => {
    const [before, after] = [rest[at - 1], rest[at]]
    if (!first || !before || !after) return false
    return compare(sortValue(before.whole, first.field), sortValue(after.whole, first.field)) === 0
  }
  while (isSplit(end)) end += 1
  const page = rest.slice(0, end)
  const last = page.at(-1)
  return {
    results: page.map(({ show }) => trimmed(show(), query.properties)),
    orderby,
    next: last && first && end < rest.length ? String(sortValue(last.whole, first.field)) : null,
  }
}

interface Order {
  readonly field: string
  readonly isDescending: boolean
}

function orderOf(orderby: string): Order[] {
  return orderby
    .split(',')
    .slice(0, 5)
    .map((name) => ({ field: name.replace(/^[+-]/, '').trim(), isDescending: name.startsWith('-') }))
    .filter(({ field }) => field !== '')
}

function sortValue(whole: Json, field: string): string | number {
  const metadata = whole['meta:registryMetadata']
  const value =
    field === 'updated' || field === 'created'
      ? isJson(metadata)
        ? metadata[field === 'updated' ? 'repo:lastModifiedDate' : 'repo:createdDate']
        : 0
      : whole[field]
  return typeof value === 'number' || typeof value === 'string' ? value : ''
}

function compareBy(a: Json, b: Json, order: readonly Order[]): number {
  for (const by of order) {
    const result = sign(compare(sortValue(a, by.field), sortValue(b, by.field)), by)
    if (result !== 0) return result
  }
  return compare(idOf(a), idOf(b))
}

function idOf(whole: Json): string {
  return textOr(whole['$id'] ?? whole['@id'], '')
}

function sign(result: number, { isDescending }: Order): number {
  return isDescending ? -result : result
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [left, right] = [String(a), String(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** A comma between two conditions also means AND; one inside a value is part of it. */
function conditionsOf(property: readonly string[]): ((whole: Json) => boolean)[] {
  const texts = property
    .flatMap((text) => text.split(/,(?=[\w:@.$-]+(?:[=!<>]=|[<>]))/))
    .filter((text) => text !== '')
  if (texts.length > conditionsMax) {
    throw new AppError('request.invalid', `A list takes at most ${conditionsMax} conditions.`)
  }
  return texts.map((text) => {
    const found = /^([\w:@.$/-]+?)\s*(==|!=|<=|>=|<|>)\s*(.*)$/s.exec(text)
    if (!found) {
      if (/^[\w:@.$/-]+$/.test(text)) return (whole) => valueAt(whole, text) !== undefined
      throw new AppError(
        'request.invalid',
        `property: ${JSON.stringify(text.slice(0, 100))} is no condition.`,
        {
          hint: 'Write name==value, name!=value or a name alone.',
        },
      )
    }
    const [, name = '', operator = '', expected = ''] = found
    return (whole) => holds(valueAt(whole, name), operator, expected)
  })
}

function valueAt(whole: Json, name: string): unknown {
  if (Object.hasOwn(whole, name)) return whole[name]
  let value: unknown = whole
  for (const step of name.split('.'))
    value = isJson(value) && Object.hasOwn(value, step) ? value[step] : undefined
  return value
}

/** Of an array `==` asks whether it contains the value. */
function holds(value: unknown, operator: string, expected: string): boolean {
  const isSame = Array.isArray(value)
    ? value.some((entry) => text(entry) === expected)
    : text(value) === expected
  if (operator === '==') return isSame
  if (operator === '!=') return !isSame
  if (typeof value !== 'number' && typeof value !== 'string') return false
  const result = compare(value, typeof value === 'number' ? Number(expected) : expected)
  switch (operator) {
    case '<':
      return result < 0
    case '<=':
      return result <= 0
    case '>':
      return result > 0
    default:
      return result >= 0
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function trimmed(entry: Json, properties: readonly string[] | undefined): Json {
  if (properties === undefined || properties.length === 0) return entry
  return Object.fromEntries(Object.entries(entry).filter(([key]) => properties.includes(key)))
}
