import { stringType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral, widerDecimal } from '#types/implicit-cast.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { arithmeticType } from './numbers.ts'

const signs = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

const remarks =
  'A seed is accepted and not used: the order of rows is not fixed, so neither would the values be.'

/** Numbers and texts by chance. */
export const randomFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'uniform',
      on(
        ['numeric', 'numeric', 'any'],
        ([low = anyNumber, high = anyNumber], values) =>
          arithmeticType([low, high], values, (left, right) => widerDecimal(left, right)),
        between,
        { optional: 1 },
      ),
    ),
    isVolatile: true,
    remarks,
  },
  {
    ...scalar(
      'randstr',
      on(
        ['integer', 'any'],
        stringType,
        `array_to_string(list_transform(range($1), lambda i: substr('${signs}', 1 + CAST(floor(random() * ${signs.length}) AS INTEGER), 1)), '')`,
        { optional: 1 },
      ),
    ),
    isVolatile: true,
    remarks,
  },
]

const anyNumber: DataType = { kind: 'integer' }

function between({ values: [low = '', high = ''], types, type, cast }: PrintedCall): string {
  const [from, to] = [low, high].map((text, index) => cast(text, types[index] ?? type, { kind: 'double' }))
  const number = `(${from} + random() * (${to} - ${from}))`
  // Spark cuts off what a whole number does not have.
  return `CAST(${isIntegral(type) ? `trunc(${number})` : number} AS ${duckdbType(type)})`
}
