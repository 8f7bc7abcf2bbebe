import {
  DuckDBBlobValue,
  type DuckDBDataChunk,
  type DuckDBDateValue,
  type DuckDBDecimalValue,
  type DuckDBIntervalValue,
  type DuckDBListType,
  type DuckDBListValue,
  type DuckDBMapType,
  type DuckDBMapValue,
  type DuckDBStructType,
  type DuckDBStructValue,
  type DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
  type DuckDBVector,
} from '@duckdb/node-api'
import { isMissing, type RawColumn } from '#encode/raw-column.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { type Batch, Interval, MapEntries, type Value } from '#encode/value.ts'
import { rawColumnReader, textBytes } from './raw-columns.ts'
import { keepField } from './struct-names.ts'

type Convert = (value: DuckDBValue) => Value

/** Reads chunks of a result as the columns the binder declared. */
export function batchReader(
  columns: readonly Field[],
  types: readonly DuckDBType[],
): (chunk: DuckDBDataChunk) => Batch {
  const converts = columns.map((column, index) => converter(column.type, types[index]!))
  const readers = columns.map((column, index) => rawColumnReader(column.type, types[index]!))
  return (chunk) => {
    const vectors: DuckDBVector[] = []
    const raws: (RawColumn | null)[] = []
    const raw = (index: number): RawColumn | undefined =>
      (raws[index] ??= readers[index]?.(chunk, index) ?? null) ?? undefined
    return {
      rowCount: chunk.rowCount,
      value: (column, row) => {
        if (columns[column]!.type.kind === 'string') {
          const texts = raw(column)
          return texts ? textOf(texts, row) : (textBytes(chunk, column, row)?.toString('utf8') ?? null)
        }
        const value = (vectors[column] ??= chunk.getColumnVector(column)).getItem(row)
        return value === null ? null : converts[column]!(value)
      },
      raw: { firstRow: 0, column: raw },
    }
  }
}

function textOf({ validity, values }: RawColumn, row: number): string | null {
  if (isMissing(validity, row) || values.kind !== 'bytes') return null
  const start = values.starts[row]!
  return values.bytes.toString('utf8', start, start + values.lengths[row]!)
}

const asIs: Convert = (value) => value as Value

function converter(type: DataType, engineType: DuckDBType): Convert {
  switch (type.kind) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'float':
    case 'double':
      return Number
    case 'long':
      return (value) => BigInt(value as bigint | number)
    case 'string':
      return (value) => (typeof value === 'string' ? value : String(value))
    case 'binary':
      return (value) => (value instanceof DuckDBBlobValue ? value.bytes : Buffer.from(String(value)))
    case 'date':
      return (value) => (value as DuckDBDateValue).days
    case 'timestamp':
    case 'timestamp_ntz':
      return (value) => (value as DuckDBTimestampValue).micros
    case 'decimal':
      return (value) => (value as DuckDBDecimalValue).value
    case 'interval':
      return (value) => {
        const interval = value as DuckDBIntervalValue
        return new Interval(interval.months, interval.days, interval.micros)
      }
    case 'array': {
      const convert = nullable(converter(type.element, (engineType as DuckDBListType).valueType))
      return (value) => (value as DuckDBListValue).items.map(convert)
    }
    case 'map': {
      const { keyType, valueType } = engineType as DuckDBMapType
      const key = nullable(converter(type.key, keyType))
      const item = nullable(converter(type.value, valueType))
      return (value) =>
        new MapEntries(
          (value as DuckDBMapValue).entries.map((entry) => [key(entry.key), item(entry.value)] as const),
        )
    }
    case 'struct': {
      const { entryNames, entryTypes } = engineType as DuckDBStructType
      keepField(entryNames)
      const converts = type.fields.map((field, index) => nullable(converter(field.type, entryTypes[index]!)))
      return (value) => {
        const { entries } = value as DuckDBStructValue
        return converts.map((convert, index) => convert(entries[entryNames[index]!] ?? null))
      }
    }
    default:
      return asIs
  }
}

function nullable(convert: Convert): Convert {
  return (value) => (value === null ? null : convert(value))
}
