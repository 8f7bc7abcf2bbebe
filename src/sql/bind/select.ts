import { AppError } from '#base/errors.ts'
import type { SortItem } from '../parse/expression-syntax.ts'
import type { Select, SelectItem } from '../parse/syntax.ts'
import type { BoundExpression, BoundFrom, BoundGrouping, BoundSelect, Relation } from './bound.ts'
import { generatorOf } from './call.ts'
import { withDistinctOn } from './distinct-on.ts'
import { bindCondition, bindExpression } from './expression.ts'
import { bindFromList, relationsOf } from './from.ts'
import { bindGeneratorSelect } from './generator-select.ts'
import {
  bindGrouping,
  checkGrouped,
  hasAggregate,
  hasWindow,
  isTimeWindow,
  refuseWindow,
} from './grouping.ts'
import { withGroupingIds } from './grouping-id.ts'
import { bindOrder } from './order.ts'
import { projectionsOf, unordered } from './outputs.ts'
import { columnName, namePlace } from './output-name.ts'
import type { QueryPlace } from './query.ts'
import type { Scope, ScopeColumn } from './scope.ts'
import { starColumns } from './star.ts'
import { type ExpressionPlace, withoutGenerators } from './state.ts'
import { newTimeWindows } from './time-windows.ts'

/** Tables that are read twice by what is read twice have more than anybody looks at. */
const columnsMax = 20_000

export interface BoundItem {
  readonly name: string
  readonly value: BoundExpression
}

/** What a select stands on: FROM and WHERE, and a place for expressions over them. */
export interface SelectBase {
  readonly from: BoundFrom | undefined
  readonly where: BoundExpression | undefined
  readonly place: ExpressionPlace
}

/** One SELECT with the ORDER BY behind it, which may name what stands in FROM. */
export function bindSelect(written: Select, sorts: readonly SortItem[], place: QueryPlace): BoundSelect {
  const { select: grouped, orderBy } = withGroupingIds(written, sorts)
  const select = withDistinctOn(grouped, orderBy)
  if (select.into) {
    throw new AppError('query.syntax', 'INTO stands only in the outermost SELECT of a statement.', {
      position: select.into.table.position,
    })
  }
  const base = bindBase(select, place)
  if (select.items.some((item) => generatorOf(item.value))) return bindGeneratorSelect(select, orderBy, base)
  const { items, aliases } = bindItems(select.items, base.place)
  const bound = groupedSelect(select, items, { ...base, place: withAliases(base.place, aliases) })
  const order = bindOrder(bound.projections, orderBy, orderPlace(base.place))
  return checked({ ...bound, orderBy: order }, select)
}

function bindBase(select: Select, { state, commons, outer }: QueryPlace): SelectBase {
  const { from, columns, fields } = bindFromList(select, { state, commons, outer })
  const parent: Scope = fields.length > 0 ? { columns: fields, aliases: [], parent: outer } : outer
  const place: ExpressionPlace = {
    state,
    commons,
    scope: { columns, aliases: [], parent },
    lambdaVariables: new Map(),
    windows: new Map(select.windows.map(({ name, window }) => [name.toLowerCase(), window])),
    timeWindows: newTimeWindows(state),
    allows: { aggregates: true, windows: true, generators: true },
    placeName: 'the select list',
  }
  const where = select.where && bindCondition(select.where, rowPlace(place, 'WHERE'))
  return { from, where, place: withGroupedWindow(select, place) }
}

/** `GROUP BY window(…)` gives the groups a column `window`, which comes after all others. */
function withGroupedWindow({ groupBy }: Select, place: ExpressionPlace): ExpressionPlace {
  const element = groupBy.find(isTimeWindow)
  if (!element) return place
  const value = bindExpression(element.value, rowPlace(place, 'GROUP BY'))
  const parent: Scope = {
    columns: [{ name: 'window', qualifiers: [], value, isHidden: false }],
    aliases: [],
    parent: place.scope.parent,
  }
  return { ...place, scope: { ...place.scope, parent } }
}

/** Where each row is looked at by itself. */
function rowPlace(place: ExpressionPlace, placeName: string): ExpressionPlace {
  return { ...place, placeName, allows: { aggregates: false, windows: false, generators: false } }
}

