import { sparkName } from '#types/data-type.ts'
import { shortened } from '#base/shown-text.ts'
import type { CallExpression, Expression } from '../parse/expression-syntax.ts'
import type { BoundExpression } from './bound.ts'
import { callText, castNames } from './output-name-call.ts'
import { intervalText, literalText, typedText } from './output-name-literal.ts'
import { type TextOf, type Windows, windowText } from './output-name-window.ts'
import type { Scope } from './scope.ts'
import type { ExpressionPlace } from './state.ts'

/** What the names in an expression are of. */
export interface NamePlace {
  readonly isQualified: (table: string, column: string) => boolean
  readonly isColumn: (name: string) => boolean
  readonly windows: Windows
}

const noNames: NamePlace = { isQualified: () => false, isColumn: () => true, windows: new Map() }

export function namePlace({ scope, windows }: ExpressionPlace): NamePlace {
  let known: ReadonlySet<string> | undefined
  const knows = (name: string) => (known ??= namesOf(scope)).has(name.toLowerCase())
  return {
    isColumn: knows,
    isQualified: (table, column) => !knows(table) && knows(`${table}.${column}`),
    windows,
  }
}

/** Of columns: by themselves, and with their tables. */
function namesOf(scope: Scope): ReadonlySet<string> {
  const names = new Set<string>()
  for (let level: Scope | undefined = scope; level; level = level.parent) {
    for (const { name, qualifiers } of level.columns) {
      names.add(name.toLowerCase())
      const table = qualifiers.at(-1)
      if (table !== undefined) names.add(`${table}.${name}`.toLowerCase())
    }
  }
  return names
}

/** The name of a column nobody named: its last field, or its expression as Spark writes it. */
export function outputName(expression: Expression, place: NamePlace = noNames): string {
  const named = withoutCasts(expression)
  if (named.kind === 'name' && !isFunction(named, place)) return named.name
  if (expression.kind === 'field') return expression.name
  // The column of the groups is called so as well.
  if (isTimeWindow(expression)) return expression.name.toLowerCase()
  return textIn(place, new Set())(expression)
}

/** The same, but a column or field is called as it calls itself: names are found in upper and lower case alike. */
export function columnName(expression: Expression, value: BoundExpression, place: NamePlace): string {
  const written = qualifiedName(expression, value) ?? outputName(expression, place)
  const own = ownName(value)
  return own?.toLowerCase() === written.toLowerCase() ? own : written
}

/** Of a column that is named with its table, and converted: `CAST(t.a AS int)`. */
function qualifiedName(expression: Expression, value: BoundExpression): string | undefined {
  if (expression.kind !== 'cast' || expression.isTyped || expression.value.kind !== 'field') return undefined
  const inner = value.kind === 'cast' ? value.value : value
  return inner.kind === 'column' ? expression.value.name : undefined
}

