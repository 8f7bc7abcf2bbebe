import { doubleType, stringType, voidType, type DataType } from '#types/data-type.ts'
import { wider } from '#types/implicit-cast.ts'
import { caseOf, castTo, nullOf } from '../bind/build.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { decodedText } from './charsets.ts'
import { on, rewritten, sameAsFirst, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'

export const conditionalFunctions: readonly FunctionEntry[] = [
  scalar('coalesce', on(['common'], sameAsFirst, 'coalesce($*)', { rest: 'common' })),
  scalar('nvl ifnull', on(['common', 'common'], sameAsFirst, 'coalesce($1, $2)')),
  scalar(
    'nvl2',
    rewritten(['any', 'common', 'common'], ([value = absent, then = absent, otherwise = absent], context) =>
      caseOf([{ when: context.call('isnotnull', [value]), then }], otherwise),
    ),
  ),
  scalar(
    'if iff',
    rewritten(['boolean', 'common', 'common'], ([when = absent, then = absent, otherwise = absent]) =>
      caseOf([{ when, then }], otherwise),
    ),
  ),
  scalar(
    'nanvl',
    on(['any', 'any'], { kind: 'float' }, '(CASE WHEN isnan($1) THEN $2 ELSE $1 END)', {
      fits: (types) => types.every((type) => type.kind === 'float'),
    }),
    on(['double', 'double'], doubleType, '(CASE WHEN isnan($1) THEN $2 ELSE $1 END)'),
  ),
  {
    ...scalar(
      'decode',
      on(['binary', 'string'], stringType, decodedText, {
        fits: ([value]) => value?.kind === 'binary' || value?.kind === 'string' || value?.kind === 'void',
      }),
      rewritten(['any', 'any', 'any'], decoded, { rest: 'any' }),
    ),
    remarks: 'With two arguments it reads UTF-8; with more it is a CASE in which NULL equals NULL.',
  },
]

const absent = nullOf(voidType)

/** `decode(value, search, result, …, default)`. */
function decoded(
  values: readonly BoundExpression[],
  context: { call(name: string, values: readonly BoundExpression[]): BoundExpression },
): BoundExpression {
  const [value = absent, ...rest] = values
  const pairs = Math.floor(rest.length / 2)
  const results = rest.filter((_, index) => index % 2 === 1 || index === pairs * 2)
  const type = results.reduce<DataType>((met, result) => wider(met, result.type) ?? met, voidType)
  const as = (result: BoundExpression): BoundExpression => castTo(result, type)
  return caseOf(
    Array.from({ length: pairs }, (_, index) => ({
      when: context.call('<=>', [value, rest[index * 2] ?? absent]),
      then: as(rest[index * 2 + 1] ?? absent),
    })),
    as(rest[pairs * 2] ?? absent),
  )
}
