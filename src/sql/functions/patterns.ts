import { quoteLiteral } from '#base/sql-text.ts'
import { arrayType, booleanType, integerType, stringType } from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { enginePattern, engineReplacement } from './patterns-java.ts'

const remarks =
  'Patterns are RE2: as Java’s, without lookaround, back references and possessive quantifiers, which raise an error.'

/** LIKE and regular expressions. */
export const patternFunctions: readonly FunctionEntry[] = [
  scalar('like', like('LIKE')),
  scalar('ilike', like('ILIKE')),
  {
    ...scalar(
      'rlike regexp regexp_like',
      on(['string', 'string'], booleanType, (call) => `regexp_matches(${call.values[0]}, ${pattern(call)})`),
    ),
    remarks,
  },
  {
    ...scalar(
      'regexp_extract',
      on(
        ['string', 'string', 'integer'],
        stringType,
        (call) => `regexp_extract(${call.values[0]}, ${pattern(call)}, ${call.values[2] ?? 1})`,
        { optional: 1 },
      ),
    ),
    remarks: `The group is 1 when not given. ${remarks}`,
  },
  {
    ...scalar(
      'regexp_extract_all',
      on(
        ['string', 'string', 'integer'],
        arrayType(stringType),
        (call) => `regexp_extract_all(${call.values[0]}, ${pattern(call)}, ${call.values[2] ?? 1})`,
        { optional: 1 },
      ),
    ),
    remarks: `The group is 1 when not given. ${remarks}`,
  },
  {
    ...scalar(
      'regexp_replace',
      on(['string', 'string', 'string'], stringType, (call) => replaced(call, call.values[0] ?? '')),
      on(['string', 'string', 'string', 'integer'], stringType, (call) => {
        const [value = '', , , place = ''] = call.values
        return `(substring(${value}, 1, ${place} - 1) || ${replaced(call, `substring(${value}, ${place})`)})`
      }),
    ),
    remarks: `Every match is replaced; \`$1\` is the first group. ${remarks}`,
  },
  {
    ...scalar(
      'regexp_count',
      on(
        ['string', 'string'],
        integerType,
        (call) => `CAST(len(regexp_extract_all(${call.values[0]}, ${pattern(call)}, 0)) AS INTEGER)`,
      ),
    ),
    remarks,
  },
  {
    ...scalar(
      'regexp_substr',
      on(
        ['string', 'string'],
        stringType,
        (call) =>
          `(CASE WHEN regexp_matches(${call.values[0]}, ${pattern(call)}) THEN regexp_extract(${call.values[0]}, ${pattern(call)}, 0) END)`,
      ),
    ),
    remarks,
  },
  {
    ...scalar(
      'regexp_instr',
      on(
        ['string', 'string', 'integer'],
        integerType,
        (call) => {
          const [value = ''] = call.values
          return `CAST(CASE WHEN regexp_matches(${value}, ${pattern(call)}) THEN length(regexp_extract(${value}, '^(?s:(.*?))(?:' || ${pattern(call)} || ')', 1)) + 1 WHEN ${value} IS NOT NULL THEN 0 END AS INTEGER)`
        },
        { optional: 1 },
      ),
    ),
    remarks,
  },
  {
    ...scalar('split', on(['string', 'string', 'integer'], arrayType(stringType), split, { optional: 1 })),
    remarks: `The separator is a pattern. ${remarks}`,
  },
  scalar(
    'split_part',
    on(
      ['string', 'string', 'integer'],
      stringType,
      "(CASE WHEN $2 <> '' THEN split_part($1, $2, $3) WHEN $3 IN (1, -1) THEN $1 WHEN $1 IS NOT NULL AND $2 IS NOT NULL AND $3 IS NOT NULL THEN '' END)",
    ),
  ),
]

function like(operator: 'LIKE' | 'ILIKE'): Signature {
  return on(
    ['string', 'string', 'string'],
    booleanType,
    ({ values: [value = '', form = '', escape = "'\\'"] }) =>
      `(${value} ${operator} ${form} ESCAPE ${escape})`,
    { optional: 1 },
  )
}

/** Constant patterns are translated from Java’s language; others must be in what both know. */
function pattern({ values, arguments: given }: PrintedCall): string {
  const text = constantText(given[1])
  return text === undefined ? (values[1] ?? '') : quoteLiteral(enginePattern(text))
}

function constantText(value: BoundExpression | undefined): string | undefined {
  return value?.kind === 'literal' && typeof value.value === 'string' ? value.value : undefined
}

function replaced(call: PrintedCall, value: string): string {
  const by = constantText(call.arguments[2])
  const replacement =
    by === undefined
      ? `regexp_replace(${call.values[2]}, '\\$(\\d)', '\\\\\\1', 'g')`
      : quoteLiteral(engineReplacement(by))
  return `regexp_replace(${value}, ${pattern(call)}, ${replacement}, 'g')`
}

/** With a limit, the last part keeps what is left: separators before it are marked with a sign that no text has. */
function split(call: PrintedCall): string {
  const [value = ''] = call.values
  const form = constantText(call.arguments[1])
  const limit = call.arguments[2]
  const most = limit?.kind === 'literal' ? Number(limit.value) : -1
  if (most === 1) return `[${value}]`
  if (most > 1) {
    const marked = Array.from({ length: Math.min(most, 100) - 1 }).reduce<string>(
      (inner) => `regexp_replace(${inner}, ${pattern(call)}, chr(31))`,
      value,
    )
    return `string_split(${marked}, chr(31))`
  }
  const isPlain = form !== undefined && form !== '' && !/[\\^$.|?*+()[\]{}]/.test(form)
  return isPlain
    ? `string_split(${value}, ${quoteLiteral(form)})`
    : `string_split_regex(${value}, ${pattern(call)})`
}
