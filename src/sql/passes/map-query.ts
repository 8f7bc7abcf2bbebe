import type {
  BoundExpression,
  BoundFrom,
  BoundOrder,
  BoundQueryTree,
  BoundSelect,
  CommonRelation,
} from '../bind/bound.ts'
import { childrenOf, mapChildren } from '../bind/walk.ts'

/**
 * The same tree with every select in it changed, the innermost first. Relations keep their identity.
 * @param change gets the select with what is inside it changed, and the one it was
 */
export function mapSelects(
  tree: BoundQueryTree,
  change: (select: BoundSelect, original: BoundSelect) => BoundSelect,
): BoundQueryTree {
  const commons = new Map<CommonRelation, CommonRelation>()
  const mapQuery = (query: BoundQueryTree): BoundQueryTree => {
    const own = query.with.map((common) => {
      const mapped = { ...common, query: mapQuery(common.query) }
      commons.set(common, mapped)
      return mapped
    })
    const tail = {
      with: own,
      orderBy: query.orderBy.map((order) => mapOrder(order, mapValue)),
      limit: query.limit && mapValue(query.limit),
      offset: query.offset && mapValue(query.offset),
    }
    switch (query.kind) {
      case 'values':
        return { ...query, ...tail, rows: query.rows.map((row) => row.map(mapValue)) }
      case 'setOperation':
        return { ...query, ...tail, left: mapQuery(query.left), right: mapQuery(query.right) }
      case 'select':
        return change(
          {
            ...query,
            ...tail,
            from: query.from && mapFrom(query.from),
            where: query.where && mapValue(query.where),
            grouping: query.grouping && {
              ...query.grouping,
              expressions: query.grouping.expressions.map(mapValue),
            },
            having: query.having && mapValue(query.having),
            qualify: query.qualify && mapValue(query.qualify),
            projections: query.projections.map((projection) => ({
              ...projection,
              value: mapValue(projection.value),
            })),
          },
          query,
        )
    }
  }
  const mapFrom = (from: BoundFrom): BoundFrom => {
    switch (from.kind) {
      case 'scan':
        return from
      case 'derived':
        return { ...from, query: mapQuery(from.query) }
      case 'common':
        return { ...from, common: commons.get(from.common) ?? from.common }
      case 'unnest':
        return { ...from, list: mapValue(from.list) }
      case 'join':
        return {
          ...from,
          left: mapFrom(from.left),
          right: mapFrom(from.right),
          condition: from.condition && mapValue(from.condition),
        }
    }
  }
  const mapValue = (value: BoundExpression): BoundExpression => mapSubqueries(value, mapQuery)
  return mapQuery(tree)
}

/** The same expression with the queries in it changed; without any, the very same. */
function mapSubqueries(
  expression: BoundExpression,
  change: (tree: BoundQueryTree) => BoundQueryTree,
): BoundExpression {
  if (!hasQuery(expression)) return expression
  const inside = mapChildren(expression, (child) => mapSubqueries(child, change))
  return 'query' in inside ? { ...inside, query: change(inside.query) } : inside
}

function hasQuery(expression: BoundExpression): boolean {
  return 'query' in expression || childrenOf(expression).some(hasQuery)
}

export function mapOrder(order: BoundOrder, change: (value: BoundExpression) => BoundExpression): BoundOrder {
  return 'value' in order ? { ...order, value: change(order.value) } : order
}