function ownName(value: BoundExpression): string | undefined {
  switch (value.kind) {
    case 'column':
      return value.column.name
    case 'field':
      return value.name
    case 'cast':
      return ownName(value.value)
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

function isTimeWindow(expression: Expression): expression is CallExpression {
  return expression.kind === 'call' && ['window', 'session_window'].includes(expression.name.toLowerCase())
}

/** A column that is only converted keeps its name. */
function withoutCasts(expression: Expression): Expression {
  if (expression.kind === 'cast' && expression.isTyped !== true) return withoutCasts(expression.value)
  const [value, ...further] = expression.kind === 'call' ? expression.arguments : []
  const isCast =
    expression.kind === 'call' && castNames.has(expression.name.toLowerCase()) && further.length === 0
  return isCast && value ? withoutCasts(value) : expression
}

const bareFunctions = new Set(['current_date', 'current_timestamp', 'localtimestamp'])

function isFunction({ name, quote }: Extract<Expression, { kind: 'name' }>, place: NamePlace): boolean {
  return quote === undefined && bareFunctions.has(name.toLowerCase()) && !place.isColumn(name)
}

/** Some arguments are written several times, and those within them, too: what is longer has an end here. */
const textLengthMax = 4_096

/** `variables` are those of the lambdas around, in lower case. */
function textIn(place: NamePlace, variables: ReadonlySet<string>): TextOf {
  const textOf: TextOf = (expression) => shortened(wholeText(expression), textLengthMax)
  const wholeText: TextOf = (expression) => {
    switch (expression.kind) {
      case 'literal':
        return literalText(expression)
      case 'interval':
        return intervalText(expression)
      case 'variable':
        return `@${expression.name}`
      case 'parameter':
        return `$${expression.index}`
      case 'name':
        if (variables.has(expression.name.toLowerCase())) return 'namedlambdavariable()'
        return isFunction(expression, place) ? `${expression.name.toLowerCase()}()` : expression.name
      case 'field': {
        const { base, name } = expression
        const isOfTable = base.kind === 'name' && place.isQualified(base.name, name)
        return isOfTable ? name : `${textOf(base)}.${name}`
      }
      case 'element':
        return `${textOf(expression.base)}[${textOf(expression.index)}]`
      case 'star':
        return [...expression.qualifier, '*'].join('.')
      case 'unary':
        return unaryText(expression, textOf)
      case 'binary':
        return binaryText(expression, textOf)
      case 'like':
        return negated(expression.isNegated, likeText(expression, textOf))
      case 'between':
        return negated(
          expression.isNegated,
          `between(${textOf(expression.value)}, ${textOf(expression.low)}, ${textOf(expression.high)})`,
        )
      case 'inList':
        return negated(
          expression.isNegated,
          `(${textOf(expression.value)} IN (${expression.list.map(textOf).join(', ')}))`,
        )
      case 'inQuery':
        return negated(expression.isNegated, `(${textOf(expression.value)} IN (listquery()))`)
      case 'inArray':
        return negated(
          expression.isNegated,
          `array_contains(${textOf(expression.array)}, ${textOf(expression.value)})`,
        )
      case 'is':
        return isText(expression, textOf)
      case 'isDistinct': {
        const same = `(${textOf(expression.left)} <=> ${textOf(expression.right)})`
        return negated(!expression.isNegated, same)
      }
      case 'exists':
        return 'exists()'
      case 'subquery':
        return 'scalarsubquery()'
      case 'case':
        return caseText(expression, textOf)
      case 'cast':
        return castText(expression, textOf)
      case 'extract':
        return `extract(${expression.part} FROM ${textOf(expression.value)})`
      case 'row': {
        const fields = expression.items.map(
          (item, index) => `${item.kind === 'name' ? item.name : `col${index + 1}`}, ${textOf(item)}`,
        )
        return `named_struct(${fields.join(', ')})`
      }
      case 'named':
        return `${textOf(expression.value)} AS ${expression.name}`
      case 'lambda': {
        const inner = new Set([...variables, ...expression.parameters.map((name) => name.toLowerCase())])
        const names = expression.parameters.map(() => 'namedlambdavariable()')
        return `lambdafunction(${[textIn(place, inner)(expression.body), ...names].join(', ')})`
      }
      case 'call': {
        const text = callText(expression, textOf)
        return expression.over
          ? `${text} OVER (${windowText(expression, expression.over, place.windows, textOf)})`
          : text
      }
    }
  }
  return textOf
}

function castText(
  { value, type, isTyped, isTried }: Extract<Expression, { kind: 'cast' }>,
  textOf: TextOf,
): string {
  if (isTyped === true && value.kind === 'literal') return typedText(type, value.text)
  const isNested = type.kind === 'array' || type.kind === 'map' || type.kind === 'struct'
  return isNested
    ? textOf(value)
    : `${isTried === true ? 'TRY_CAST' : 'CAST'}(${textOf(value)} AS ${sparkName(type).toUpperCase()})`
}

function unaryText({ operator, value }: Extract<Expression, { kind: 'unary' }>, textOf: TextOf): string {
  if (operator === 'not') return `(NOT ${textOf(value)})`
  return operator === '~' ? `~${textOf(value)}` : `(${operator} ${textOf(value)})`
}

function binaryText(
  { operator, left, right }: Extract<Expression, { kind: 'binary' }>,
  textOf: TextOf,
): string {
  const [one, other] = [textOf(left), textOf(right)]
  if (operator === '||') return `concat(${one}, ${other})`
  const isWord = operator === 'and' || operator === 'or'
  const text = `${one} ${isWord ? operator.toUpperCase() : operator === '<>' ? '=' : operator} ${other}`
  if (operator === '<>') return `(NOT (${text}))`
  // Times are moved by intervals without parentheses.
  const isMoved =
    right.kind === 'interval' && left.kind !== 'interval' && (operator === '+' || operator === '-')
  return isMoved ? text : `(${text})`
}

function likeText(
  { operator, value, pattern, escape }: Extract<Expression, { kind: 'like' }>,
  textOf: TextOf,
): string {
  const [text, signs] = [textOf(value), textOf(pattern)]
  switch (operator) {
    case 'like':
      return `${text} LIKE ${signs}${escape ? ` ESCAPE '${textOf(escape)}'` : ''}`
    case 'ilike':
      return `ilike(${text}, ${signs})`
    case 'rlike':
      return `RLIKE(${text}, ${signs})`
    case 'posix':
    case 'iposix':
      return `${text} ${operator === 'posix' ? '~' : '~*'} ${signs}`
  }
}

function isText({ value, what, isNegated }: Extract<Expression, { kind: 'is' }>, textOf: TextOf): string {
  if (what === 'null' || what === 'unknown') {
    return `(${textOf(value)} IS ${isNegated ? 'NOT ' : ''}NULL)`
  }
  return negated(isNegated, `(${textOf(value)} <=> ${what})`)
}

function caseText(
  { operand, branches, otherwise }: Extract<Expression, { kind: 'case' }>,
  textOf: TextOf,
): string {
  const compared = operand && textOf(operand)
  const parts = branches.map(({ when, then }) => {
    const condition = compared === undefined ? textOf(when) : `(${compared} = ${textOf(when)})`
    return `WHEN ${condition} THEN ${textOf(then)} `
  })
  return `CASE ${parts.join('')}${otherwise ? `ELSE ${textOf(otherwise)} ` : ''}END`
}

function negated(isNegated: boolean, text: string): string {
  return isNegated ? `(NOT ${text})` : text
}
