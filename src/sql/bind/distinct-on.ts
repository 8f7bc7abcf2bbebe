import { AppError } from '#base/errors.ts'
import type { Expression, SortItem } from '../parse/expression-syntax.ts'
import type { Select } from '../parse/syntax.ts'
import { generatorOf } from './call.ts'

/**
 * `SELECT DISTINCT ON (keys)` keeps the first row of each set of equal keys, in the order of the query: what `QUALIFY
 * row_number() OVER (PARTITION BY keys ORDER BY …) = 1` says, which every engine we print for understands.
 * @throws AppError 'query.unsupported' beside QUALIFY and generators, which say how many rows there are, too
 */
export function withDistinctOn(select: Select, orderBy: readonly SortItem[]): Select {
  const { distinctOn, at } = select
  if (!distinctOn) return select
  const beside = select.qualify
    ? 'QUALIFY'
    : select.items.some(({ value }) => generatorOf(value))
      ? 'a generator'
      : undefined
  if (beside !== undefined) {
    throw new AppError('query.unsupported', `DISTINCT ON cannot stand beside ${beside}.`, {
      position: at,
      hint: 'Put one of them into a subquery.',
    })
  }
  const number: Expression = {
    kind: 'call',
    name: 'row_number',
    arguments: [],
    isDistinct: false,
    filter: undefined,
    orderBy: [],
    ignoresNulls: false,
    over: {
      name: undefined,
      partitionBy: distinctOn.map((key) => named(key, select)),
      // Without an order any row of a set is as good as another, and its keys are an order.
      orderBy:
        orderBy.length > 0
          ? orderBy.map((item) => ({ ...item, value: named(item.value, select) }))
          : distinctOn.map((key) => ({ value: named(key, select), isDescending: false, nulls: undefined })),
      frame: undefined,
      at,
    },
    at,
  }
  const one: Expression = { kind: 'literal', type: { kind: 'integer' }, value: 1, text: '1', at }
  const qualify: Expression = { kind: 'binary', operator: '=', left: number, right: one, at }
  return { ...select, distinctOn: undefined, qualify }
}

/** `2` names the second item of the select list, and an alias what it stands for. */
function named(key: Expression, { items }: Select): Expression {
  if (key.kind === 'literal' && key.type.kind === 'integer') {
    const item = items[Number(key.value) - 1]
    return item && item.value.kind !== 'star' ? item.value : key
  }
  if (key.kind !== 'name') return key
  return items.find(({ alias }) => alias?.toLowerCase() === key.name.toLowerCase())?.value ?? key
}
