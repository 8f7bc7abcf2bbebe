import { quoteLiteral } from '#base/sql-text.ts'
import { doubleType, longType, stringType, type DataType } from '#types/data-type.ts'
import { isIntegral, isNumeric } from '#types/implicit-cast.ts'
import type { PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'

/** `format_number(x, places)`, or with a pattern of Java's such as `#,##0.00`. */
export function formattedNumber({
  values: [value = '', form = ''],
  types: [type = doubleType, formType = stringType],
  cast,
  arguments: [, given],
}: PrintedCall): string {
  const isDecimal = type.kind === 'decimal' || isIntegral(type)
  const isPlaces = formType.kind !== 'string'
  const number = cast(value, type, doubleType)
  if (!isDecimal && isPlaces && given?.kind === 'literal')
    return onceEach(
      [number],
      (number = '') =>
        // Above, Java shows the digits that tell a number from its neighbours and zeros, the engine all of it.
        `(CASE WHEN ${form} < 0 THEN NULL WHEN abs(${number}) < 9007199254740992 THEN format('{:,.' || ${form} || 'f}', ${number}) ELSE native_double_format(${number}, '#,##0' || CASE WHEN ${form} > 0 THEN '.' || repeat('0', ${form}) ELSE '' END) END)`,
    )
  const written = (pattern: string): string =>
    isDecimal
      ? `native_decimal_format(CAST(${value} AS VARCHAR), ${pattern})`
      : `native_double_format(${number}, ${pattern})`
  if (!isPlaces) return written(`CASE WHEN ${form} = '' THEN '#,##0' ELSE ${form} END`)
  return onceEach(
    [form],
    (places = '') =>
      `(CASE WHEN ${places} > 0 THEN ${written(`'#,##0.' || repeat('0', ${places})`)} WHEN ${places} = 0 THEN ${written("'#,##0'")} END)`,
  )
}

const widths: Partial<Record<DataType['kind'], string>> = {
  byte: 'i8',
  short: 'i16',
  integer: 'i32',
  long: 'i64',
}

/** `format_string('%s has %d', …)`. Texts and whole numbers without flags need no more than putting them in. */
export function formattedText({
  values: [form = '', ...values],
  types: [, ...types],
  cast,
  arguments: [given],
}: PrintedCall): string {
  const format = given?.kind === 'literal' && typeof given.value === 'string' ? given.value : undefined
  const texts = values.map((value, index) => shown(value, types[index] ?? stringType, cast))
  const signs =
    format === undefined ? [] : [...format.matchAll(/%(?:[%n]|.)/gs)].filter(([sign]) => !/[%n]$/.test(sign))
  const isPlain =
    format !== undefined &&
    signs.length <= values.length &&
    signs.every(([sign], index) => sign === '%s' || (sign === '%d' && isIntegral(types[index] ?? stringType)))
  if (isPlain) {
    const engines = format.replaceAll(/%(.)/gs, (all, sign) =>
      sign === 'n' ? '\n' : sign === 'd' ? '%s' : all,
    )
    const plain = quoteLiteral(engines)
    return `printf(${[plain, ...texts.map((text) => `coalesce(${text}, 'null')`)].join(', ')})`
  }
  const marked = texts.map((text, index) => `'${kindOf(types[index] ?? stringType)}:' || ${text}`)
  return `native_format(${form}, CAST([${marked.join(', ')}] AS VARCHAR[]))`
}

function kindOf(type: DataType): string {
  if (type.kind === 'decimal') return 'm'
  if (type.kind === 'boolean') return 'b'
  return widths[type.kind] ?? (isNumeric(type) ? 'd' : 's')
}

/** What a value is to Java: times are whole numbers there. */
function shown(value: string, type: DataType, cast: PrintedCall['cast']): string {
  if (type.kind === 'date') return `CAST(datediff('day', DATE '1970-01-01', ${value}) AS VARCHAR)`
  if (type.kind === 'timestamp') return `CAST(epoch_us(${value}) AS VARCHAR)`
  if (type.kind === 'float') return cast(cast(value, type, doubleType), doubleType, stringType)
  return isIntegral(type)
    ? cast(cast(value, type, longType), longType, stringType)
    : cast(value, type, stringType)
}
