import { AppError, type TextPosition } from '#base/errors.ts'
import { comparedAs } from '#types/implicit-cast.ts'
import type { FromItem, JoinType } from '../parse/syntax.ts'
import type { BoundExpression } from './bound.ts'
import { bindCondition } from './expression.ts'
import { bindFromItem, type BoundSource } from './from.ts'
import type { QueryPlace } from './query.ts'
import { callByName } from './resolve-call.ts'
import type { ScopeColumn } from './scope.ts'

type Join = Extract<FromItem, { kind: 'join' }>

export function bindJoin(join: Join, place: QueryPlace, outerLeft: readonly ScopeColumn[]): BoundSource {
  const left = bindFromItem(join.left, place, outerLeft)
  const right = bindFromItem(join.right, place, [...outerLeft, ...left.columns])
  const shared = sharedNames(join, left, right)
  const merged = shared && mergedColumns(shared, { join, left, right, place })
  const condition = merged ? merged.condition : bindOn(join, place, [...left.columns, ...right.columns])
  const type = join.type === 'inner' && !condition ? 'cross' : join.type
  if (!condition && type !== 'cross') {
    throw new AppError('query.syntax', `A ${type} join needs ON or USING.`, { position: join.at })
  }
  const keepsRight = join.type !== 'semi' && join.type !== 'anti'
  const columns = merged
    ? merged.columns.filter((column) => keepsRight || !right.columns.includes(column))
    : [...left.columns, ...(keepsRight ? right.columns : [])]
  return {
    from: { kind: 'join', type, left: left.from, right: right.from, condition },
    columns: join.alias
      ? columns.map((column) => ({ ...column, qualifiers: [join.alias?.name ?? ''] }))
      : columns,
  }
}

function bindOn(join: Join, place: QueryPlace, columns: readonly ScopeColumn[]): BoundExpression | undefined {
  if (join.condition.kind !== 'on') return undefined
  return bindCondition(join.condition.value, {
    state: place.state,
    commons: place.commons,
    scope: { columns, aliases: [], parent: place.outer },
    lambdaVariables: new Map(),
    windows: new Map(),
    allows: { aggregates: false, windows: false, generators: false },
    placeName: 'ON',
  })
}

interface SharedName {
  readonly name: string
  readonly at: TextPosition
}

function sharedNames(
  { condition, at }: Join,
  left: BoundSource,
  right: BoundSource,
): readonly SharedName[] | undefined {
  if (condition.kind === 'using') return condition.columns
  if (condition.kind !== 'natural') return undefined
  const names = new Set(right.columns.map((column) => column.name.toLowerCase()))
  return left.columns
    .filter((column) => names.has(column.name.toLowerCase()))
    .map(({ name }) => ({ name, at }))
}

interface Sides {
  readonly join: Join
  readonly left: BoundSource
  readonly right: BoundSource
  readonly place: QueryPlace
}

/** Each shared name is one column, first in the result; the two it was made of are reached by their tables' names. */
function mergedColumns(
  names: readonly SharedName[],
  { join, left, right, place }: Sides,
): { readonly condition: BoundExpression | undefined; readonly columns: readonly ScopeColumn[] } {
  const merged: ScopeColumn[] = []
  let condition: BoundExpression | undefined
  const hidden = new Set<ScopeColumn>()
  for (const { name, at } of names) {
    const site = { state: place.state, at }
    const [one, other] = [columnNamed(left, name, at), columnNamed(right, name, at)]
    if (!comparedAs(one.value.type, other.value.type)) {
      throw new AppError('query.type', `The columns ${name} of both sides cannot be compared.`, {
        position: at,
      })
    }
    const isEqual = callByName(site, '=', [one.value, other.value])
    condition = condition ? callByName(site, 'and', [condition, isEqual]) : isEqual
    hidden.add(one).add(other)
    merged.push({
      name: one.name,
      qualifiers: [],
      value: mergedValue(join.type, one.value, other.value, site),
      isHidden: false,
    })
  }
  const hide = (column: ScopeColumn): ScopeColumn =>
    hidden.has(column) ? { ...column, isHidden: true } : column
  return { condition, columns: [...merged, ...left.columns.map(hide), ...right.columns.map(hide)] }
}

function mergedValue(
  type: JoinType,
  left: BoundExpression,
  right: BoundExpression,
  site: { readonly state: QueryPlace['state']; readonly at: TextPosition },
): BoundExpression {
  if (type === 'right') return right
  return type === 'full' ? callByName(site, 'coalesce', [left, right]) : left
}

function columnNamed({ columns }: BoundSource, name: string, at: TextPosition): ScopeColumn {
  const found = columns.filter(
    (column) => !column.isHidden && column.name.toLowerCase() === name.toLowerCase(),
  )
  const [first] = found
  if (first && found.length === 1) return first
  throw new AppError(
    'query.unknown_column',
    first
      ? `The column ${name} of USING is ambiguous.`
      : `USING names the column ${name}, which one side does not have.`,
    { position: at },
  )
}
