import { must } from '#base/assert.ts'
import type {
  BoundCall,
  BoundExpression,
  BoundFrom,
  BoundQueryTree,
  BoundSelect,
  Relation,
} from '../bind/bound.ts'
import { relationsOf } from '../bind/from.ts'
import { columnOf, outputsOf, plainSelect } from '../bind/outputs.ts'
import { childrenOf, keyOf, mapChildren } from '../bind/walk.ts'
import { mapOrder, mapSelects } from './map-query.ts'
import { placedWindows, isWindow } from './window-stages.ts'

/**
 * SQL computes no window over another one. A select that does is cut into selects from one another: the innermost
 * computes the windows that stand on rows alone, each further one those that stand on the windows before. What is the
 * same is computed once.
 */
export function stageWindows(tree: BoundQueryTree, nextAlias: () => string): BoundQueryTree {
  return mapSelects(tree, (select) => stagedSelect(select, nextAlias))
}

function stagedSelect(select: BoundSelect, nextAlias: () => string): BoundSelect {
  const computed = [
    ...select.projections.map(({ value }) => value),
    ...(select.qualify ? [select.qualify] : []),
    ...select.orderBy.flatMap((order) => ('value' in order ? [order.value] : [])),
  ]
  const { stageOf, stageCount: windowStages, windows } = placedWindows(computed)
  // The engine computes a window as often as it is written.
  const stageCount = repeatsWindow(computed, (call) => stageOf.get(keyOf(call)) === windowStages)
    ? windowStages + 1
    : windowStages
  if (stageCount <= 1) return select
  const isCarried = carriedBy(select)
  const handedOn = new Set<string>()
  let inner: Stage = { from: select.from, columns: new Map() }
  for (let stage = 1; stage < stageCount; stage++) {
    const isDone = (call: BoundCall): boolean =>
      must(stageOf.get(keyOf(call)), 'every window is placed') <= stage
    const later = [...computed, ...windows.filter((window) => !isDone(window)).flatMap(childrenOf)]
    const isThere = (value: BoundExpression): boolean =>
      handedOn.has(keyOf(value)) || (isWindow(value) ? isDone(value) : isCarried(value))
    const { where, grouping, having } = select
    const conditions = stage === 1 ? { where, grouping, having } : {}
    inner = selected(inner, neededOf(later, isThere), { conditions, alias: nextAlias() })
    const tests = handyTests(later, { isThere, isDone })
    if (tests.size === 0) continue
    for (const key of tests.keys()) handedOn.add(key)
    inner = selected(inner, neededOf(later, isThere), { conditions: {}, alias: nextAlias() })
  }
  return finalSelect(select, inner)
}

interface Stage {
  readonly from: BoundFrom | undefined
  /** What the stage before has computed, by key. */
  readonly columns: ReadonlyMap<string, BoundExpression>
}

/** The values, computed on what the stage has. */
function selected(
  { from, columns }: Stage,
  values: ReadonlyMap<string, BoundExpression>,
  { conditions, alias }: { readonly conditions: Partial<BoundSelect>; readonly alias: string },
): Stage {
  const projections = [...values.values()].map((value, index) => {
    const key = `k${index + 1}`
    return { name: key, key, value: substituted(value, columns) }
  })
  const query: BoundSelect = { ...plainSelect(from, projections), ...conditions }
  const relation: Relation = { alias, columns: outputsOf(query) }
  return {
    from: { kind: 'derived', relation, query, isLateral: false },
    columns: new Map(
      [...values.keys()].map((key, index) => [
        key,
        columnOf(relation, must(relation.columns[index], 'a column each')),
      ]),
    ),
  }
}

/**
 * Tests of the session functions that spare the next stage a column: it sorts whatever it is given, and a yes or no is
 * the least. Those about columns that are needed anyway spare nothing.
 */
