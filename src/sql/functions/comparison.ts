import { booleanType, integerType, sameType, voidType, type DataType } from '#types/data-type.ts'
import { comparedAs } from '#types/implicit-cast.ts'
import { integerOf, nullOf } from '../bind/build.ts'
import { on, rewritten, scalar, type Print } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { extremeByKey, isNested, orderKey } from './nested-order.ts'

/** Logic and comparisons. NaN equals itself and is above every number, as in Spark. */
export const comparisonFunctions: readonly FunctionEntry[] = [
  scalar('or', on(['boolean', 'boolean'], booleanType, '($1 OR $2)')),
  scalar('and', on(['boolean', 'boolean'], booleanType, '($1 AND $2)')),
  scalar('not !', on(['boolean'], booleanType, '(NOT $1)')),
  scalar('= ==', compared('($1 = $2)')),
  scalar('<> !=', compared('($1 <> $2)')),
  scalar('<', compared(ordered('<'))),
  scalar('<=', compared(ordered('<='))),
  scalar('>', compared(ordered('>'))),
  scalar('>=', compared(ordered('>='))),
  scalar('<=> equal_null', compared('($1 IS NOT DISTINCT FROM $2)')),
  scalar(
    'in',
    on(
      ['common', 'common'],
      booleanType,
      ({ values: [value = '', ...items] }) => {
        return `(${value} IN (${items.join(', ')}))`
      },
      { rest: 'common' },
    ),
  ),
  scalar('isnull', on(['any'], booleanType, '($1 IS NULL)')),
  scalar('isnotnull', on(['any'], booleanType, '($1 IS NOT NULL)')),
  scalar('isnan', on(['fractional'], booleanType, 'coalesce(isnan($1), false)')),
  scalar(
    'greatest',
    on(['comparable', 'comparable'], sameTypeAsFirst, extreme('greatest'), { rest: 'comparable' }),
  ),
  scalar(
    'least',
    on(['comparable', 'comparable'], sameTypeAsFirst, extreme('least'), { rest: 'comparable' }),
  ),
  scalar(
    'nullif',
    rewritten(['any', 'any'], ([value = nullOf(integerType), other = value], context) =>
      context.call('if', [context.call('=', [value, other]), nullOf(value.type), value]),
    ),
  ),
  scalar(
    'zeroifnull',
    rewritten(['any'], ([value = integerOf(0)], context) => context.call('coalesce', [value, integerOf(0)])),
  ),
  scalar(
    'nullifzero',
    rewritten(['any'], ([value = integerOf(0)], context) => context.call('nullif', [value, integerOf(0)])),
  ),
]

function sameTypeAsFirst([first]: readonly DataType[]): DataType {
  return first ?? integerType
}

function ordered(operator: '<' | '<=' | '>' | '>='): (call: PrintedCall) => string {
  return ({ values, types }) => {
    const [left = '', right = ''] = values.map((text, index) => orderKey(text, types[index] ?? voidType))
    return `(${left} ${operator} ${right})`
  }
}

function extreme(name: 'greatest' | 'least'): (call: PrintedCall) => string {
  return ({ values, type }) =>
    isNested(type)
      ? extremeByKey(`[${values.join(', ')}]`, type, name === 'greatest' ? 'max' : 'min')
      : `${name}(${values.join(', ')})`
}

/** Two values compared as Spark does: a string is read as what the other side is. */
function compared(print: Print): Signature {
  return on(['any', 'any'], booleanType, print, {
    fits: ([left, right]) => !!left && !!right && isOrdered(left) && comparedAs(left, right) !== undefined,
    converts: ([left, right]) => {
      if (!left || !right || sameType(left, right)) return []
      const type = comparedAs(left, right)
      return [type, type]
    },
  })
}

/** Maps have no order, nor equality. */
function isOrdered(type: DataType): boolean {
  switch (type.kind) {
    case 'map':
      return false
    case 'array':
      return isOrdered(type.element)
    case 'struct':
      return type.fields.every((field) => isOrdered(field.type))
    default:
      return true
  }
}
