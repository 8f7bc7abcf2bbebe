import { AppError } from '#base/errors.ts'
import { binaryType, decimalType, stringType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral, isTemporal } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { nullOf, stringOf } from '../bind/build.ts'
import { javaPattern } from './date-time-postgres.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, RewriteContext } from './entry.ts'
import { onceEach } from './once-each.ts'

/** Numbers written to a format of `9 0 . , $ S MI PR`. */
export const numberTextFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'to_number',
      on(['string', 'string'], numberType, (call) =>
        onceEach(
          [call.values[0] ?? ''],
          (text = '') =>
            `coalesce(${number({ ...call, values: [text] })}, CASE WHEN ${text} IS NOT NULL THEN error('A text does not follow the format of to_number: try_to_number gives NULL.') END)`,
        ),
      ),
    ),
    remarks: 'What does not follow the format is an error.',
  },
  {
    ...scalar('try_to_number', on(['string', 'string'], numberType, number)),
    remarks: 'NULL for what does not follow the format.',
  },
  {
    ...scalar(
      'to_char to_varchar',
      rewritten(
        ['any', 'string'],
        ([time = nullOf(stringType), pattern = nullOf(stringType)], context) =>
          context.call('date_format', [time, javaPattern(pattern, { isWritten: true })]),
        { fits: ([type]) => type !== undefined && isTemporal(type) },
      ),
      rewritten(['binary', 'string'], bytesText, { fits: ([type]) => type?.kind === 'binary' }),
      on(['numeric', 'string'], stringType, numberText),
    ),
    remarks:
      'Times are written as date_format does, bytes as hex, base64 or utf-8. A pattern with `YYYY`, `MI` or `Mon`, which Spark has not, is read as PostgreSQL’s.',
  },
]

function bytesText(
  [bytes = nullOf(binaryType), form]: readonly BoundExpression[],
  context: RewriteContext,
): BoundExpression {
  const name = form?.kind === 'literal' ? String(form.value).toLowerCase() : ''
  if (name === 'hex' || name === 'base64') return context.call(name, [bytes])
  if (name === 'utf-8') return context.call('decode', [bytes, stringOf('UTF-8')])
  throw new AppError('query.unsupported', `${JSON.stringify(name)} is no form of bytes.`, {
    hint: "Write one of 'hex', 'base64' and 'utf-8'.",
  })
}

interface NumberFormat {
  readonly text: string
  readonly whole: string
  readonly fraction: string
}

/** Groups of digits are written out for the engine, each with those behind it. */
const formatLengthMax = 100

function formatOf(value: BoundExpression | undefined): NumberFormat {
  const text = value?.kind === 'literal' ? String(value.value).toUpperCase() : ''
  const match = /^(?:MI|S)?\$?([09G,]+)?(?:[.D]([09]+))?\$?(?:MI|S|PR)?$/.exec(text)
  const whole = match?.[1] ?? ''
  const fraction = match?.[2] ?? ''
  const length = whole.length + fraction.length
  const isReadable = digitsOf(whole) + fraction.length <= 38 && length <= formatLengthMax
  if (match && length > 0 && isReadable) return { text, whole, fraction }
  throw new AppError('query.unsupported', `${JSON.stringify(text)} is no number format.`, {
    hint: "Write a constant such as '999,990.00', with S or MI for the sign.",
  })
}

function digitsOf(places: string): number {
  return places.replaceAll(/[G,]/g, '').length
}

function numberType(_types: readonly DataType[], [, format]: readonly BoundExpression[]): DataType {
  const { whole, fraction } = formatOf(format)
  return decimalType(digitsOf(whole) + fraction.length, fraction.length)
}

function number({ values: [value = ''], arguments: [, format], type }: PrintedCall): string {
  const { text, whole, fraction } = formatOf(format)
  const sign = text.includes('S') ? '[+-]?' : '-?'
  const dollar = text.includes('$') ? '\\$' : ''
  const body = `${dollar}(?:${wholeShape(whole)})${fraction === '' ? '' : `(?:\\.[0-9]{0,${fraction.length}})?`}`
  const shape = text.endsWith('PR')
    ? `<${body}>|${body}`
    : `${/^(?:S|MI)/.test(text) ? sign : ''}${body}${/(?:S|MI)$/.test(text) ? sign : ''}`
  const clean = `regexp_replace(${value}, '[,$<>+ -]', '', 'g')`
  const minus = `(CASE WHEN regexp_matches(${value}, '[-<]') THEN '-' ELSE '' END)`
  return `(CASE WHEN regexp_full_match(replace(${value}, ' ', ''), '${shape}') THEN TRY_CAST(${minus} || ${clean} AS ${duckdbType(type)}) END)`
}

