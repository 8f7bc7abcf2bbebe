import { filled } from './define.ts'
import { onceEach } from './once-each.ts'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const most = '18446744073709551615'

/**
 * Digits of one base as those of another, as 64 bits without sign; to a negative base, with sign. What is behind the
 * last digit that counts is not read; NULL for no digits and for bases other than 2 to 36.
 */
export function convertedBase(values: readonly string[]): string {
  const [value = '', from = '', to = ''] = values
  const read = onceEach([`upper(trim(${value}, ' '))`, from], (text = '', base = '') =>
    filled(
      `struct_pack(minus := starts_with($1, '-'), places := list_transform(string_split(regexp_extract($1, '^-?([0-9A-Z]*)', 1), ''), lambda c: strpos('${digits}', c) - 1))`,
      [text, base],
    ),
  )
  const whole = onceEach([read, from], (parts = '', base = '') => {
    const good = `list_filter(${parts}.places, lambda p, i: list_bool_and(list_transform(${parts}.places[1:i], lambda q: q >= 0 AND q < ${base})))`
    const sum = `list_reduce(list_prepend(0::HUGEINT, list_transform(${good}, lambda p: p::HUGEINT)), lambda a, p: least(a * ${base} + p, ${most}::HUGEINT))`
    return `struct_pack(minus := ${parts}.minus, size := ${sum})`
  })
  return onceEach(
    [whole, from, `CAST(${to} AS BIGINT)`, value],
    (number = '', base = '', target = '', given = '') => {
      const unsigned = `(CASE WHEN ${number}.minus AND ${number}.size > 0 THEN (${number}.size * -1) & ${most}::HUGEINT ELSE ${number}.size END)`
      // What is too large for the sign is below zero.
      const signed = `(CASE WHEN ${number}.size >= 9223372036854775808::HUGEINT THEN 18446744073709551616::HUGEINT - ${number}.size ELSE ${number}.size END)`
      const size = `(CASE WHEN ${target} > 0 THEN ${unsigned} ELSE ${signed} END)`
      const isBelow = `(${number}.minus <> (${number}.size >= 9223372036854775808::HUGEINT))`
      const sign = `(CASE WHEN ${target} < 0 AND ${isBelow} AND ${number}.size > 0 THEN '-' ELSE '' END)`
      const radix = `CAST(abs(${target}) AS INTEGER)`
      const text = `CASE WHEN ${size} < ${radix} THEN to_base(${size}::BIGINT, ${radix}) ELSE to_base((${size} // ${radix})::BIGINT, ${radix}) || to_base((${size} % ${radix})::BIGINT, ${radix}) END`
      return `(CASE WHEN ${base} BETWEEN 2 AND 36 AND abs(${target}) BETWEEN 2 AND 36 AND trim(${given}, ' ') <> '' THEN ${sign} || ${text} END)`
    },
  )
}
