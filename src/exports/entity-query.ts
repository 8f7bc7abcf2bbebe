import { AppError } from '#base/errors.ts'
import type { EntityPage, EntityQuery } from './exports.ts'

type Json = Record<string, unknown>

export const pageLimitMax = 100
const filtersMax = 20

/** One page of documents that match, in the order asked for; without an order, in the order given. */
export function pageOf(documents: readonly Json[], query: EntityQuery): EntityPage {
  const limit = query.limit ?? pageLimitMax
  if (!Number.isInteger(limit) || limit < 1 || limit > pageLimitMax)
    throw invalid(`limit is a number from 1 to ${pageLimitMax}.`)
  const filters = (query.property ?? []).filter((text) => text.trim() !== '').map(parseFilter)
  if (filters.length > filtersMax) throw invalid(`More than ${filtersMax} filters.`)
  const found = documents.filter((document) => filters.every((filter) => matches(document, filter)))
  const sorted = query.orderby ? found.toSorted(comparator(query.orderby)) : found
  const start = query.continuationToken ? startOf(sorted, query.continuationToken) : 0
  const end = start + limit
  return {
    items: query.count === true ? [] : sorted.slice(start, end),
    total: found.length,
    next: end < sorted.length ? tokenOf({ position: end, after: sorted[end - 1]?.['id'] }) : undefined,
  }
}

interface Filter {
  readonly path: readonly string[]
  readonly operator: '==' | '!=' | '>=' | '<=' | '>' | '<'
  readonly values: readonly string[]
}

/** The value that `path==value` asks for, when the query has such a filter. */
export function equalTo(query: EntityQuery, path: string): string | undefined {
  const filter = (query.property ?? [])
    .filter((text) => text.trim() !== '')
    .map(parseFilter)
    .find((filter) => filter.operator === '==' && filter.path.join('.') === path)
  return filter?.values.length === 1 ? filter.values[0] : undefined
}

function parseFilter(text: string): Filter {
  const match = /^([A-Za-z_][\w.[\]-]*)(==|!=|>=|<=|>|<)(.*)$/s.exec(text.trim())
  const [, path, operator, value] = match ?? []
  if (path === undefined || operator === undefined || value === undefined)
    throw invalid(
      `A filter is <path><operator><value> with == != > >= < <=, not ${JSON.stringify(text.slice(0, 80))}.`,
    )
  const isList = operator === '==' || operator === '!='
  if (!isList && value.includes(','))
    throw invalid(`${operator} takes one value, ${JSON.stringify(value.slice(0, 80))} came.`, 'FLOW-1443-400')
  return {
    // A step into a list is written `[]`; every element is looked at either way.
    path: path.replaceAll('[]', '').split('.'),
    operator: operator as Filter['operator'],
    values: isList ? value.split(',') : [value],
  }
}

function matches(document: Json, { path, operator, values }: Filter): boolean {
  const found = valuesAt(document, path)
  const isWord = ['status', 'state'].includes(path.at(-1) ?? '')
  const isEqual = (value: unknown) => values.some((wanted) => equals(value, wanted, isWord))
  if (operator === '==') return found.some(isEqual)
  if (operator === '!=') return !found.some(isEqual)
  return found.some((value) => {
    const order = compare(value, values[0] ?? '')
    if (order === undefined) return false
    if (operator === '>') return order > 0
    if (operator === '>=') return order >= 0
    return operator === '<' ? order < 0 : order <= 0
  })
}

function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((item) => valuesAt(item, path))
  const [step, ...rest] = path
  if (step === undefined) return value === undefined ? [] : [value]
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return []
  return valuesAt((value as Json)[step], rest)
}

function equals(value: unknown, wanted: string, ignoresCase: boolean): boolean {
  if (typeof value === 'number') return wanted.trim() !== '' && Number(wanted) === value
  const text = String(value)
  return typeof value === 'boolean' || ignoresCase
    ? text.toLowerCase() === wanted.toLowerCase()
    : text === wanted
}

function compare(value: unknown, wanted: string): number | undefined {
  if (typeof value === 'number') {
    const number = wanted.trim() === '' ? Number.NaN : Number(wanted)
    return Number.isNaN(number) ? undefined : value - number
  }
  if (typeof value !== 'string') return undefined
  return value < wanted ? -1 : value > wanted ? 1 : 0
}

function comparator(orderby: string): (one: Json, other: Json) => number {
  if (!/^\s*[+-]?[A-Za-z_][\w.]*(\s*,\s*[+-]?[A-Za-z_][\w.]*)*\s*$/.test(orderby))
    throw invalid(
      `orderby is a list of fields, each with + or - before it, not ${JSON.stringify(orderby.slice(0, 80))}.`,
      'FLOW-1432-400',
    )
  const keys = orderby
    .split(',')
    .map((text) => text.trim())
    .map((text) => ({ path: text.replace(/^[+-]/, '').split('.'), sign: text.startsWith('-') ? -1 : 1 }))
  return (one, other) => {
    for (const { path, sign } of keys) {
      const [left] = valuesAt(one, path)
      const [right] = valuesAt(other, path)
      if (left === right) continue
      if (left === undefined) return 1
      if (right === undefined) return -1
      const isPlain = typeof right === 'string' || typeof right === 'number'
      const order = (isPlain ? compare(left, String(right)) : undefined) ?? 0
      if (order !== 0) return order * sign
    }
    return 0
  }
}

/** Clients take the token as what follows the only `=` of a link: base64url without padding. */
function tokenOf(token: { readonly position: number; readonly after: unknown }): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url')
}

/** Behind what the page before ended with, wherever that is now; where that was, if it is gone. */
function startOf(sorted: readonly Json[], token: string): number {
  try {
    const { position, after } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Json
    const index = typeof after === 'string' ? sorted.findIndex(({ id }) => id === after) : -1
    if (index >= 0) return index + 1
    if (Number.isSafeInteger(position) && Number(position) >= 0) return Number(position)
  } catch {
    // Said below.
  }
  throw invalid('The continuationToken is none of ours.')
}

function invalid(message: string, flowCode = 'FLOW-1440-400'): AppError {
  return new AppError('flow.invalid', message, { detail: { flowCode } })
}