function orderPlace(place: ExpressionPlace): ExpressionPlace {
  return { ...withoutGenerators(place), placeName: 'ORDER BY' }
}

function withAliases(place: ExpressionPlace, aliases: readonly ScopeColumn[]): ExpressionPlace {
  return { ...place, scope: { ...place.scope, aliases } }
}

/** The select list; an item may name the aliases of those before it. */
export function bindItems(
  items: readonly SelectItem[],
  place: ExpressionPlace,
): { readonly items: readonly BoundItem[]; readonly aliases: readonly ScopeColumn[] } {
  const bound: BoundItem[] = []
  const aliases: ScopeColumn[] = []
  const names = namePlace(place)
  const itemPlace = withAliases(place, aliases)
  for (const item of items) {
    if (item.value.kind === 'star') {
      const { at } = item.value
      for (const { name, value } of starColumns(item.value, place.scope))
        bound.push({ name, value: value.kind === 'column' ? { ...value, at } : value })
    } else {
      const value = bindExpression(item.value, itemPlace)
      const name = item.alias ?? item.aliases?.[0] ?? columnName(item.value, value, names)
      bound.push({ name, value })
      if (item.alias !== undefined) aliases.push({ name, qualifiers: [], value, isHidden: false })
    }
    if (bound.length > columnsMax)
      throw new AppError('query.limit', `A query has at most ${columnsMax} columns.`, {
        position: item.value.at,
      })
  }
  return { items: bound, aliases }
}

/** Everything of a select but its order: grouped where it groups or computes aggregates. */
export function groupedSelect(
  select: Select,
  items: readonly BoundItem[],
  { from, where, place }: SelectBase,
): BoundSelect {
  const projections = projectionsOf(items)
  const having = select.having && bindCondition(select.having, { ...place, placeName: 'HAVING' })
  if (select.having && having) refuseWindow(having, 'HAVING', select.having.at)
  const qualify = select.qualify && bindCondition(select.qualify, { ...place, placeName: 'QUALIFY' })
  const computed = [
    ...items.map((item) => item.value),
    ...(having ? [having] : []),
    ...(qualify ? [qualify] : []),
  ]
  if (select.qualify && !computed.some(hasWindow)) {
    throw new AppError('query.syntax', 'QUALIFY filters by what is computed over a window, and nothing is.', {
      position: select.qualify.at,
      hint: 'Say WHERE, or HAVING of groups.',
    })
  }
  const isGrouped = select.groupBy.length > 0 || having !== undefined || computed.some(hasAggregate)
  const grouping = isGrouped
    ? bindGrouping(select.groupBy, projections, rowPlace(place, 'GROUP BY'))
    : undefined
  return {
    kind: 'select',
    ...unordered,
    ...(place.timeWindows?.over({ from, where }) ?? { from, where }),
    grouping,
    having,
    qualify,
    projections,
    isDistinct: select.isDistinct,
  }
}

/** @throws AppError where a grouped or distinct select uses what is not in its rows any more */
function checked(select: BoundSelect, { at }: Select): BoundSelect {
  const ordered = select.orderBy.flatMap((order) => ('value' in order ? [order.value] : []))
  if (select.isDistinct && ordered.length > 0) {
    throw new AppError('query.syntax', 'SELECT DISTINCT can be ordered only by columns of its result.', {
      position: at,
    })
  }
  const grouping = select.grouping ?? groupingOfOrder(ordered)
  if (!grouping) return select
  const local = new Set<Relation>(select.from ? relationsOf(select.from) : [])
  const used = [...select.projections.map(({ value }) => value), select.having, select.qualify, ...ordered]
  checkGrouped(
    used.filter((value) => value !== undefined),
    grouping,
    local,
  )
  return { ...select, grouping }
}

/** `SELECT 1 FROM t ORDER BY count(*)` computes one group too. */
function groupingOfOrder(ordered: readonly BoundExpression[]): BoundGrouping | undefined {
  return ordered.some(hasAggregate) ? { expressions: [], sets: undefined } : undefined
}
