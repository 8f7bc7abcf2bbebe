import type { DataType } from '#types/data-type.ts'
import type { BoundOrder, BoundQueryTree, BoundSelect, Projection } from './bound.ts'
import { outputsOf, selectAll } from './outputs.ts'
import { type CallSite, callByName } from './resolve-call.ts'

const isComplex = ({ kind }: DataType): boolean => kind === 'struct' || kind === 'array' || kind === 'map'

/** The query with its complex columns as JSON texts, behind the simple ones. */
export function complexAsJson(query: BoundQueryTree, site: CallSite): BoundQueryTree {
  if (!outputsOf(query).some(({ type }) => isComplex(type))) return query
  const isPlain = query.kind === 'select' && !query.isDistinct
  const select = isPlain ? query : selectAll(query, site.state)
  const isSimple = ({ value }: Projection): boolean => !isComplex(value.type)
  const simple = select.projections.filter(isSimple)
  const complex = select.projections.filter((projection) => !isSimple(projection))
  const projections = [
    ...simple,
    ...complex.map((projection) => ({
      ...projection,
      value: callByName(site, 'to_json', [projection.value]),
    })),
  ]
  return { ...select, projections, orderBy: select.orderBy.map((order) => moved(order, select, simple)) }
}

function moved(order: BoundOrder, { projections }: BoundSelect, simple: readonly Projection[]): BoundOrder {
  if (!('output' in order)) return order
  const { output, ...direction } = order
  const projection = projections[output]
  const place = projection ? simple.indexOf(projection) : -1
  if (place >= 0 || !projection) return { ...direction, output: Math.max(place, 0) }
  return { ...direction, value: projection.value }
}
