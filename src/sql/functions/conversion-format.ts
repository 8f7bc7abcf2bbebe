import { AppError } from '#base/errors.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import { doubleType, stringType, type DataType } from '#types/data-type.ts'
import { isIntegral, isNumeric } from '#types/implicit-cast.ts'
import type { PrintedCall } from './entry.ts'

/** `format_number(x, places)`, or with a pattern such as `#,##0.00`. */
export function formattedNumber({
  values: [value = '', places = ''],
  types: [type = doubleType],
  cast,
  arguments: [, form],
}: PrintedCall): string {
  const shown = type.kind === 'decimal' ? value : cast(value, type, doubleType)
  const number = cast(shown, type.kind === 'decimal' ? type : doubleType, doubleType)
  if (form?.type.kind !== 'string')
    return `(CASE WHEN ${places} >= 0 THEN format('{:,.' || ${places} || 'f}', ${number}) END)`
  const pattern = form.kind === 'literal' ? String(form.value) : ''
  const match = /^([#,0]*)(?:\.(0*)(#*))?$/.exec(pattern)
  if (!match) {
    throw new AppError(
      'query.unsupported',
      `format_number does not know the pattern ${quoteLiteral(pattern)}.`,
      {
        hint: "Write a number of places, or a pattern of # 0 , and . such as '#,##0.00'.",
      },
    )
  }
  const [, whole = '', zeros = '', hashes = ''] = match
  const text = `format('{:${whole.includes(',') ? ',' : ''}.${zeros.length + hashes.length}f}', ${number})`
  const digits = whole.replaceAll(/[#,]/g, '').length
  if (hashes === '')
    return digits > 1 && !whole.includes(',')
      ? zeroFilled(text, digits + (zeros === '' ? 0 : zeros.length + 1))
      : text
  const kept = zeros.length === 0 ? '' : `\\.[0-9]{${zeros.length}}`
  const cut = `regexp_replace(${text}, '(${kept}[0-9]*?)0+$', '\\1')`
  return zeros.length === 0 ? `regexp_replace(${cut}, '\\.$', '')` : cut
}

/** With zeros before it up to a length; the sign stands before them. */
function zeroFilled(text: string, length: number): string {
  return `regexp_replace(lpad(ltrim(${text}, '-'), CAST(greatest(${length}, length(ltrim(${text}, '-'))) AS INTEGER), '0'), '^', CASE WHEN starts_with(${text}, '-') THEN '-' ELSE '' END)`
}

/** `format_string('%s has %d', …)`: the format is a constant, so that each value is made what its sign wants. */
export function formattedText({
  values: [, ...values],
  types: [, ...types],
  cast,
  arguments: [format],
}: PrintedCall): string {
  if (format?.kind !== 'literal' || typeof format.value !== 'string') {
    throw new AppError('query.unsupported', 'The format of format_string must be a constant text.', {})
  }
  const signs = [...format.value.matchAll(/%(?:%|n|[-+ 0,#(]*\d*(?:\.\d+)?([a-zA-Z]))/g)].flatMap(
    (match) => match[1] ?? [],
  )
  const wanted = (sign: string | undefined, text: string, type: DataType): string => {
    if (sign === 's') return `coalesce(${cast(text, type, stringType)}, 'null')`
    if (sign === 'd' || sign === 'x') return isIntegral(type) ? text : cast(text, type, { kind: 'long' })
    return isNumeric(type) ? cast(text, type, doubleType) : text
  }
  const items = values.map((text, index) => wanted(signs[index], text, types[index] ?? stringType))
  return `printf(${[quoteLiteral(format.value.replaceAll('%n', '\n')), ...items].join(', ')})`
}
