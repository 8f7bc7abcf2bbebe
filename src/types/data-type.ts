/**
 * The one type model. It is Spark's, because the dialect promised is Spark SQL; XDM, Iceberg, DuckDB, PostgreSQL and
 * Arrow are conversions from and to it.
 *
 * `timestamp` is an instant (µs, shown in UTC), `timestamp_ntz` a wall-clock time without zone.
 * Integers keep their declared width here and in SQL; the lake stores every one as `long`.
 */
export type DataType =
  | { readonly kind: PrimitiveKind }
  | IntervalType
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'array'; readonly element: DataType }
  | { readonly kind: 'map'; readonly key: DataType; readonly value: DataType }
  | StructType

export type PrimitiveKind =
  | 'boolean'
  | 'byte'
  | 'short'
  | 'integer'
  | 'long'
  | 'float'
  | 'double'
  | 'string'
  | 'binary'
  | 'date'
  | 'timestamp'
  | 'timestamp_ntz'
  /** The type of a bare NULL. */
  | 'void'

/** Spark's, of months or of days and times, from one unit to another; without a span its old one, of all of them. */
export interface IntervalType {
  readonly kind: 'interval'
  readonly span?: readonly [from: IntervalUnit, to: IntervalUnit] | undefined
}

export type IntervalUnit = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second'

export interface StructType {
  readonly kind: 'struct'
  readonly fields: readonly Field[]
}

/** A field of a struct or a column of a table. Everything is nullable: `required` is checked at ingestion only. */
export interface Field {
  readonly name: string
  readonly type: DataType
}

const primitive = <K extends PrimitiveKind>(kind: K): { readonly kind: K } => Object.freeze({ kind })

export const booleanType = primitive('boolean')
export const byteType = primitive('byte')
export const shortType = primitive('short')
export const integerType = primitive('integer')
export const longType = primitive('long')
export const floatType = primitive('float')
export const doubleType = primitive('double')
export const stringType = primitive('string')
export const binaryType = primitive('binary')
export const dateType = primitive('date')
export const timestampType = primitive('timestamp')
export const timestampNtzType = primitive('timestamp_ntz')
export const intervalType: IntervalType = Object.freeze({ kind: 'interval' })
export const voidType = primitive('void')

export const spanType = (from: IntervalUnit, to: IntervalUnit): IntervalType => ({
  kind: 'interval',
  span: [from, to],
})
export const decimalType = (precision: number, scale: number): DataType => ({
  kind: 'decimal',
  precision,
  scale,
})
export const arrayType = (element: DataType): DataType => ({ kind: 'array', element })
export const mapType = (key: DataType, value: DataType): DataType => ({ kind: 'map', key, value })
export const structType = (fields: readonly Field[]): StructType => ({ kind: 'struct', fields })

/** Whether two types are the same; field names compare as written. */
export function sameType(left: DataType, right: DataType): boolean {
  if (left.kind !== right.kind) return false
  switch (left.kind) {
    case 'decimal':
      return right.kind === 'decimal' && left.precision === right.precision && left.scale === right.scale
    case 'interval':
      return right.kind === 'interval' && left.span?.join() === right.span?.join()
    case 'array':
      return right.kind === 'array' && sameType(left.element, right.element)
    case 'map':
      return right.kind === 'map' && sameType(left.key, right.key) && sameType(left.value, right.value)
    case 'struct':
      return (
        right.kind === 'struct' &&
        left.fields.length === right.fields.length &&
        left.fields.every((field, index) => {
          const other = right.fields[index]
          return other !== undefined && field.name === other.name && sameType(field.type, other.type)
        })
      )
    default:
      return true
  }
}

/** The type with others in the place of those that hold none, at every depth. */
export function mapScalars(type: DataType, change: (scalar: DataType) => DataType): DataType {
  switch (type.kind) {
    case 'array':
      return arrayType(mapScalars(type.element, change))
    case 'map':
      return mapType(mapScalars(type.key, change), mapScalars(type.value, change))
    case 'struct':
      return structType(type.fields.map((field) => ({ ...field, type: mapScalars(field.type, change) })))
    default:
      return change(type)
  }
}

/** Spark's DDL text: `bigint`, `struct<a:int,b:array<string>>`. */
export function sparkName(type: DataType): string {
  switch (type.kind) {
    case 'byte':
      return 'tinyint'
    case 'short':
      return 'smallint'
    case 'integer':
      return 'int'
    case 'long':
      return 'bigint'
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'interval': {
      const units = new Set(type.span)
      return units.size === 0 ? 'interval' : `interval ${[...units].join(' to ')}`
    }
    case 'array':
      return `array<${sparkName(type.element)}>`
    case 'map':
      return `map<${sparkName(type.key)},${sparkName(type.value)}>`
    case 'struct':
      return `struct<${type.fields.map((field) => `${field.name}:${sparkName(field.type)}`).join(',')}>`
    default:
      return type.kind
  }
}
