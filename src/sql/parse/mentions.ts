import type { TableName } from '../compile.ts'
import type { CallExpression } from './expression-syntax.ts'
import type { Query } from './syntax.ts'

export interface Mentions {
  readonly tables: readonly TableName[]
  readonly variables: readonly string[]
  readonly parameterCount: number
}

/** What a query's text names from outside: tables (common tables are its own), variables and parameters. */
export function findMentions(query: Query): Mentions {
  const tables = new Map<string, TableName>()
  const variables = new Set<string>()
  let parameterCount = 0
  const visit = (value: unknown, common: ReadonlySet<string>): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, common)
      return
    }
    if (typeof value !== 'object' || value === null) return
    const node = value as { readonly kind?: unknown } & Readonly<Record<string, unknown>>
    switch (node.kind) {
      case 'query':
        visitQuery(node as unknown as Query, common)
        return
      case 'table': {
        const name = node['name'] as TableName
        const key = name.parts.join('\0').toLowerCase()
        const isCommon = name.parts.length === 1 && common.has(key)
        if (!isCommon && !tables.has(key)) tables.set(key, name)
        visit(node['snapshot'], common)
        return
      }
      case 'call':
        addTested(node as unknown as CallExpression)
        visit(Object.values(node), common)
        return
      case 'variable':
        variables.add(String(node['name']))
        return
      case 'parameter':
        parameterCount = Math.max(parameterCount, Number(node['index']))
        return
      default:
        for (const child of Object.values(node)) visit(child, common)
    }
  }
  const addTested = ({ name, arguments: values, at }: CallExpression): void => {
    const [table] = values
    if (name.toLowerCase() !== 'table_exists' || table?.kind !== 'literal') return
    const parts = String(table.value).split('.')
    const key = parts.join('\0').toLowerCase()
    if (!tables.has(key)) tables.set(key, { parts, position: at })
  }
  const visitQuery = (query: Query, outer: ReadonlySet<string>): void => {
    let common = outer
    if (query.with.length > 0) {
      const own = new Set(outer)
      for (const table of query.with) {
        visit(table.query, own)
        own.add(table.name.toLowerCase())
      }
      common = own
    }
    visit([query.body, query.orderBy, query.limit, query.offset], common)
  }
  visitQuery(query, new Set())
  return { tables: [...tables.values()], variables: [...variables], parameterCount }
}
