import type { TextPosition } from '#base/errors.ts'
import { booleanType } from '#types/data-type.ts'
import type { TableName } from '../compile.ts'
import type { Expression } from './expression-syntax.ts'
import type { Query, Select } from './syntax.ts'

/** `SELECT value`. */
export function valueQuery(value: Expression): Query {
  return queryOf({ items: [{ value, alias: undefined, aliases: undefined }], at: value.at })
}

/** A select of the parts given and nothing else. */
export function queryOf(parts: Pick<Select, 'items' | 'at'> & Partial<Select>): Query {
  const body: Select = {
    kind: 'select',
    isDistinct: false,
    distinctOn: undefined,
    from: [],
    lateralViews: [],
    where: undefined,
    groupBy: [],
    having: undefined,
    qualify: undefined,
    windows: [],
    into: undefined,
    ...parts,
  }
  return {
    kind: 'query',
    with: [],
    body,
    orderBy: [],
    limit: undefined,
    offset: undefined,
    at: parts.at,
  }
}

/** `SELECT * FROM name`. */
export function wholeTable(name: TableName): Query {
  const at = name.position
  return queryOf({
    items: [{ value: { kind: 'star', qualifier: [], except: [], at }, alias: undefined, aliases: undefined }],
    from: [{ kind: 'table', name, alias: undefined, snapshot: undefined, isHistory: false, at }],
    at,
  })
}

export function booleanLiteral(value: boolean, at: TextPosition): Expression {
  return { kind: 'literal', type: booleanType, value, text: String(value), at }
}
