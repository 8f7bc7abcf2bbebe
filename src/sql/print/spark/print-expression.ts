import { quoteSparkIdentifier, quoteSparkLiteral } from '#base/spark-text.ts'
import { sparkType } from '#types/spark-type.ts'
import type { BoundExpression, BoundQueryTree } from '../../bind/bound.ts'
import { printLiteral } from './literal.ts'
import { printCall } from './print-call.ts'

/** What printing an expression needs of the query around it. */
export interface PrintPlace {
  readonly printQuery: (tree: BoundQueryTree) => string
}

/** Spark SQL of an expression, safe to stand in any place. */
export function printExpression(expression: BoundExpression, place: PrintPlace): string {
  const print = (inner: BoundExpression): string => printExpression(inner, place)
  switch (expression.kind) {
    case 'literal':
      return printLiteral(expression)
    case 'column':
      return `${expression.relation.alias}.${quoteSparkIdentifier(expression.column.key)}`
    case 'parameter':
      throw new Error('Broken invariant: what is printed for Spark has values for its parameters')
    case 'lambdaVariable':
      return variableName(expression.name)
    case 'lambda':
      return `${lambdaHead(expression.parameters.map(variableName))} -> ${print(expression.body)}`
    case 'field':
      return `${print(expression.base)}.${quoteSparkIdentifier(expression.name)}`
    case 'struct': {
      const members = expression.values.map(
        (value, index) => `${quoteSparkLiteral(expression.type.fields[index]?.name ?? '')}, ${print(value)}`,
      )
      return `named_struct(${members.join(', ')})`
    }
    case 'cast':
      return `${expression.isTried === true ? 'TRY_CAST' : 'CAST'}(${print(expression.value)} AS ${sparkType(expression.type)})`
    case 'case': {
      const branches = expression.branches.map(({ when, then }) => `WHEN ${print(when)} THEN ${print(then)} `)
      return `(CASE ${branches.join('')}ELSE ${print(expression.otherwise)} END)`
    }
    case 'inQuery':
      return `(${print(expression.value)} IN (${place.printQuery(expression.query)}))`
    case 'exists':
      return `EXISTS (${place.printQuery(expression.query)})`
    case 'scalarQuery':
      return `(${place.printQuery(expression.query)})`
    case 'call':
      return printCall(expression, place)
  }
}

/** Spark takes one parameter in parentheses for a value. */
function lambdaHead(parameters: readonly string[]): string {
  const [first = ''] = parameters
  return parameters.length === 1 ? first : `(${parameters.join(', ')})`
}

/** No relation has such a name: a variable would hide it. */
function variableName(name: string): string {
  return quoteSparkIdentifier(`v_${name}`)
}
