import { AppError } from '#base/errors.ts'
import { booleanType, sparkName, type StructType } from '#types/data-type.ts'
import { comparedAs } from '#types/implicit-cast.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { BoundExpression, BoundQueryTree } from './bound.ts'
import { structOf } from './build.ts'
import { bindExpression } from './expression.ts'
import { castOutputs, columnOf, derivedFrom, outputsOf, plainSelect } from './outputs.ts'
import { bindQuery } from './query.ts'
import { callByName, convertedTo } from './resolve-call.ts'
import { namedAs } from './row-names.ts'
import type { BindState, ExpressionPlace } from './state.ts'

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>

export function bindInQuery(expression: Of<'inQuery'>, place: ExpressionPlace): BoundExpression {
  const { state } = place
  const value = bindExpression(expression.value, place)
  const given = bindQuery(expression.query, { state, commons: place.commons, outer: place.scope })
  const query = value.type.kind === 'struct' ? rowsOf(given, value.type, state) : given
  const [column, ...more] = outputsOf(query)
  const type = column && comparedAs(value.type, column.type)
  if (more.length > 0 || !type) {
    throw new AppError(
      'query.type',
      more.length > 0
        ? `IN takes a query of one column, this one has ${more.length + 1}.`
        : `${sparkName(value.type)} cannot be compared with the column of the query.`,
      { position: expression.at },
    )
  }
  const isIn: BoundExpression = {
    kind: 'inQuery',
    value: convertedTo(state, value, type),
    query: castOutputs(query, [type], state),
    type: booleanType,
  }
  return expression.isNegated ? callByName({ state, at: expression.at }, 'not', [isIn]) : isIn
}

/** The query's columns as one row value, where it has as many as the value looked for. */
function rowsOf(query: BoundQueryTree, type: StructType, state: BindState): BoundQueryTree {
  const outputs = outputsOf(query)
  if (outputs.length < 2 || outputs.length !== type.fields.length) return query
  const from = derivedFrom(query, state)
  const values = from.relation.columns.map((column) => columnOf(from.relation, column))
  const row = namedAs(structOf(values.map((value, index) => ({ name: `c${index}`, value }))), type)
  return plainSelect(from, [{ name: 'row', key: 'row', value: row }])
}

export function bindScalarQuery(expression: Of<'subquery'>, place: ExpressionPlace): BoundExpression {
  const query = bindQuery(expression.query, {
    state: place.state,
    commons: place.commons,
    outer: place.scope,
  })
  const [column, ...more] = outputsOf(query)
  if (!column || more.length > 0) {
    throw new AppError(
      'query.type',
      `A query used as a value has one column, this one has ${more.length + 1}.`,
      {
        position: expression.at,
      },
    )
  }
  return { kind: 'scalarQuery', query, type: column.type }
}
