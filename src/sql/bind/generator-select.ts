import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { CallExpression, SortItem } from '../parse/expression-syntax.ts'
import type { Select, SelectItem } from '../parse/syntax.ts'
import type { BoundFrom, BoundSelect, Relation } from './bound.ts'
import { generatorOf } from './call.ts'
import { bindExpression } from './expression.ts'
import { bindOrder } from './order.ts'
import { columnOf, derivedFrom, plainSelect, projectionsOf } from './outputs.ts'
import type { BoundExpression } from './bound.ts'
import { emptyScope } from './scope.ts'
import { bindItems, groupedSelect, type BoundItem, type SelectBase } from './select.ts'
import type { BindState, ExpressionPlace } from './state.ts'

/**
 * A select with a generator among its items: an inner select computes everything else and the list of rows, the outer
 * one multiplies. So windows see each row once, before it is multiplied.
 */
export function bindGeneratorSelect(
  select: Select,
  orderBy: readonly SortItem[],
  base: SelectBase,
): BoundSelect {
  const { state } = base.place
  const place = select.items.findIndex((item) => generatorOf(item.value))
  const item = must(select.items[place], 'a generator is among the items')
  if (select.items.findLastIndex((item) => generatorOf(item.value)) !== place) {
    throw new AppError('query.unsupported', 'Only one generator can stand in a select list.', {
      position: select.at,
      hint: 'Put the others into LATERAL VIEW.',
    })
  }
  const before = bindItems(select.items.slice(0, place), base.place)
  const after = bindItems(select.items.slice(place + 1), base.place)
  const list = bindGenerator(item.value as CallExpression, base.place)
  const inner = groupedSelect(select, [...before.items, ...after.items, { name: 'generated', value: list }], {
    ...base,
    place: { ...base.place, scope: { ...base.place.scope, aliases: [...before.aliases, ...after.aliases] } },
  })
  const rows = derivedFrom({ ...inner, isDistinct: false }, state)
  const columns = rows.relation.columns.map((column) => columnOf(rows.relation, column))
  const unnest = unnestOf(must(columns.at(-1), 'the list is the last'), namesOf(item), state)
  const items = (bound: readonly BoundItem[], from: number): BoundItem[] =>
    bound.map(({ name }, index) => ({ name, value: must(columns[from + index], 'a column an item') }))
  const outer = plainSelect(
    { kind: 'join', type: 'cross', left: rows, right: unnest, condition: undefined },
    [
      ...projectionsOf([
        ...items(before.items, 0),
        ...unnest.relation.columns.map((column) => ({
          name: column.name,
          value: columnOf(unnest.relation, column),
        })),
        ...items(after.items, before.items.length),
      ]),
    ],
  )
  const scope = { ...emptyScope, parent: base.place.scope.parent }
  const order = bindOrder(outer.projections, orderBy, { ...base.place, scope })
  return { ...outer, isDistinct: select.isDistinct, orderBy: order }
}

/** The list of structs that a generator makes of a row. */
export function bindGenerator(call: CallExpression, place: ExpressionPlace): BoundExpression {
  return bindExpression(call, { ...place, allows: { ...place.allows, generators: true } })
}

function namesOf({ alias, aliases }: SelectItem): readonly string[] {
  return aliases ?? (alias === undefined ? [] : [alias])
}

/** One row for each element of a list of structs, its fields named anew where names are given. */
export function unnestOf(
  list: BoundExpression,
  names: readonly string[],
  state: BindState,
): Extract<BoundFrom, { kind: 'unnest' }> {
  const element = list.type.kind === 'array' ? list.type.element : undefined
  const fields = element?.kind === 'struct' ? element.fields : []
  if (names.length > fields.length) {
    throw new AppError(
      'query.syntax',
      `The generator makes ${fields.length} columns, ${names.length} names were given.`,
    )
  }
  const columns: Relation['columns'] = fields.map((field, index) => ({
    name: names[index] ?? field.name,
    key: field.name,
    type: field.type,
    definitions: [],
  }))
  return { kind: 'unnest', relation: { alias: state.nextAlias(), columns }, list }
}
