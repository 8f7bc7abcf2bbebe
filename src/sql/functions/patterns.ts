import { AppError } from '#base/errors.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import { arrayType, booleanType, integerType, stringType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { castTo, nullOf, stringOf } from '../bind/build.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, RewriteContext, Signature } from './entry.ts'
import {
  enginePattern,
  engineReplacement,
  groupCount,
  isEngines,
  mayLackGroups,
  neverEmpty,
  withLastLine,
} from './patterns-java.ts'

const remarks =
  'Patterns are Java’s. What RE2 cannot do (look-around, back references, possessive quantifiers), and patterns that are no constants, run in JavaScript.'

/** LIKE and regular expressions. */
export const patternFunctions: readonly FunctionEntry[] = [
  scalar('like', like('LIKE')),
  scalar('ilike', like('ILIKE')),
  {
    ...scalar(
      'rlike regexp regexp_like',
      on(
        ['string', 'string'],
        booleanType,
        byEngine(({ value, form }) => `regexp_matches(${value}, ${form})`, 'native_regex_matches', {
          mended: withLastLine,
        }),
      ),
    ),
    remarks,
  },
  {
    ...scalar(
      'regexp_extract',
      on(['string', 'string', 'integer'], stringType, (call) => extracted(call, 'regexp_extract'), {
        optional: 1,
      }),
    ),
    remarks: `The group is 1 when not given. ${remarks}`,
  },
  {
    ...scalar(
      'regexp_extract_all',
      on(
        ['string', 'string', 'integer'],
        arrayType(stringType),
        (call) => extracted(call, 'regexp_extract_all'),
        { optional: 1 },
      ),
    ),
    remarks: `The group is 1 when not given. ${remarks}`,
  },
  {
    ...scalar(
      'regexp_replace',
      rewritten(['string', 'string', 'string', 'string'], replacedByFlags, {
        fits: ([, , , flags]) => flags?.kind === 'string',
      }),
      on(['string', 'string', 'string', 'integer'], stringType, replaced, { optional: 1 }),
    ),
    remarks: `Every match is replaced; \`$1\` is the first group. With flags for a place, \`g\` among them, it is PostgreSQL's, whose groups are \`\\1\`. ${remarks}`,
  },
  {
    ...scalar(
      'regexp_count',
      on(
        ['string', 'string'],
        integerType,
        byEngine(
          ({ value, form }) => `CAST(len(regexp_extract_all(${value}, ${form}, 0)) AS INTEGER)`,
          'native_regex_count',
          // What is empty the engine finds twice at the end.
          { isFor: neverEmpty },
        ),
      ),
    ),
    remarks,
  },
  {
    ...scalar(
      'regexp_substr',
      on(['string', 'string'], stringType, (call) => {
        const { value, form, isRe2 } = sideOf(call)
        const is = isRe2 ? 'regexp_matches' : 'native_regex_matches'
        const found = isRe2 ? 'regexp_extract' : 'native_regex_extract'
        return `(CASE WHEN ${is}(${value}, ${form}) THEN nullif(${found}(${value}, ${form}, 0), '') END)`
      }),
    ),
    remarks,
  },
  {
    ...scalar(
      'regexp_instr',
      on(
        ['string', 'string', 'integer'],
        integerType,
        knownPlace(
          byEngine(
            ({ value, form }) =>
              `CAST(CASE WHEN regexp_matches(${value}, ${form}) THEN length(regexp_extract(${value}, '^(?s:(.*?))(?:' || ${form} || ')', 1)) + 1 WHEN NOT regexp_matches(${value}, ${form}) THEN 0 END AS INTEGER)`,
            'native_regex_place',
          ),
        ),
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

interface Side {
  readonly value: string
  readonly form: string
  /** Whether the engine itself can run the pattern. */
  readonly isRe2: boolean
}

/** Constant patterns are translated from Java’s language, where the engine has all that they ask for. */
function sideOf(
  { values: [value = '', form = ''], arguments: [, given] }: PrintedCall,
  mended = (text: string): string => text,
): Side {
  const text = constantText(given)
  return text !== undefined && isEngines(text)
    ? { value, form: quoteLiteral(enginePattern(mended(text))), isRe2: true }
    : { value, form, isRe2: given?.kind === 'literal' && given.value === null }
}

function byEngine(
  engine: (side: Side) => string,
  native: string,
  {
    mended,
    isFor = () => true,
  }: { readonly mended?: (text: string) => string; readonly isFor?: (pattern: string) => boolean } = {},
): (call: PrintedCall) => string {
  return (call) => {
    const side = sideOf(call, mended)
    const pattern = constantText(call.arguments[1])
    return side.isRe2 && (pattern === undefined || isFor(pattern))
      ? engine(side)
      : `${native}(${side.value}, ${call.values[1] ?? side.form})`
  }
}

/** What has no use for the place of a group but that it is known. */
function knownPlace(print: (call: PrintedCall) => string): (call: PrintedCall) => string {
  return (call) => {
    const group = call.arguments[2]
    return group?.kind === 'literal' && group.value === null ? 'CAST(NULL AS INTEGER)' : print(call)
  }
}

/** A group that is no constant the engine does not take. */
function extracted(call: PrintedCall, name: 'regexp_extract' | 'regexp_extract_all'): string {
  const { value, form, isRe2 } = sideOf(call)
  const { 2: group } = call.arguments
  if (group?.kind === 'literal' && group.value === null) return `CAST(NULL AS ${duckdbType(call.type)})`
  const pattern = constantText(call.arguments[1]) ?? ''
  const lacks = name === 'regexp_extract_all' && (mayLackGroups(pattern) || !neverEmpty(pattern))
  const number = group === undefined ? 1 : group.kind === 'literal' ? Number(group.value) : -1
  // A group that there is not is found where the pattern is.
  const isKnown = !lacks && number >= 0 && number <= groupCount(pattern)
  const own = isRe2 && isKnown ? name : `native_${name.replace('regexp', 'regex')}`
  return `${own}(${value}, ${isRe2 && !isKnown ? (call.values[1] ?? '') : form}, ${call.values[2] ?? 1})`
}

function constantText(value: BoundExpression | undefined): string | undefined {
  return value?.kind === 'literal' && typeof value.value === 'string' ? value.value : undefined
}

function replaced(call: PrintedCall): string {
  const { value, form, isRe2 } = sideOf(call)
  const by = constantText(call.arguments[2])
  const { 2: given = '', 3: place = '1' } = call.values
  const isKnown = by !== undefined && namesGroups(by, constantText(call.arguments[1]) ?? '')
  return isRe2 && isKnown && place === '1'
    ? `regexp_replace(${value}, ${form}, ${quoteLiteral(engineReplacement(by))}, 'g')`
    : `native_regex_replace(${value}, ${call.values[1] ?? form}, ${given}, ${place})`
}

/** Whether each `$` of a replacement stands before the number of a group, of one digit. */
function namesGroups(by: string, pattern: string): boolean {
  const groups = groupCount(pattern)
  const plain = by.replaceAll(/\\./gs, '')
  return (
    groups < 10 &&
    [...plain.matchAll(/\$(\d*)/g)].every(
      ([, digits = '']) => digits.length === 1 && Number(digits) <= groups,
    )
  )
}

/** With a limit, the last part keeps what is left. */
function split(call: PrintedCall): string {
  const { value, form, isRe2 } = sideOf(call)
  const text = constantText(call.arguments[1])
  const { 2: limit } = call.arguments
  const isAll = limit === undefined || (limit.kind === 'literal' && Number(limit.value ?? 1) <= 0)
  if (!isRe2 || text === undefined || !isAll || !neverEmpty(text))
    return `native_regex_split(${value}, ${call.values[1] ?? form}, ${call.values[2] ?? '-1'})`
  return /[\\^$.|?*+()[\]{}]/.test(text)
    ? `string_split_regex(${value}, ${form})`
    : `string_split(${value}, ${quoteLiteral(text)})`
}

/** PostgreSQL's fourth argument is no place but flags; without `g` only the first match would be replaced. */
function replacedByFlags(
  [
    value = nullOf(stringType),
    pattern = value,
    replacement = value,
    flags = value,
  ]: readonly BoundExpression[],
  context: RewriteContext,
): BoundExpression {
  const text = flags.kind === 'literal' ? String(flags.value) : ''
  if (!/^[a-z]+$/.test(text)) {
    return context.call('regexp_replace', [value, pattern, replacement, castTo(flags, integerType)])
  }
  if (!/^(?:g|gi|ig)$/.test(text)) {
    throw new AppError(
      'query.unsupported',
      `The flags ${JSON.stringify(text)} of regexp_replace are not there.`,
      {
        hint: "There are 'g', which replaces every match, and 'gi', which does so whatever the case.",
      },
    )
  }
  const by =
    replacement.kind === 'literal' && typeof replacement.value === 'string' ? replacement.value : undefined
  return context.call('regexp_replace', [
    value,
    text === 'g' ? pattern : context.call('concat', [stringOf('(?i)'), pattern]),
    // What a column gives is taken as it is.
    by === undefined ? replacement : stringOf(javaReplacement(by)),
  ])
}

/** `\1` is `$1` there, `\&` the match, and a dollar nothing more than that. */
function javaReplacement(text: string): string {
  return text
    .replaceAll('$', String.raw`\$`)
    .replaceAll(/\\([\d&])/g, (_all, group: string) => `$${group === '&' ? '0' : group}`)
}
