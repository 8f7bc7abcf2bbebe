import { sparkName } from '#types/data-type.ts'
import type { CallExpression, Expression, WindowSpecification } from '../parse/expression-syntax.ts'
import type { BoundExpression } from './bound.ts'

/** The name of a column nobody named: its last field, or its expression as Spark writes it. */
export function outputName(expression: Expression): string {
  return expression.kind === 'name' || expression.kind === 'field' ? expression.name : textOf(expression)
}

/** The same, but a column or field is called as it calls itself: names are found in upper and lower case alike. */
export function columnName(expression: Expression, value: BoundExpression): string {
  const written = outputName(expression)
  const own = ownName(value)
  return own?.toLowerCase() === written.toLowerCase() ? own : written
}

function ownName(value: BoundExpression): string | undefined {
  switch (value.kind) {
    case 'column':
      return value.column.name
    case 'field':
      return value.name
    case 'lambda':
      return ownName(value.body)
    case 'call': {
      // A field of the structs in an array.
      const each = value.entry.names.includes('transform') ? value.arguments[1] : undefined
      return each && ownName(each)
    }
    default:
      return undefined
  }
}

function textOf(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
      return expression.value === null
        ? 'NULL'
        : expression.text.toLowerCase() === 'true' || expression.text.toLowerCase() === 'false'
          ? expression.text.toLowerCase()
          : expression.text
    case 'interval':
      return `INTERVAL '${expression.text}'`
    case 'variable':
      return `@${expression.name}`
    case 'parameter':
      return `$${expression.index}`
    case 'name':
      return expression.name
    case 'field':
      return `${textOf(expression.base)}.${expression.name}`
    case 'element':
      return `${textOf(expression.base)}[${textOf(expression.index)}]`
    case 'star':
      return [...expression.qualifier, '*'].join('.')
    case 'unary':
      return expression.operator === 'not'
        ? `(NOT ${textOf(expression.value)})`
        : `(${expression.operator} ${textOf(expression.value)})`
    case 'binary':
      return `(${textOf(expression.left)} ${expression.operator.toUpperCase()} ${textOf(expression.right)})`
    case 'like':
      return negated(
        expression.isNegated,
        `${textOf(expression.value)} ${expression.operator.toUpperCase()} ${textOf(expression.pattern)}`,
      )
    case 'between':
      return negated(
        expression.isNegated,
        `${textOf(expression.value)} BETWEEN ${textOf(expression.low)} AND ${textOf(expression.high)}`,
      )
    case 'inList':
      return negated(expression.isNegated, `(${textOf(expression.value)} IN (${listText(expression.list)}))`)
    case 'inQuery':
      return negated(expression.isNegated, `(${textOf(expression.value)} IN (…))`)
    case 'inArray':
      return negated(
        expression.isNegated,
        `array_contains(${textOf(expression.array)}, ${textOf(expression.value)})`,
      )
    case 'is':
      return `(${textOf(expression.value)} IS ${expression.isNegated ? 'NOT ' : ''}${expression.what.toUpperCase()})`
    case 'isDistinct':
      return `(${textOf(expression.left)} IS ${expression.isNegated ? 'NOT ' : ''}DISTINCT FROM ${textOf(expression.right)})`
    case 'exists':
      return 'exists(…)'
    case 'subquery':
      return 'scalarsubquery()'
    case 'case': {
      const operand = expression.operand ? `${textOf(expression.operand)} ` : ''
      const branches = expression.branches.map(
        ({ when, then }) => `WHEN ${textOf(when)} THEN ${textOf(then)} `,
      )
      const otherwise = expression.otherwise ? `ELSE ${textOf(expression.otherwise)} ` : ''
      return `CASE ${operand}${branches.join('')}${otherwise}END`
    }
    case 'cast':
      return `CAST(${textOf(expression.value)} AS ${sparkName(expression.type).toUpperCase()})`
    case 'extract':
      return `extract(${expression.part} FROM ${textOf(expression.value)})`
    case 'row':
      return `struct(${listText(expression.items)})`
    case 'named':
      return `${textOf(expression.value)} AS ${expression.name}`
    case 'lambda':
      return `lambdafunction(${textOf(expression.body)}, ${expression.parameters.join(', ')})`
    case 'call':
      return callText(expression)
  }
}

function callText(call: CallExpression): string {
  const isCountOfRows = call.name.toLowerCase() === 'count' && call.arguments[0]?.kind === 'star'
  const values = isCountOfRows ? '1' : listText(call.arguments)
  const text = `${call.name.toLowerCase()}(${call.isDistinct ? 'DISTINCT ' : ''}${values})`
  return call.over ? `${text} OVER (${windowText(call.over)})` : text
}

function windowText({ name, partitionBy, orderBy }: WindowSpecification): string {
  const parts = [
    ...(name === undefined ? [] : [name]),
    ...(partitionBy.length > 0 ? [`PARTITION BY ${listText(partitionBy)}`] : []),
    ...(orderBy.length > 0
      ? [
          `ORDER BY ${orderBy.map((item) => `${textOf(item.value)} ${item.isDescending ? 'DESC' : 'ASC'}`).join(', ')}`,
        ]
      : []),
  ]
  return parts.join(' ')
}

function listText(expressions: readonly Expression[]): string {
  return expressions.map(textOf).join(', ')
}

function negated(isNegated: boolean, text: string): string {
  return isNegated ? `(NOT ${text})` : text
}