function handyTests(
  later: readonly BoundExpression[],
  {
    isThere,
    isDone,
  }: {
    readonly isThere: (value: BoundExpression) => boolean
    readonly isDone: (call: BoundCall) => boolean
  },
): ReadonlyMap<string, BoundExpression> {
  const isReady = (value: BoundExpression): boolean => isTest(value) && hasOnly(value, isDone)
  const all = neededOf(later, (value) => isThere(value) || isReady(value))
  return new Map(
    [...all].filter(
      ([, value]) => !isThere(value) && [...neededOf([value], isThere).keys()].some((key) => !all.has(key)),
    ),
  )
}

function finalSelect(select: BoundSelect, { from, columns }: Stage): BoundSelect {
  const onStage = (value: BoundExpression): BoundExpression => substituted(value, columns)
  const qualify = select.qualify && onStage(select.qualify)
  const isLate = qualify !== undefined && hasWindow(qualify)
  return {
    ...select,
    from,
    grouping: undefined,
    having: undefined,
    // Once its windows are columns it is a condition like any other.
    where: isLate ? undefined : qualify,
    qualify: isLate ? qualify : undefined,
    projections: select.projections.map((projection) => ({
      ...projection,
      value: onStage(projection.value),
    })),
    orderBy: select.orderBy.map((order) => mapOrder(order, onStage)),
  }
}

/** What the first stage hands on: columns, or their fields alone; of groups what is grouped by and aggregates. */
function carriedBy({ from, grouping }: BoundSelect): (value: BoundExpression) => boolean {
  if (grouping) {
    const keys = new Set(grouping.expressions.map(keyOf))
    return (value) =>
      keys.has(keyOf(value)) ||
      (value.kind === 'call' && value.entry.kind === 'aggregate' && !value.over) ||
      isQuery(value)
  }
  const local = new Set<Relation>(from ? relationsOf(from) : [])
  const isPath = (value: BoundExpression): boolean =>
    value.kind === 'field' ? isPath(value.base) : value.kind === 'column' && local.has(value.relation)
  return (value) => isPath(value) || isQuery(value)
}

/** Yes or no about values that an Adobe-defined function looks at, for every row. */
function isTest(value: BoundExpression): boolean {
  return value.kind === 'call' && value.entry.kind === 'adobe' && value.type.kind === 'boolean'
}

/** Whether all windows inside are such. */
function hasOnly(value: BoundExpression, isSuch: (call: BoundCall) => boolean): boolean {
  return (!isWindow(value) || isSuch(value)) && childrenOf(value).every((child) => hasOnly(child, isSuch))
}

/** Subqueries may name the tables of FROM, so they are computed beside them. */
function isQuery(value: BoundExpression): boolean {
  return 'query' in value && !hasWindow(value)
}

function neededOf(
  expressions: readonly BoundExpression[],
  isWanted: (value: BoundExpression) => boolean,
): ReadonlyMap<string, BoundExpression> {
  const needed = new Map<string, BoundExpression>()
  const visited = new Set<BoundExpression>()
  const visit = (value: BoundExpression): void => {
    if (visited.has(value)) return
    visited.add(value)
    if (isWanted(value)) needed.set(keyOf(value), needed.get(keyOf(value)) ?? value)
    else childrenOf(value).forEach(visit)
  }
  expressions.forEach(visit)
  return needed
}

function substituted(value: BoundExpression, columns: ReadonlyMap<string, BoundExpression>): BoundExpression {
  if (columns.size === 0) return value
  return columns.get(keyOf(value)) ?? mapChildren(value, (child) => substituted(child, columns))
}

/** Whether one of the windows stands more than once in the expressions. */
function repeatsWindow(
  expressions: readonly BoundExpression[],
  isCounted: (call: BoundCall) => boolean,
): boolean {
  const seen = new Set<string>()
  const repeats = (value: BoundExpression): boolean => {
    if (!isWindow(value)) return childrenOf(value).some(repeats)
    if (!isCounted(value)) return false
    const key = keyOf(value)
    return seen.size === seen.add(key).size
  }
  return expressions.some(repeats)
}

function hasWindow(value: BoundExpression): boolean {
  return isWindow(value) || childrenOf(value).some(hasWindow)
}
