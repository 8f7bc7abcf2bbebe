import {
  arrayType,
  binaryType,
  booleanType,
  integerType,
  stringType,
  type DataType,
} from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isNullLiteral } from '../bind/build.ts'
import { delimited } from './arrays-parts.ts'
import { filled, ofKind, on, sameAsFirst, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { onceEach } from './once-each.ts'

const isBinary = ([type]: readonly DataType[]): boolean => type?.kind === 'binary'

/** Text, counted in characters from 1; of binary values the bytes are counted. */
export const stringFunctions: readonly FunctionEntry[] = [
  scalar('upper ucase', text("upper(replace($1, 'ß', 'SS'))")),
  scalar('lower lcase', text('lower($1)')),
  scalar(
    'initcap',
    text(
      "array_to_string(list_transform(string_split(lower($1), ' '), lambda w: CASE WHEN w[1:1] = 'ß' THEN 'Ss' ELSE translate(upper(w[1:1]), 'ǄǇǊǱ', 'ǅǈǋǲ') END || w[2:]), ' ')",
    ),
  ),
  scalar(
    'length char_length character_length len',
    counted('octet_length($1)', isBinary, ['binary']),
    counted('length($1)'),
  ),
  scalar('octet_length', counted('octet_length($1)', isBinary, ['binary']), counted('strlen($1)')),
  scalar('bit_length', counted('octet_length($1) * 8', isBinary, ['binary']), counted('strlen($1) * 8')),
  scalar('ascii', counted('ascii($1)')),
  scalar(
    'char chr',
    on(['long'], stringType, "(CASE WHEN $1 < 0 THEN '' ELSE chr(CAST($1 & 255 AS INTEGER)) END)"),
  ),
  scalar('replace', text("replace($1, $2, '')", 2), text('replace($1, $2, $3)', 3)),
  scalar('translate', text('translate($1, $2, $3)', 3)),
  scalar('repeat', on(['string', 'integer'], stringType, 'repeat($1, CAST($2 AS BIGINT))')),
  scalar('space', on(['integer'], stringType, "repeat(' ', CAST($1 AS BIGINT))")),
  scalar('instr', on(['string', 'string'], integerType, 'CAST(instr($1, $2) AS INTEGER)')),
  scalar(
    'locate position',
    on(['string', 'string'], integerType, 'CAST(instr($2, $1) AS INTEGER)'),
    on(
      ['string', 'string', 'integer'],
      integerType,
      "CAST(CASE WHEN $3 IS NULL THEN 0 WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN $3 < 1 THEN 0 WHEN $1 = '' THEN 1 WHEN instr(substring($2, $3), $1) = 0 THEN 0 ELSE instr(substring($2, $3), $1) + $3 - 1 END AS INTEGER)",
    ),
  ),
  scalar('contains', found('contains($1, $2)')),
  scalar('startswith', found('starts_with(hex($1), hex($2))', true), found('starts_with($1, $2)')),
  scalar('endswith', found('ends_with(hex($1), hex($2))', true), found('ends_with($1, $2)')),
  scalar(
    'find_in_set',
    on(
      ['string', 'string'],
      integerType,
      "CAST(CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN contains($1, ',') THEN 0 ELSE coalesce(list_position(string_split($2, ','), $1), 0) END AS INTEGER)",
    ),
  ),
  scalar(
    'elt',
    on(
      ['integer'],
      ([, ...types]) =>
        types.length > 0 && types.every((type) => type.kind === 'binary') ? binaryType : stringType,
      ({ values: [place = '', ...items], type }) =>
        `CAST(list_extract([${items.join(', ')}], CASE WHEN ${place} > 0 THEN ${place} END) AS ${duckdbType(type)})`,
      {
        rest: 'any',
        converts: ([, ...types]) => [
          undefined,
          ...types.map((type) => (types.every((other) => other.kind === 'binary') ? type : stringType)),
        ],
      },
    ),
  ),
  scalar(
    'levenshtein',
    on(['string', 'string'], integerType, ({ values }) => onceEach(values, distance)),
    on(['string', 'string', 'integer'], integerType, ({ values: [one = '', other = '', most = ''] }) =>
      onceEach(
        [onceEach([one, other], distance), most],
        (far, most) => `CASE WHEN ${far} > coalesce(${most}, 0) THEN -1 ELSE ${far} END`,
      ),
    ),
  ),
  scalar('substring_index', on(['string', 'string', 'integer'], stringType, upToMark)),
  scalar(
    'overlay',
    on(['binary', 'binary', 'integer', 'integer'], binaryType, overlaidBytes, {
      optional: 1,
      fits: isBinary,
    }),
    on(['string', 'string', 'integer', 'integer'], stringType, overlaid, { optional: 1 }),
  ),
  scalar('soundex', text(soundex('$1'))),
  scalar('concat', ...concatenations()),
  scalar('||', ...concatenations()),
  scalar(
    'concat_ws',
    on(['string'], stringType, joined, {
      rest: 'any',
      converts: ([, ...types]) => [
        undefined,
        ...types.map((type) => (type.kind === 'array' ? arrayType(stringType) : stringType)),
      ],
    }),
  ),
  scalar(
    'luhn_check',
    on(
      ['string'],
      booleanType,
      "(CASE WHEN regexp_full_match($1, '[0-9]+') THEN list_sum(list_transform(string_split(reverse($1), ''), lambda d, i: CASE WHEN i % 2 = 1 THEN CAST(d AS INTEGER) ELSE CAST(d AS INTEGER) * 2 // 10 + CAST(d AS INTEGER) * 2 % 10 END)) % 10 = 0 WHEN $1 IS NOT NULL THEN false END)",
    ),
  ),
  scalar('quote', text("('''' || replace(replace($1, '\\', '\\\\'), '''', '\\''') || '''')")),
  scalar('mask', on(['string', 'string', 'string', 'string', 'string'], stringType, masked, { optional: 4 })),
  {
    ...scalar(
      'sentences',
      on(
        ['string', 'string', 'string'],
        arrayType(arrayType(stringType)),
        ({ values: [value = ''] }) =>
          `list_transform(list_filter(string_split_regex(${value}, '[.!?]+(?:\\s+|$)'), lambda s: trim(s) <> ''), lambda s: regexp_extract_all(s, '[\\p{L}\\p{N}]+(?:[''’.][\\p{L}\\p{N}]+)*'))`,
        { optional: 2 },
      ),
    ),
    remarks: 'The language is accepted and not used: sentences end with a full stop, ! or ?.',
  },
  { ...scalar('uuid', on([], stringType, 'CAST(uuid() AS VARCHAR)')), isVolatile: true },
]

/** A mark of one sign does not overlap itself: parts of the engine's are the same. */
function upToMark({
  values: [value = '', mark = '', count = ''],
  arguments: [, given],
}: PrintedCall): string {
  const isSign =
    given?.kind === 'literal' && typeof given.value === 'string' && Array.from(given.value).length === 1
  if (!isSign) return `native_substring_index(${value}, ${mark}, ${count})`
  return onceEach([`string_split(${value}, ${mark})`, count], (parts, places) => {
    const last = `greatest(len(${parts}) + ${places} + 1, 1)`
    return `array_to_string(CASE WHEN ${places} >= 0 THEN ${parts}[1:${places}] WHEN ${places} < 0 THEN ${parts}[${last}:] END, ${mark})`
  })
}

/** The engine counts bytes, which are characters where there are as many. */
function distance(one = '', other = ''): string {
  const areBytes = `strlen(${one}) = length(${one}) AND strlen(${other}) = length(${other})`
  return `CAST(CASE WHEN ${areBytes} THEN levenshtein(${one}, ${other}) ELSE native_levenshtein(${one}, ${other}) END AS INTEGER)`
}

function text(print: string, count = 1): Signature {
  return on(
    Array.from({ length: count }, () => 'string' as const),
    stringType,
    print,
  )
}

function counted(
  print: string,
  fits: (types: readonly DataType[]) => boolean = () => true,
  takes: readonly ['string'] | readonly ['binary'] = ['string'],
): Signature {
  return on(takes, integerType, `CAST(${print} AS INTEGER)`, { fits })
}

function found(print: string, areBytes = false): Signature {
  if (!areBytes) return on(['string', 'string'], booleanType, print)
  return on(['binary', 'binary'], booleanType, print, {
    fits: (types) => types.every((type) => type.kind === 'binary'),
  })
}

function overlaid({
  values: [value = '', by = '', place = '', count = `length(${by})`],
}: PrintedCall): string {
  return filled(
    '(substring($1, 1, greatest($3 - 1, 0)) || $2 || substring($1, CAST($3 + CASE WHEN $4 < 0 THEN length($2) ELSE $4 END AS BIGINT)))',
    [value, by, place, count],
  )
}

function overlaidBytes({
  values: [value = '', by = '', place = '', count = `octet_length(${by})`],
}: PrintedCall): string {
  return filled(
    'unhex(substring(hex($1), 1, greatest(2 * $3 - 2, 0)) || hex($2) || substring(hex($1), CAST(2 * ($3 + CASE WHEN $4 < 0 THEN octet_length($2) ELSE $4 END) - 1 AS BIGINT)))',
    [value, by, place, count],
  )
}

/** Texts, byte strings or arrays one behind the other; NULL makes the whole NULL. */
function concatenations(): Signature[] {
  // The engine forgets the type of a text with a constant NULL in it.
  const together = ({ values, type, arguments: given }: PrintedCall): string => {
    if (given.some(isNullLiteral)) return `CAST(NULL AS ${duckdbType(type)})`
    return values.length === 1 ? (values[0] ?? '') : `(${values.join(' || ')})`
  }
  return [
    on(['common'], sameAsFirst, together, { rest: 'common', ...ofKind('array') }),
    on(['binary'], binaryType, together, { rest: 'binary', ...ofKind('binary') }),
    on(['string'], stringType, together, { rest: 'string' }),
    on([], stringType, "''"),
  ]
}

/** NULL items are left out; items of arrays count each. */
function joined({ values, types: [, ...types], arguments: [given] }: PrintedCall): string {
  const [separator = '', ...items] = values
  if (items.length === 0) return `(CASE WHEN ${separator} IS NOT NULL THEN '' END)`
  if (types.every((type) => type.kind === 'string')) return `concat_ws(${[separator, ...items].join(', ')})`
  const lists = items.map((item, index) =>
    types[index]?.kind === 'array' ? `coalesce(${item}, [])` : `[${item}]`,
  )
  const whole = lists.reduce((left, right) => `list_concat(${left}, ${right})`)
  const elements = `list_filter(${whole}, lambda e: e IS NOT NULL)`
  if (given?.kind === 'literal') return delimited(elements, separator, given)
  return onceEach(
    [separator, elements],
    (by = '', list = '') => `CASE WHEN ${by} IS NOT NULL THEN ${delimited(list, by, given)} END`,
  )
}

/** A letter, then the classes of the consonants behind it, each once in a row; vowels part them, H and W do not. */
function soundex(value: string): string {
  const letters = `regexp_replace(upper(${value}), '[^A-Z]', 'A', 'g')`
  const rest = `translate(substring(${letters}, 2), 'BCDFGJKLMNPQRSTVXZAEIOUYHW', '12312224551262312200000000'[1:24])`
  const codes = `(translate(${letters}[1:1], 'BCDFGJKLMNPQRSTVXZAEIOUYHW', '12312224551262312200000077') || ${rest})`
  const once = ['1', '2', '3', '4', '5', '6'].reduce(
    (inner, code) => `regexp_replace(${inner}, '${code}+', '${code}', 'g')`,
    codes,
  )
  return `(CASE WHEN regexp_matches(upper(${value}), '^[A-Z]') THEN rpad(upper(${value})[1:1] || replace(substring(${once}, 2), '0', ''), 4, '0') ELSE ${value} END)`
}

/** Capital letters, small letters, digits and the rest, each under its own sign; NULL leaves them. */
function masked({
  values: [value = '', capital = "'X'", small = "'x'", digit = "'n'", other = 'NULL'],
}: PrintedCall): string {
  // A sign beyond the first 65,536 is two of Java's, and no letter.
  return `array_to_string(list_transform(string_split(${value}, ''), lambda c: CASE WHEN c = '' THEN c WHEN ord(c) > 65535 THEN coalesce(repeat(CAST(${other} AS VARCHAR), 2), c) WHEN c BETWEEN 'A' AND 'Z' THEN coalesce(${capital}, c) WHEN c BETWEEN 'a' AND 'z' THEN coalesce(${small}, c) WHEN c BETWEEN '0' AND '9' THEN coalesce(${digit}, c) WHEN c <= '~' THEN coalesce(${other}, c) WHEN regexp_matches(c, '\\p{Lu}') THEN coalesce(${capital}, c) WHEN regexp_matches(c, '\\p{Ll}') THEN coalesce(${small}, c) WHEN regexp_matches(c, '\\p{Nd}') THEN coalesce(${digit}, c) ELSE coalesce(${other}, c) END), '')`
}
