import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { CallExpression, SortItem } from '../parse/expression-syntax.ts'
import type { Select, SelectItem } from '../parse/syntax.ts'
import type { BoundExpression, BoundFrom, BoundOrder, BoundSelect, Relation } from './bound.ts'
import { generatorOf } from './call.ts'
import { bindExpression } from './expression.ts'
import { bindOrder } from './order.ts'
import { columnOf, derivedFrom, plainSelect, projectionsOf } from './outputs.ts'
import { emptyScope } from './scope.ts'
import { bindItems, groupedSelect, type BoundItem, type SelectBase } from './select.ts'
import { type BindState, type ExpressionPlace, withoutGenerators } from './state.ts'
import { sortOrder } from './window.ts'

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
  const innerBase: SelectBase = {
    ...base,
    place: { ...base.place, scope: { ...base.place.scope, aliases: [...before.aliases, ...after.aliases] } },
  }
  /** With columns behind the selected ones that are only ordered by. */
  const multiplied = (hidden: readonly BoundExpression[]) => {
    const carried = hidden.map((value): BoundItem => ({ name: 'ordered', value }))
    const inner = groupedSelect(
      select,
      [...before.items, ...after.items, ...carried, { name: 'generated', value: list }],
      innerBase,
    )
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
    return { outer, hidden: columns.slice(before.items.length + after.items.length, -1) }
  }
  const plain = multiplied([])
  const outputs: ExpressionPlace = {
    ...base.place,
    scope: { ...emptyScope, parent: base.place.scope.parent },
  }
  const isOfOutputs = orderBy.map((sort) => canOrder(plain.outer, sort, outputs))
  if (select.isDistinct || isOfOutputs.every(Boolean)) {
    return {
      ...plain.outer,
      isDistinct: select.isDistinct,
      orderBy: bindOrder(plain.outer.projections, orderBy, outputs),
    }
  }
  const { outer, hidden } = multiplied(
    orderBy
      .filter((_, index) => !isOfOutputs[index])
      .map(({ value }) =>
        bindExpression(value, { ...withoutGenerators(innerBase.place), placeName: 'ORDER BY' }),
      ),
  )
  let next = 0
  const order = orderBy.map((sort, index): BoundOrder => {
    if (!isOfOutputs[index]) return { ...sortOrder(sort), value: must(hidden[next++], 'a column for each') }
    return must(bindOrder(outer.projections, [sort], outputs)[0], 'one for one')
  })
  return { ...outer, orderBy: order }
}

/** Whether a sort names nothing but the result. */
function canOrder({ projections }: BoundSelect, sort: SortItem, outputs: ExpressionPlace): boolean {
  try {
    bindOrder(projections, [sort], outputs)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'query.unknown_column') return false
    throw error
  }
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
