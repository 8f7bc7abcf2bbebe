import { intervalType, longType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral, isNumeric, wider } from '#types/implicit-cast.ts'
import { wholeInterval } from '#types/intervals.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { on, sameAsFirst, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { monthsOf, wholeMonths } from './interval-parts.ts'
import {
  arithmeticType,
  bitsOf,
  decimalProduct,
  decimalQuotient,
  decimalRemainder,
  decimalRules,
  operandDecimal,
  wrapped,
} from './numbers.ts'
import { onceEach } from './once-each.ts'
import { differences, intervals, moves, ofNothing } from './operators-time.ts'
import { wholeArithmetic, wholeNegated } from './operators-whole.ts'
import { tried } from './tried.ts'

/** Arithmetic: whole numbers wrap, decimals have Spark's digits, a division by zero is NULL. */
export const operatorFunctions: readonly FunctionEntry[] = [
  scalar('+', arithmetic('+', 'sum'), ...moves('+'), intervals('+'), ofNothing('+')),
  scalar('-', arithmetic('-', 'sum'), ...moves('-'), ...differences(), intervals('-'), ofNothing('-')),
  scalar(
    '*',
    arithmetic('*', 'product'),
    on(['interval', 'numeric'], ([span]) => scaledType(span), scaledInterval),
    on(
      ['numeric', 'interval'],
      ([, span]) => scaledType(span),
      ({ values: [factor = '', span = ''], types, ...call }) =>
        scaledInterval({ ...call, values: [span, factor], types: types.toReversed() }),
    ),
  ),
  scalar(
    '/',
    on(['numeric', 'numeric'], quotientType, quotient),
    on(
      ['interval', 'numeric'],
      ([span]) => scaledType(span),
      ({ values: [span = '', divisor = ''], types: [type] }) => {
        const months = monthsOf(span, type)
        const by = `nullif(CAST(${divisor} AS DOUBLE), 0)`
        return months === undefined ? `(${span} / ${by})` : wholeMonths(`${months} / ${by}`)
      },
    ),
  ),
  scalar(
    'div',
    on(
      ['interval', 'interval'],
      longType,
      ({ values: [left = '', right = ''] }) =>
        onceEach([left, right], (left = '', right = '') => {
          const months = (span: string): string =>
            `(date_part('year', ${span}) * 12 + date_part('month', ${span}))`
          const micros = (span: string): string => `CAST(epoch_us(${span}) AS HUGEINT)`
          return `CAST(CASE WHEN ${months(right)} <> 0 THEN ${months(left)} // ${months(right)} ELSE ${micros(left)} // nullif(${micros(right)}, 0) END AS BIGINT)`
        }),
      { fits: ([left, right]) => left?.kind === 'interval' && right?.kind === 'interval' },
    ),
    on(
      ['numeric', 'numeric'],
      longType,
      ({ values: [left = '', right = ''], types, cast, arguments: [, divisor] }) => {
        const isWhole = types.every(isIntegral)
        const long = (text: string, type: DataType = longType): string =>
          isWhole ? cast(text, type, longType) : text
        if (isWhole) {
          const [one, other] = [long(left, types[0]), long(right, types[1])]
          const divided = `(${one} // nullif(${other}, 0))`
          const mayOverflow = types[0]?.kind === 'long' && bitsOf(divisor) > 0 && divisor?.kind !== 'literal'
          const isMinusOne = divisor?.kind === 'literal' && Number(divisor.value) === -1
          if (!mayOverflow && !isMinusOne) return divided
          return onceEach(
            [one, other],
            (one, other) =>
              `CASE WHEN ${other} = -1 THEN ${wrapped(`- CAST(${one} AS HUGEINT)`, longType)} ELSE ${one} // nullif(${other}, 0) END`,
          )
        }
        return `native_decimal_whole_quotient(CAST(${left} AS VARCHAR), CAST(${right} AS VARCHAR))`
      },
      { fits: (types) => types.every((type) => isIntegral(type) || ['decimal', 'void'].includes(type.kind)) },
    ),
  ),
  scalar(
    '% mod',
    on(['numeric', 'numeric'], remainderType, (call) => remainder(call)),
  ),
  scalar(
    'pmod',
    on(['numeric', 'numeric'], remainderType, (call) => {
      const [left = '', right = ''] = operands(call, 'remainder')
      const rest = onceEach(
        [restOf(left, right, call), right],
        (rest, right) => `(CASE WHEN ${rest} < 0 AND ${right} > 0 THEN ${rest} + ${right} ELSE ${rest} END)`,
      )
      // The rest of a negative number may be wider than the type, which is of the narrower side.
      return call.type.kind === 'decimal' ? `TRY_CAST(${rest} AS ${duckdbType(call.type)})` : rest
    }),
  ),
  scalar(
    'negative',
    on(['interval'], sameAsFirst, '(- $1)', { fits: ([type]) => type?.kind === 'interval' }),
    on(['numeric'], sameAsFirst, (call) =>
      isIntegral(call.type) ? wholeNegated(call, '-') : `(- ${call.values[0]})`,
    ),
  ),
  scalar(
    'positive',
    on(['interval'], sameAsFirst, '$1', { fits: ([type]) => type?.kind === 'interval' }),
    on(['numeric'], sameAsFirst, '$1'),
  ),
  scalar('|', bitwise('($1 | $2)')),
  scalar('&', bitwise('($1 & $2)')),
  scalar('^', bitwise('xor($1, $2)')),
  scalar('~', on(['integral'], sameAsFirst, '(~ $1)')),
]

