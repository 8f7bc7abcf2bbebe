import { binaryType, stringType, type DataType } from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { on, scalar } from './define.ts'
import type { Accepts, FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { onceEach } from './once-each.ts'

const isBinary = ([type]: readonly DataType[]): boolean => type?.kind === 'binary'

/** Parts of texts and byte strings, and texts brought to a length. The engine has no such functions for bytes: they go by hex digits. */
export const stringPartFunctions: readonly FunctionEntry[] = [
  {
    ...scalar('substring substr', ...parts(['integer', 'integer'], 1, cut)),
    remarks: 'Place 0 is the first character; a negative place counts from the end.',
  },
  scalar(
    'left',
    ...parts(['integer'], 0, (value, [count = '']) => `substring(${value}, 1, ${atLeast(count, 0)})`),
  ),
  scalar(
    'right',
    on(
      ['string', 'integer'],
      stringType,
      ({ values: [value = '', count = ''] }) => `right(${value}, ${atLeast(count, 0)})`,
    ),
  ),
  scalar('lpad', ...padded('lpad')),
  scalar('rpad', ...padded('rpad')),
  scalar('trim', trimmed()),
  scalar('btrim', trimmedBytes(), trimmed()),
  scalar('ltrim', text(`ltrim($1, ' ')`), text('ltrim($2, $1)', 2)),
  scalar('rtrim', text(`rtrim($1, ' ')`), text('rtrim($2, $1)', 2)),
]

function parts(
  takes: readonly Accepts[],
  optional: number,
  print: (
    value: string,
    counts: readonly string[],
    values: readonly (BoundExpression | undefined)[],
  ) => string,
): Signature[] {
  return [
    on(
      ['binary', ...takes],
      binaryType,
      ({ values: [value = '', ...given] }) => {
        const counts = given.map((count) => (/^\d+$/.test(count) ? count : `CAST(${count} AS BIGINT)`))
        const [place, count] = counts.length === 2 || optional === 1 ? counts : [undefined, counts[0]]
        const digits =
          counts.length === 1 && optional === 0
            ? [`2 * ${count}`]
            : [
                `(CASE WHEN ${place} > 0 THEN 2 * ${place} - 1 ELSE 2 * ${place} END)`,
                ...(count === undefined ? [] : [`2 * ${count}`]),
              ]
        return `unhex(${print(`hex(${value})`, digits, [])})`
      },
      { optional, fits: isBinary },
    ),
    on(
      ['string', ...takes],
      stringType,
      ({ values: [value = '', ...counts], arguments: [, ...given] }) => print(value, counts, given),
      { optional },
    ),
  ]
}

function cut(
  value: string,
  [place = '', count]: readonly string[],
  [placeValue]: readonly (BoundExpression | undefined)[],
): string {
  const known = placeValue?.kind === 'literal' ? Number(placeValue.value) : 0
  const from = (at: string): string => (known === 0 ? `(CASE WHEN ${at} = 0 THEN 1 ELSE ${at} END)` : at)
  if (count === undefined) return `substring(${value}, ${from(place)})`
  if (known > 0) return `substring(${value}, ${place}, ${atLeast(count, 0)})`
  // What begins before the text loses what lies before it; the engine would take it from the text.
  return onceEach([value, place, count], (text, at, many) => {
    const first = `(length(${text}) + ${at})`
    const start = `(CASE WHEN ${at} < 0 AND ${first} < 0 THEN 1 ELSE ${from(at)} END)`
    const before = `(CASE WHEN ${at} < 0 AND ${first} < 0 THEN ${first} ELSE 0 END)`
    return `substring(${text}, ${start}, ${atLeast(`(CAST(${many} AS BIGINT) + ${before})`, 0)})`
  })
}

function atLeast(count: string, least: number): string {
  return /^\d+$/.test(count) ? count : `(CASE WHEN ${count} < ${least} THEN ${least} ELSE ${count} END)`
}

/** To a length, by cutting or by putting the pad before or behind. */
function padded(name: 'lpad' | 'rpad'): Signature[] {
  const fill = (value: string, count: string, pad: string): string => {
    const call = `${name}(${value}, CAST(${atLeast(count, 0)} AS INTEGER), ${pad})`
    return pad.startsWith("'") && pad !== "''"
      ? call
      : `(CASE WHEN ${pad} = '' THEN substring(${value}, 1, ${atLeast(count, 0)}) ELSE ${call} END)`
  }
  return [
    on(
      ['binary', 'integer', 'binary'],
      binaryType,
      ({ values: [value = '', count = '', pad = "'\\x00'::BLOB"] }) =>
        `unhex(${fill(`hex(${value})`, `2 * ${count}`, `hex(${pad})`)})`,
      {
        optional: 1,
        fits: ([value, , pad = value]) => [value, pad].every((type) => type?.kind === 'binary'),
      },
    ),
    on(
      ['string', 'integer', 'string'],
      stringType,
      ({ values: [value = '', count = '', pad = "' '"] }) => fill(value, count, pad),
      { optional: 1 },
    ),
  ]
}

function text(print: string, count: 1 | 2 = 1): Signature {
  return on(count === 1 ? ['string'] : ['string', 'string'], stringType, print)
}

/** `trim(text)` and `trim(text, signs)`: only spaces go unless signs are given. */
function trimmed(): Signature {
  return on(
    ['string', 'string'],
    stringType,
    ({ values: [value = '', signs = "' '"] }: PrintedCall) => `trim(${value}, ${signs})`,
    { optional: 1 },
  )
}

function trimmedBytes(): Signature {
  return on(
    ['binary', 'binary'],
    stringType,
    ({ values: [value = '', signs] }) =>
      `trim(decode(${value}), ${signs === undefined ? "' '" : `decode(${signs})`})`,
    { optional: 1, fits: isBinary },
  )
}