/** Digits in the groups of the format: all of them where it begins with 0, else up to so many. */
function wholeShape(places: string): string {
  const sizes = places.split(/[G,]/).map((group) => group.length)
  if (places.startsWith('0')) return sizes.map((size) => `[0-9]{${size}}`).join(',')
  const forms = sizes.map((size, index) =>
    [`[0-9]{0,${size}}`, ...sizes.slice(index + 1).map((more) => `[0-9]{${more}}`)].join(','),
  )
  return forms.join('|')
}

function numberText({
  values: [value = ''],
  types: [type = stringType],
  arguments: [, format],
  cast,
}: PrintedCall): string {
  const { text: form, whole, fraction } = formatOf(format)
  const exact = type.kind === 'decimal' || isIntegral(type) ? value : cast(value, type, decimalType(30, 15))
  return onceEach([`CAST(${exact} AS VARCHAR)`], (number = '') => {
    const digits = `regexp_extract(${number}, '^-?0*(\\d*)', 1)`
    const behind = `rtrim(split_part(${number}, '.', 2), '0')`
    const fits = `length(${digits}) <= ${digitsOf(whole)} AND length(${behind}) <= ${fraction.length}`
    const shown = `${wholeText(digits, whole, fraction)}${fraction === '' ? '' : ` || '.' || rpad(${behind}, ${fraction.length}, '0')`}`
    const full = `${whole}${fraction === '' ? '' : `.${fraction}`}`
      .replaceAll(/\d/g, '#')
      .replaceAll(/[G,]/g, ' ')
    const dollar = form.includes('$') ? '$' : ''
    const body = `('${dollar}' || CASE WHEN ${fits} THEN ${shown} WHEN ${number} IS NOT NULL THEN '${full}' END)`
    const signed = (minus: string, plus: string): string =>
      `(CASE WHEN starts_with(${number}, '-') THEN ${minus} ELSE ${plus} END)`
    const sign = signed("'-'", form.includes('S') ? "'+'" : "' '")
    // What stands at the number stands at its first digit that counts.
    const bare = `ltrim(${body}, '${whole.startsWith('0') ? ' ' : ' 0'}')`
    if (/(?:S|MI)$/.test(form)) return `(${body} || ${sign})`
    if (/^(?:S|MI)/.test(form)) {
      // The sign stands at the number, unless there is a dollar sign.
      const at = (mark: string): string =>
        `lpad(${mark} || ${bare}, CAST(length(${body}) + 1 AS INTEGER), ' ')`
      const beside = signed(at("'-'"), form.includes('S') ? at("'+'") : `(' ' || ${body})`)
      return dollar === '' ? beside : `(${sign} || ${body})`
    }
    return form.endsWith('PR')
      ? signed(`lpad('<' || ${bare} || '>', CAST(length(${body}) + 2 AS INTEGER), ' ')`, `${body} || '  '`)
      : body
  })
}

/** Digits in the groups of the format; zeros before them only where it begins with one. */
function wholeText(digits: string, places: string, fraction: string): string {
  if (places === '') return "''"
  const count = digitsOf(places)
  const hasZeros = places.startsWith('0')
  // Before a point there is a digit.
  const own = fraction === '' || hasZeros ? digits : `coalesce(nullif(${digits}, ''), '0')`
  const padded = `lpad(${own}, ${count}, '${hasZeros ? '0' : ' '}')`
  let from = 1
  const groups = places.split(/[G,]/).map(({ length }) => {
    const group = `substring(${padded}, ${from}, ${length})`
    from += length
    return group
  })
  const grouped = groups.join(" || ',' || ")
  return hasZeros || groups.length === 1 ? grouped : `lpad(ltrim(${grouped}, ' ,'), ${places.length}, ' ')`
}