const scaledType = (span: DataType | undefined): DataType =>
  span?.kind === 'interval' ? wholeInterval(span) : intervalType

function bitwise(print: string): Signature {
  return on(
    ['integral', 'integral'],
    ([left = longType, right = longType]) => wider(left, right) ?? longType,
    print,
    {
      converts: ([left = longType, right = longType]) => {
        const type = wider(left, right)
        return [type, type]
      },
    },
  )
}

function arithmetic(operator: '+' | '-' | '*', rule: 'sum' | 'product'): Signature {
  return on(
    ['numeric', 'numeric'],
    (types, values) => arithmeticType(types, values, decimalRules[rule]),
    (call) => {
      const { type } = call
      if (isIntegral(type)) return wholeArithmetic(call, operator)
      const [left = '', right = ''] = operands(call, rule)
      if (rule === 'sum' && type.kind === 'decimal' && type.precision === 38) {
        return tried([left, right], call.arguments, (one, other) => `${one} ${operator} ${other}`)
      }
      return rule === 'product' && type.kind === 'decimal'
        ? product(call, type)
        : sized(`(${left} ${operator} ${right})`, type)
    },
    {
      fits: (types) =>
        types.every((type) => isNumeric(type) || type.kind === 'string' || type.kind === 'void'),
    },
  )
}

/** Both sides as the arithmetic needs them: decimals as they are, all else in the type of the result. */
function operands(call: PrintedCall, rule: 'sum' | 'product' | 'remainder'): string[] {
  const { type, types, values, cast } = call
  return values.map((text, index) => {
    const own = types[index] ?? type
    if (type.kind !== 'decimal') return cast(text, own, type)
    const decimal = operandDecimal(call.arguments[index], own)
    const exact = own.kind === 'decimal' ? text : cast(text, own, decimal)
    // Sums are computed in the type of the result, so that the engine does not run out of digits on the way.
    return rule === 'sum' ? cast(exact, decimal, type) : exact
  })
}

function product(call: PrintedCall, type: Extract<DataType, { kind: 'decimal' }>): string {
  const [left = '', right = ''] = operands(call, 'product')
  const [one = type, other = type] = call.types
  return decimalProduct(
    { text: left, type: operandDecimal(call.arguments[0], one) },
    { text: right, type: operandDecimal(call.arguments[1], other) },
    type,
  )
}

/** Decimal text as the type Spark gives it. */
function sized(text: string, type: DataType): string {
  return type.kind === 'decimal' ? `CAST(${text} AS ${duckdbType(type)})` : text
}

function quotientType(types: readonly DataType[], values: readonly BoundExpression[]): DataType {
  const type = arithmeticType(types, values, decimalRules.quotient)
  return type.kind === 'decimal' ? type : { kind: 'double' }
}

function quotient({ values: [left = '', right = ''], types, type, cast, ...call }: PrintedCall): string {
  const [one = type, other = type] = types
  if (type.kind !== 'decimal') return `(${cast(left, one, type)} / nullif(${cast(right, other, type)}, 0))`
  const dividend = operandDecimal(call.arguments[0], one)
  const divisor = operandDecimal(call.arguments[1], other)
  return decimalQuotient(
    { text: cast(left, one, dividend), type: dividend },
    { text: cast(right, other, divisor), type: divisor },
    type,
  )
}

function remainderType(types: readonly DataType[], values: readonly BoundExpression[]): DataType {
  return arithmeticType(types, values, decimalRules.remainder)
}

function remainder(call: PrintedCall): string {
  const [left = '', right = ''] = operands(call, 'remainder')
  return sized(restOf(left, right, call), call.type)
}

/** The engine divides before it takes the rest, which overflows for the smallest number and -1. */
function restOf(left: string, right: string, call: PrintedCall): string {
  const {
    type,
    arguments: [, divisor],
  } = call
  if (type.kind === 'decimal') {
    const [one = type, other = type] = call.types.map((own, index) =>
      operandDecimal(call.arguments[index], own),
    )
    return decimalRemainder({ text: left, type: one }, { text: right, type: other }, type)
  }
  const rest = `(${left} % nullif(${right}, 0))`
  const isHarmless = divisor?.kind === 'literal' && Number(divisor.value) !== -1
  if (!isIntegral(type) || isHarmless) return rest
  return onceEach(
    [left, right],
    (one, other) => `(CASE WHEN ${other} = -1 THEN ${one} - ${one} ELSE ${one} % nullif(${other}, 0) END)`,
  )
}

function scaledInterval({
  values: [span = '', factor = ''],
  types,
}: Pick<PrintedCall, 'values' | 'types'>): string {
  const months = monthsOf(span, types[0])
  if (months !== undefined) return wholeMonths(`${months} * CAST(${factor} AS DOUBLE)`)
  const isWhole = types[1] !== undefined && isIntegral(types[1])
  return isWhole ? `(${span} * ${factor})` : `(${span} * CAST(${factor} AS DOUBLE))`
}
