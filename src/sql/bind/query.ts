import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { longType, sparkName, voidType, type DataType } from '#types/data-type.ts'
import { isIntegral, wider, widerOf } from '#types/implicit-cast.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { Query, QueryBody } from '../parse/syntax.ts'
import type { BoundExpression, BoundQueryTree, CommonRelation, RelationColumn } from './bound.ts'
import { bindExpression } from './expression.ts'
import { bindOrderOfOutputs } from './order.ts'
import { castOutputs, outputsOf, renameOutputs, selectAll, unordered } from './outputs.ts'
import { convertedTo } from './resolve-call.ts'
import type { Scope } from './scope.ts'
import { bindSelect } from './select.ts'
import type { BindState, ExpressionPlace } from './state.ts'

/** Where a query stands. */
export interface QueryPlace {
  readonly state: BindState
  /** Tables of WITH that it may name, by lower-case name. */
  readonly commons: ReadonlyMap<string, CommonRelation>
  /** What its expressions may name besides its own tables. */
  readonly outer: Scope
}

export function bindQuery(query: Query, place: QueryPlace): BoundQueryTree {
  if (query.with.length === 0) return bindBody(query.body, query, place)
  const commons = new Map(place.commons)
  const own: CommonRelation[] = []
  for (const { name, columns, query: inner } of query.with) {
    const bound = bindQuery(inner, { ...place, commons })
    const common = { name, query: columns ? renameOutputs(bound, columns, place.state) : bound }
    own.push(common)
    commons.set(name.toLowerCase(), common)
  }
  const inner: QueryPlace = { ...place, commons }
  const bound = bindBody(query.body, query, inner)
  return { ...bound, with: [...own, ...bound.with] }
}

/** The body, with the ORDER BY and LIMIT that stand behind it. */
function bindBody(body: QueryBody, query: Query, place: QueryPlace): BoundQueryTree {
  const cut = {
    limit: query.limit === 'all' ? undefined : query.limit && bindRowCount(query.limit, place),
    offset: query.offset && bindRowCount(query.offset, place),
  }
  if (body.kind === 'select') return { ...bindSelect(body, query.orderBy, place), ...cut }
  const bound = bindTerm(body, place)
  const isBare = query.orderBy.length === 0 && cut.limit === undefined && cut.offset === undefined
  if (isBare) return bound
  // What is in parentheses may have an order and a limit of its own.
  const select = selectAll(bound, place.state)
  return { ...select, orderBy: bindOrderOfOutputs(select, query.orderBy, place), ...cut }
}

function bindTerm(body: QueryBody, place: QueryPlace): BoundQueryTree {
  switch (body.kind) {
    case 'select':
      return bindSelect(body, [], place)
    case 'query':
      return bindQuery(body, place)
    case 'values':
      return bindValues(body, place)
    case 'setOperation':
      return bindSetOperation(body, place)
  }
}

function bindSetOperation(
  body: Extract<QueryBody, { kind: 'setOperation' }>,
  place: QueryPlace,
): BoundQueryTree {
  const { operator, isAll, at } = body
  const left = bindTerm(body.left, place)
  const right = bindTerm(body.right, place)
  const [ones, others] = [outputsOf(left), outputsOf(right)]
  if (ones.length !== others.length) {
    throw new AppError(
      'query.type',
      `Both sides of ${operator.toUpperCase()} need as many columns: ${ones.length} and ${others.length} came.`,
      { position: at },
    )
  }
  const types = ones.map((one, index): DataType => {
    const other = must(others[index], 'as many columns')
    const type = wider(one.type, other.type)
    if (type) return type
    throw new AppError(
      'query.type',
      `Column ${one.name} of ${operator.toUpperCase()} is ${sparkName(one.type)} on one side and ${sparkName(other.type)} on the other.`,
      { position: at, hint: 'Cast one of them.' },
    )
  })
  const sides = [castOutputs(left, types, place.state), castOutputs(right, types, place.state)] as const
  const rightOutputs = outputsOf(sides[1])
  const columns = outputsOf(sides[0]).map((column, index): RelationColumn => ({
    ...column,
    definitions: [...column.definitions, ...(rightOutputs[index]?.definitions ?? [])],
  }))
  return { kind: 'setOperation', ...unordered, operator, isAll, left: sides[0], right: sides[1], columns }
}

function bindValues(body: Extract<QueryBody, { kind: 'values' }>, place: QueryPlace): BoundQueryTree {
  const inner = expressionPlace(place, 'VALUES')
  const rows = body.rows.map((row) => row.map((value) => bindExpression(value, inner)))
  const width = rows[0]?.length ?? 0
  if (rows.some((row) => row.length !== width)) {
    throw new AppError('query.type', 'The rows of VALUES need as many values each.', { position: body.at })
  }
  const types = Array.from({ length: width }, (_, index): DataType => {
    const met = widerOf(rows.map((row) => row[index]?.type ?? voidType))
    if (met) return met
    throw new AppError(
      'query.type',
      `The values of column ${index + 1} of VALUES have types that do not meet.`,
      {
        position: body.at,
      },
    )
  })
  const converted = rows.map((row) =>
    row.map((value, index) => convertedTo(place.state, value, types[index] ?? voidType)),
  )
  const columns = types.map((type, index) => {
    const name = `col${index + 1}`
    const definitions = converted.map((row) => must(row[index], 'rows are of one width'))
    return { name, key: name, type, definitions }
  })
  return { kind: 'values', ...unordered, rows: converted, columns }
}

function bindRowCount(expression: Expression, place: QueryPlace): BoundExpression {
  const value = bindExpression(expression, expressionPlace(place, 'LIMIT'))
  const count = convertedTo(place.state, value, longType)
  const isNegative = count.kind === 'literal' && count.value !== null && BigInt(String(count.value)) < 0n
  // A text that is a number is what some clients make of one.
  const isNumber = count.kind === 'literal' && count.value !== null && value.type.kind === 'string'
  const isCount =
    isIntegral(value.type) || value.type.kind === 'void' || value.kind === 'parameter' || isNumber
  if (isNegative || !isCount) {
    throw new AppError('query.value', 'LIMIT and OFFSET take a count of rows, a whole number from 0 on.', {
      position: expression.at,
    })
  }
  return count
}

/** A place without columns of its own. */
function expressionPlace({ state, commons, outer }: QueryPlace, placeName: string): ExpressionPlace {
  return {
    state,
    commons,
    scope: outer,
    lambdaVariables: new Map(),
    windows: new Map(),
    allows: { aggregates: false, windows: false, generators: false },
    placeName,
  }
}
