import { AppError, type TextPosition } from '#base/errors.ts'
import { sparkName, type Field, type StructType } from '#types/data-type.ts'
import { findFunction } from '../functions/registry.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { BoundExpression } from './bound.ts'
import { fieldOf, stringOf } from './build.ts'
import { withVariables } from './constants.ts'
import { bindExpression } from './expression.ts'
import { callByName } from './resolve-call.ts'
import { partitionColumn } from './partition-column.ts'
import { resolvePath, unknownColumn } from './scope.ts'
import type { BindState, ExpressionPlace } from './state.ts'
import { suggestion } from './suggest.ts'

type PathExpression = Extract<Expression, { kind: 'name' | 'field' }>
type Name = Extract<Expression, { kind: 'name' }>

/** Functions that SQL writes without parentheses; a column of that name comes first. */
const bareFunctions = [
  'current_date',
  'current_timestamp',
  'current_user',
  'current_role',
  'user',
  'session_user',
  'current_database',
  'current_catalog',
  'localtimestamp',
]

/** `column`, `table.column`, `column.field.field`: as many parts as name a column, then fields. */
export function bindPath(expression: PathExpression, place: ExpressionPlace): BoundExpression {
  const fields: { name: string; at: TextPosition }[] = []
  let root: Expression = expression
  while (root.kind === 'field') {
    fields.unshift({ name: root.name, at: root.at })
    root = root.base
  }
  if (root.kind !== 'name') {
    return withFields(bindExpression(root, place), fields, place.state)
  }
  const lambdaVariable = place.lambdaVariables.get(root.name.toLowerCase())
  if (lambdaVariable) return withFields(lambdaVariable, fields, place.state)
  const parts = [root.name, ...fields.map((field) => field.name)]
  const resolved = resolvePath(place.scope, parts, root.at)
  if (resolved) {
    const { value, rest } = resolved
    const named = value.kind === 'column' ? { ...value, at: root.at } : value
    return withFields(named, fields.slice(rest - 1), place.state)
  }
  const leaf = place.state.context.isOfView ? flattenedLeaf(expression, parts, place) : undefined
  if (leaf) return leaf
  const partition = partitionColumn(parts, root.at, place)
  if (partition) return partition
  const other = fields.length === 0 ? otherMeaning(root, place) : undefined
  if (other) return other
  throw unknownColumn(place.scope, parts, root.at)
}

/** What `"commerce.order.priceTotal"` means where structs are flattened. */
function flattenedLeaf(
  { at }: PathExpression,
  parts: readonly string[],
  { scope, state }: ExpressionPlace,
): BoundExpression | undefined {
  const names = parts.flatMap((part) => part.split('.'))
  const resolved = names.length > parts.length ? resolvePath(scope, names, at) : undefined
  if (resolved?.value.type.kind !== 'struct') return undefined
  const fields = names.slice(resolved.rest).map((name) => ({ name, at }))
  return withFields(resolved.value, fields, state)
}

/** What a name that is no column can be: a function without parentheses, a text in double quotes. */
function otherMeaning(name: Name, place: ExpressionPlace): BoundExpression | undefined {
  if (name.quote === '"') return stringOf(withVariables(name.name, place.state.context.variables))
  const lower = name.name.toLowerCase()
  if (name.quote !== undefined || !bareFunctions.includes(lower) || !findFunction(lower)) return undefined
  return callByName({ state: place.state, at: name.at }, lower, [])
}

function withFields(
  base: BoundExpression,
  fields: readonly { readonly name: string; readonly at: TextPosition }[],
  state: BindState,
): BoundExpression {
  return fields.reduce((value, field) => accessField(value, field.name, { state, at: field.at }), base)
}

/** What an attribution calls its fraction was called percentage once. */
function fractionOfTouch({ fields }: StructType): Field | undefined {
  const isTouch = fields.map((field) => field.name).join() === 'name,value,timestamp,fraction'
  return isTouch ? fields[3] : undefined
}

/**
 * A struct's field (upper or lower case), a map's value by key, or the list of a field of the structs in an array.
 * @throws AppError 'query.unknown_column', 'query.type'
 */
export function accessField(
  base: BoundExpression,
  name: string,
  site: { readonly state: BindState; readonly at: TextPosition },
): BoundExpression {
  const { type } = base
  switch (type.kind) {
    case 'struct': {
      const field =
        type.fields.find((field) => field.name === name) ??
        type.fields.find((field) => field.name.toLowerCase() === name.toLowerCase()) ??
        (name.toLowerCase() === 'percentage' ? fractionOfTouch(type) : undefined)
      if (field) return fieldOf(base, field.name, field.type)
      const names = type.fields.map((field) => field.name)
      throw new AppError(
        'query.unknown_column',
        `No such struct field ${name} in ${names.slice(0, 20).join(', ')}.`,
        {
          position: site.at,
          hint: suggestion(name, names),
        },
      )
    }
    case 'map':
      return callByName(site, '.', [base, stringOf(name)])
    case 'array': {
      const item: BoundExpression = {
        kind: 'lambdaVariable',
        name: site.state.nextAlias(),
        type: type.element,
      }
      const body = accessField(item, name, site)
      return callByName(site, 'transform', [
        base,
        { kind: 'lambda', parameters: [item.name], body, type: body.type },
      ])
    }
    default:
      throw new AppError('query.type', `A value of type ${sparkName(type)} has no field ${name}.`, {
        position: site.at,
      })
  }
}
