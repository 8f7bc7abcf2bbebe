import { doubleType, integerType, longType, stringType, type DataType } from '#types/data-type.ts'
import { isIntegral, isNumeric } from '#types/implicit-cast.ts'
import { filled, on, once, sameAsFirst, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { wrapped } from './numbers.ts'
import { onceEach } from './once-each.ts'
import { wholeNegated } from './operators-whole.ts'

const isInterval = ([type]: readonly DataType[]): boolean => type?.kind === 'interval'

/** The engine raises an error outside of a function's domain; Spark gives NaN or NULL. */
export const mathFunctions: readonly FunctionEntry[] = [
  scalar(
    'abs',
    on(['interval'], sameAsFirst, "(CASE WHEN $1 < INTERVAL '0' DAY THEN - $1 ELSE $1 END)", {
      fits: isInterval,
    }),
    on(['numeric'], sameAsFirst, (call) =>
      isIntegral(call.type) ? wholeNegated(call, 'abs') : `abs(${call.values[0]})`,
    ),
  ),
  scalar(
    'sign signum',
    on(
      ['interval'],
      doubleType,
      "(CASE WHEN $1 < INTERVAL '0' DAY THEN -1.0 WHEN $1 > INTERVAL '0' DAY THEN 1.0 WHEN $1 IS NOT NULL THEN 0.0 END)::DOUBLE",
      { fits: isInterval },
    ),
    of('(CASE WHEN isnan($1) THEN $1 ELSE CAST(sign($1) AS DOUBLE) END)'),
  ),
  scalar('sqrt', of("(CASE WHEN $1 < 0 THEN 'NaN'::DOUBLE ELSE sqrt($1) END)")),
  scalar(
    'cbrt',
    of((x) =>
      once(
        x,
        (v) =>
          `CASE WHEN ${v} = 0 OR NOT abs(${v}) < 1e300 THEN cbrt(${v}) ELSE cbrt(${v}) - (cbrt(${v}) ** 3 - ${v}) / (3 * cbrt(${v}) ** 2) END`,
      ),
    ),
  ),
  scalar('exp', of('exp($1)')),
  scalar(
    'expm1',
    // Near 0 one less a number close to one has few digits: what is lost is known by its logarithm.
    of(
      '(CASE WHEN abs($1) >= 0.5 THEN exp($1) - 1 WHEN exp($1) = 1 THEN $1 ELSE (exp($1) - 1) * $1 / ln(exp($1)) END)',
    ),
  ),
  scalar('ln', of(`ln(${positive('$1')})`)),
  scalar('log10', of(`log10(${positive('$1')})`)),
  scalar('log2', of(`log2(${positive('$1')})`)),
  scalar(
    'log1p',
    of(
      `(CASE WHEN NOT abs($1) < 0.5 THEN ln(${positive('$1 + 1')}) WHEN $1 + 1 = 1 THEN $1 ELSE ln($1 + 1) * $1 / (($1 + 1) - 1) END)`,
    ),
  ),
  scalar('log', of(`ln(${positive('$1')})`), of2(`(ln(${positive('$2')}) / ln(${positive('$1')}))`)),
  scalar('pow power', of2('pow($1, $2)')),
  scalar(
    'hypot',
    on(['double', 'double'], doubleType, ({ values }) => onceEach(values, hypotenuse)),
  ),
  scalar('sin', of(finite('sin($1)'))),
  scalar('cos', of(finite('cos($1)'))),
  scalar('tan', of(finite('tan($1)'))),
  scalar('cot', of(finite('(1 / tan($1))'))),
  scalar('sec', of(finite('(1 / cos($1))'))),
  scalar('csc', of(finite('(1 / sin($1))'))),
  scalar('asin', of(within('asin($1)'))),
  scalar('acos', of(within('acos($1)'))),
  scalar('atan', of('atan($1)')),
  scalar('atan2', of2('atan2($1 + 0e0, $2 + 0e0)')),
  scalar('sinh', of('sinh($1)')),
  scalar('cosh', of('cosh($1)')),
  scalar('tanh', of('tanh($1)')),
  // By the formula that Spark has, which loses digits near 0 and below.
  scalar(
    'asinh',
    of(
      "(CASE WHEN abs($1) > 1e150 THEN asinh($1) WHEN $1 + sqrt($1 * $1 + 1) = 0 THEN '-Infinity'::DOUBLE ELSE ln($1 + sqrt($1 * $1 + 1)) END)",
    ),
  ),
  scalar('acosh', of("(CASE WHEN $1 < 1 THEN 'NaN'::DOUBLE ELSE acosh($1) END)")),
  scalar(
    'atanh',
    of(
      "(CASE WHEN abs($1) = 1 THEN $1 * 'Infinity'::DOUBLE WHEN abs($1) > 1 THEN 'NaN'::DOUBLE ELSE atanh($1) END)",
    ),
  ),
  scalar('degrees', of('degrees($1)')),
  scalar('radians', of('radians($1)')),
  scalar('pi', on([], doubleType, 'pi()')),
  scalar('e', on([], doubleType, 'exp(1::DOUBLE)')),
  scalar('rint', of('round_even($1, 0)')),
  scalar(
    'factorial',
    on(
      ['integer'],
      longType,
      '(CASE WHEN $1 BETWEEN 0 AND 20 THEN CAST(factorial(CASE WHEN $1 BETWEEN 0 AND 20 THEN $1 ELSE 0 END) AS BIGINT) END)',
    ),
  ),
  scalar('bin', on(['long'], stringType, 'bin($1)')),
  scalar(
    'bit_count',
    on(['boolean'], integerType, 'CAST($1 AS INTEGER)', { fits: ([type]) => type?.kind === 'boolean' }),
    on(['integral'], integerType, 'CAST(bit_count(CAST($1 AS BIGINT)) AS INTEGER)'),
  ),
  scalar(
    'bit_get getbit',
    on(['integral', 'integer'], { kind: 'byte' }, 'CAST((CAST($1 AS BIGINT) >> $2) & 1 AS TINYINT)'),
  ),
  scalar(
    'shiftleft <<',
    shift((value, by, room) => `CAST(${value} AS ${room}) * (CAST(1 AS ${room}) << ${by})`),
  ),
  scalar(
    'shiftright >>',
    shift((value, by) => `${value} >> ${by}`),
  ),
  scalar(
    'shiftrightunsigned >>>',
    shift((value, by, room, mask) => `(CAST(${value} AS ${room}) & ${mask}) >> ${by}`),
  ),
  scalar(
    'width_bucket',
    on(
      ['interval', 'interval', 'interval', 'long'],
      longType,
      ({ values: [value = '', low = '', high = '', count = ''] }) =>
        bucket([`epoch(${value})`, `epoch(${low})`, `epoch(${high})`, count]),
      { fits: isInterval },
    ),
    on(['double', 'double', 'double', 'long'], longType, ({ values }) => bucket(values)),
  ),
  {
    ...scalar('rand random', on([], doubleType, 'random()'), on(['any'], doubleType, 'random()')),
    isVolatile: true,
    remarks:
      'A seed is accepted and not used: the order of rows is not fixed, so neither would the numbers be.',
  },
  {
    ...scalar('randn', on([], doubleType, gaussian()), on(['any'], doubleType, gaussian())),
    isVolatile: true,
  },
  {
    ...scalar('monotonically_increasing_id', on([], longType, '(row_number() OVER () - 1)')),
    isVolatile: true,
  },
]

function of(print: string | ((value: string) => string)): Signature {
  return on(
    ['double'],
    doubleType,
    typeof print === 'string' ? print : ({ values: [value = ''] }) => print(value),
  )
}

function of2(print: string): Signature {
  return on(['double', 'double'], doubleType, print)
}

/** Squares of what is very large or small leave the range of a double. */
function hypotenuse(one = '', other = ''): string {
  const largest = `greatest(abs(${one}), abs(${other}))`
  const scaled = `${largest} * sqrt((${one} / ${largest}) ** 2 + (${other} / ${largest}) ** 2)`
  return (
    `(CASE WHEN isinf(${one}) OR isinf(${other}) THEN 'Infinity'::DOUBLE WHEN ${one} = 0 AND ${other} = 0 THEN 0e0 ` +
    `WHEN ${largest} BETWEEN 1e-150 AND 1e150 THEN sqrt(${one} * ${one} + ${other} * ${other}) WHEN ${one} IS NOT NULL AND ${other} IS NOT NULL THEN ${scaled} END)`
  )
}

/** NULL for what has no logarithm. */
function positive(value: string): string {
  return `nullif(greatest(${value}, 0), 0)`
}

function finite(call: string): string {
  return `(CASE WHEN isinf($1) THEN 'NaN'::DOUBLE ELSE ${call} END)`
}

function within(call: string): string {
  return `(CASE WHEN abs($1) > 1 THEN 'NaN'::DOUBLE ELSE ${call} END)`
}

/** Whole numbers of 32 or 64 bits; the distance counts modulo the width, as in Java. */
function shift(body: (value: string, by: string, room: string, mask: string) => string): Signature {
  return on(
    ['any', 'integer'],
    ([type]) => (type?.kind === 'long' ? longType : integerType),
    ({ values: [value = '', by = ''], type }: PrintedCall) => {
      const isLong = type.kind === 'long'
      const room = isLong ? 'HUGEINT' : 'BIGINT'
      const distance = `CAST(${by} & ${isLong ? 63 : 31} AS ${isLong ? 'HUGEINT' : 'INTEGER'})`
      const wide = isLong ? value : `CAST(${value} AS INTEGER)`
      return wrapped(
        body(
          wide,
          body.length === 2 ? `CAST(${distance} AS ${isLong ? 'BIGINT' : 'INTEGER'})` : distance,
          room,
          isLong ? '18446744073709551615' : '4294967295',
        ),
        type,
      )
    },
    {
      fits: ([type]) =>
        type !== undefined && (isNumeric(type) || type.kind === 'string' || type.kind === 'void'),
      converts: ([type]) => [type?.kind === 'long' ? longType : integerType, undefined],
    },
  )
}

function bucket(values: readonly string[]): string {
  return filled(
    `CAST(CASE WHEN $1 IS NULL OR $2 IS NULL OR $3 IS NULL OR $4 <= 0 OR $2 = $3 THEN NULL WHEN $2 < $3 THEN CASE WHEN $1 < $2 THEN 0 WHEN $1 >= $3 THEN $4 + 1 ELSE floor(($1 - $2) / ($3 - $2) * $4) + 1 END ELSE CASE WHEN $1 > $2 THEN 0 WHEN $1 <= $3 THEN $4 + 1 ELSE floor(($2 - $1) / ($2 - $3) * $4) + 1 END END AS BIGINT)`,
    values,
  )
}

function gaussian(): string {
  return '(sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))'
}
