import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { decimalSql, finiteNumberSql, intervalSql, plainSql, timeOfDaySql, withPlainBc } from './plain-sql.ts'

/**
 * The engine's own expression for what `jsonText` writes of a value; NULL for NULL. Numbers and escapes may be spelt
 * otherwise, and mean the same.
 * @param value an expression; it is repeated, so nothing that costs
 */
export function jsonSql(type: DataType, value: string, depth = 0): string {
  switch (type.kind) {
    case 'boolean':
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
    case 'void':
      return `CAST(${value} AS VARCHAR)`
    case 'decimal':
      return decimalSql(type, value)
    case 'float':
    case 'double':
      return finiteNumberSql(value, { nan: '"NaN"', infinity: '"Infinity"', minusInfinity: '"-Infinity"' })
    case 'string':
      return textSql(value)
    case 'binary':
      return `'"' || lower(hex(${value})) || '"'`
    case 'date':
      return `'"' || ${plainSql(type, value)} || '"'`
    case 'timestamp':
      return `'"' || ${isoSql(`make_timestamp(epoch_us(${value}))`)} || 'Z"'`
    case 'timestamp_ntz':
      return `'"' || ${isoSql(value)} || '"'`
    case 'interval':
      return `'"' || ${intervalSql(value)} || '"'`
    case 'array': {
      const item = `item${depth}`
      return `'[' || ${joined(value, item, orNull(jsonSql(type.element, item, depth + 1)))} || ']'`
    }
    case 'map': {
      const entry = `entry${depth}`
      const [key, item] = [`${entry}.key`, `${entry}.value`]
      const text = `${textSql(plainSql(type.key, key))} || ':' || ${orNull(jsonSql(type.value, item, depth + 1))}`
      return `'{' || ${joined(`map_entries(${value})`, entry, text)} || '}'`
    }
    case 'struct': {
      const fieldOf = (index: number): string => `struct_extract_at(${value}, ${index + 1})`
      return `CASE WHEN ${value} IS NOT NULL THEN ${objectSql(type.fields, fieldOf, depth)} END`
    }
  }
}

/** `{"a":1}`: keys in field order, NULL fields left out. */
function objectSql(fields: readonly Field[], valueOf: (index: number) => string, depth: number): string {
  const members = fields.flatMap((field, index) => memberSql(',', field, valueOf(index), depth))
  return members.length === 0 ? `'{}'` : `concat('{', substr(concat(${members.join(', ')}), 2), '}')`
}

/**
 * Such objects of the columns of a query, as the only column of another. All that a row is made of goes into one text at
 * once: each text made of others on the way would be written once more.
 */
export function objectsSql(fields: readonly Field[], names: readonly string[], source: string): string {
  const members = fields.flatMap((field, index) => memberSql(index === 0 ? '' : ',', field, names[index]!, 0))
  const object = quoteIdentifier('object')
  // The comma behind a first field that is NULL.
  const line = `CASE WHEN starts_with(${object}, '{,') THEN concat('{', substr(${object}, 3)) ELSE ${object} END`
  return `SELECT ${line} FROM (SELECT concat(${[`'{'`, ...members, `'}'`].join(', ')}) AS ${object} FROM ${source})`
}

/** What is to be joined by concat, which leaves out what is NULL. */
function memberSql(separator: string, { name, type }: Field, value: string, depth: number): string[] {
  const key = quoteLiteral(`${separator}${JSON.stringify(name)}:`)
  return [`CASE WHEN ${value} IS NOT NULL THEN ${key} END`, jsonSql(type, value, depth)]
}

function joined(list: string, variable: string, text: string): string {
  return `array_to_string(list_transform(${list}, lambda ${variable}: ${text}), ',')`
}

function orNull(text: string): string {
  return `coalesce(${text}, 'null')`
}

/** A text that holds JSON is a text still. */
function textSql(value: string): string {
  return `CAST(to_json(CAST(${value} AS VARCHAR)) AS VARCHAR)`
}

/** `2018-01-18T06:55:53.123`; microseconds only when there are some. */
function isoSql(timestamp: string): string {
  const whole = `epoch_us(${timestamp}) % 1000 = 0`
  const day = withPlainBc(`CAST(CAST(${timestamp} AS DATE) AS VARCHAR)`)
  const rest = (fraction: string): string => `strftime(${timeOfDaySql(timestamp)}, 'T%H:%M:%S.${fraction}')`
  return `CASE
    WHEN NOT isfinite(${timestamp}) THEN CAST(${timestamp} AS VARCHAR)
    WHEN ${timestamp} >= TIMESTAMP '1000-01-01' AND ${timestamp} < TIMESTAMP '9999-12-31' THEN
      CASE WHEN ${whole} THEN strftime(${timestamp}, '%Y-%m-%dT%H:%M:%S.%g') ELSE strftime(${timestamp}, '%Y-%m-%dT%H:%M:%S.%f') END
    WHEN ${whole} THEN ${day} || ${rest('%g')}
    ELSE ${day} || ${rest('%f')} END`
}
