import { quoteIdentifier } from '#base/sql-text.ts'
import type { DataType } from './data-type.ts'

/**
 * DuckDB's name of a type. Sessions run with `TimeZone = 'UTC'`: `timestamp` is TIMESTAMPTZ, so that Parquet marks it
 * as adjusted to UTC; `void` is INTEGER, the type DuckDB itself gives a bare NULL.
 */
export function duckdbType(type: DataType): string {
  switch (type.kind) {
    case 'boolean':
      return 'BOOLEAN'
    case 'byte':
      return 'TINYINT'
    case 'short':
      return 'SMALLINT'
    case 'integer':
    case 'void':
      return 'INTEGER'
    case 'long':
      return 'BIGINT'
    case 'float':
      return 'FLOAT'
    case 'double':
      return 'DOUBLE'
    case 'string':
      return 'VARCHAR'
    case 'binary':
      return 'BLOB'
    case 'date':
      return 'DATE'
    case 'timestamp':
      return 'TIMESTAMPTZ'
    case 'timestamp_ntz':
      return 'TIMESTAMP'
    case 'interval':
      return 'INTERVAL'
    case 'decimal':
      return `DECIMAL(${type.precision}, ${type.scale})`
    case 'array':
      return `${duckdbType(type.element)}[]`
    case 'map':
      return `MAP(${duckdbType(type.key)}, ${duckdbType(type.value)})`
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${quoteIdentifier(field.name)} ${duckdbType(field.type)}`).join(', ')})`
  }
}
