import type { DataType } from '#types/data-type.ts'
import { mendedText } from '../../functions/strings-utf8.ts'
import { intervalText } from './intervals.ts'
import { withValue } from './with-value.ts'

/** As Spark writes a value: `1.0E10`, `{1, null}`, `[a, b]`, `{k -> v}`. */
export function castToText(text: string, from: DataType): string {
  switch (from.kind) {
    case 'string':
      return text
    case 'double':
    case 'float':
      return withValue(text, fractionalText)
    case 'decimal':
      return decimalText(text, from)
    case 'timestamp':
    case 'timestamp_ntz':
    case 'date':
      return withValue(text, (value) =>
        timeText(from.kind === 'date' ? value : `CAST(${value} AS TIMESTAMP)`),
      )
    case 'binary':
      return mendedText(text)
    case 'interval':
      return withValue(text, (value) => intervalText(value, from))
    case 'struct':
      return withValue(text, (value) => {
        const fields = from.fields.map(({ name, type }) =>
          memberText(`struct_extract(${value}, '${name.replaceAll("'", "''")}')`, type),
        )
        return `(CASE WHEN ${value} IS NOT NULL THEN '{' || ${fields.join(" || ', ' || ")} || '}' END)`
      })
    case 'array':
      return `('[' || array_to_string(list_transform(${text}, lambda e: ${memberText('e', from.element)}), ', ') || ']')`
    case 'map': {
      const key = memberText('(e)."key"', from.key)
      const value = memberText('(e)."value"', from.value)
      return `('{' || array_to_string(list_transform(map_entries(${text}), lambda e: ${key} || ' -> ' || ${value}), ', ') || '}')`
    }
    default:
      return `CAST(${text} AS VARCHAR)`
  }
}

function memberText(text: string, type: DataType): string {
  return `coalesce(${castToText(text, type)}, 'null')`
}

/** As Java's BigDecimal: with a digit before the point, and below a millionth with an exponent. */
function decimalText(
  text: string,
  { precision, scale }: { readonly precision: number; readonly scale: number },
): string {
  const plain = (value: string): string =>
    precision === scale
      ? `regexp_replace(CAST(${value} AS VARCHAR), '^(-?)\\.', '\\10.')`
      : `CAST(${value} AS VARCHAR)`
  if (scale <= 6) return plain(text)
  return withValue(text, (value) => {
    const digits = `coalesce(nullif(ltrim(translate(CAST(${value} AS VARCHAR), '-.', ''), '0'), ''), '0')`
    const first = `(CASE WHEN ${value} < 0 THEN '-' ELSE '' END) || ${digits}[1:1]`
    const rest = `(CASE WHEN length(${digits}) > 1 THEN '.' || ${digits}[2:] ELSE '' END)`
    return `(CASE WHEN abs(${value}) < 0.000001 THEN ${first} || ${rest} || 'E' || (length(${digits}) - 1 - ${scale}) ELSE ${plain(value)} END)`
  })
}

/** The engine's form within the years of four digits; others have a sign. */
function timeText(value: string): string {
  const text = `CAST(${value} AS VARCHAR)`
  const isUsual = `${value} >= DATE '0001-01-01' AND ${value} < DATE '10000-01-01'`
  const sign = `CASE WHEN year(${value}) < 0 THEN '-' WHEN year(${value}) > 0 THEN '+' ELSE '' END`
  const rest = `regexp_replace(${text}, '^\\d+(-\\d+-\\d+)(?: \\(BC\\))?', '\\1')`
  return `(CASE WHEN ${isUsual} THEN ${text} ELSE ${sign} || printf('%04d', abs(year(${value}))) || ${rest} END)`
}

/** Java's form: plain from 0.001 to 10 million, else with one digit before the point and an exponent. */
function fractionalText(value: string): string {
  const text = `CAST(${value} AS VARCHAR)`
  const size = `abs(${value})`
  const moved = (pattern: string, replacement: string): string =>
    `regexp_replace(regexp_replace(${text}, '${pattern}', '${replacement}'), '(\\.\\d+?)0+$', '\\1')`
  const branches = [
    `WHEN ${size} >= 1e-3 AND ${size} < 1e7 OR ${value} = 0 THEN ${text}`,
    `WHEN isnan(${value}) THEN 'NaN'`,
    `WHEN isinf(${value}) THEN CASE WHEN ${value} > 0 THEN 'Infinity' ELSE '-Infinity' END`,
    // The engine writes an exponent from 1e16 and below 1e-4.
    `WHEN contains(${text}, 'e') THEN regexp_replace(regexp_replace(${text}, '^(-?\\d)e', '\\1.0e'), 'e\\+?(-?)0*(\\d+)$', 'E\\1\\2')`,
    `WHEN ${size} < 1 THEN ${moved('^(-?)0\\.000(\\d)(\\d*)$', '\\1\\2.\\30')} || 'E-4'`,
  ]
  const exponent = `strpos(ltrim(${text}, '-'), '.') - 2`
  return `(CASE ${branches.join(' ')} ELSE ${moved('^(-?\\d)(\\d*)\\.(\\d*)$', '\\1.\\2\\3')} || 'E' || (${exponent}) END)`
}
