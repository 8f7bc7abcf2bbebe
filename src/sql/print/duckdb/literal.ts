import { quoteLiteral } from '#base/sql-text.ts'
import { duckdbType } from '#types/duckdb.ts'
import type { Literal } from '../../compile.ts'

/** A constant as engine text of exactly its type, safe to stand in any place. */
export function printLiteral({ type, value }: Literal): string {
  if (value === null) return type.kind === 'void' ? 'NULL' : `CAST(NULL AS ${duckdbType(type)})`
  switch (type.kind) {
    case 'string':
      return quoteText(String(value))
    case 'boolean':
      return value === true || value === 'true' ? 'true' : 'false'
    case 'integer':
      // The engine takes the smallest for a long with a sign before it.
      return Number(value) === -(2 ** 31) ? "CAST('-2147483648' AS INTEGER)" : signed(String(value))
    case 'float':
      return `CAST('${Object.is(value, -0) ? '-0.0' : String(value)}' AS FLOAT)`
    case 'double':
      return doubleText(Number(value))
    case 'binary':
      return `unhex(${quoteLiteral(String(value))})`
    case 'interval':
      return intervalText(String(value))
    default:
      return `CAST(${quoteLiteral(String(value))} AS ${duckdbType(type)})`
  }
}

/** The engine cannot read a zero character inside quotes. */
function quoteText(text: string): string {
  if (!text.includes('\0')) return quoteLiteral(text)
  return `(${text.split('\0').map(quoteLiteral).join(' || chr(0) || ')})`
}

function signed(digits: string): string {
  return digits.startsWith('-') ? `(${digits})` : digits
}

function doubleText(value: number): string {
  if (!Number.isFinite(value) || Object.is(value, -0)) {
    return `CAST('${Object.is(value, -0) ? '-0.0' : String(value)}' AS DOUBLE)`
  }
  const text = String(value)
  return signed(text.includes('e') ? text : `${text}e0`)
}

function intervalText(text: string): string {
  const [months = '0', days = '0', micros = '0'] = text.split(' ')
  return `(to_months(${months}) + to_days(${days}) + to_microseconds(${micros}))`
}
