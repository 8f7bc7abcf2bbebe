import * as arrow from 'apache-arrow'
import type { DataType, Field } from './data-type.ts'

/** Arrow's type: timestamps in µs, with zone UTC for instants. */
export function arrowType(type: DataType): arrow.DataType {
  switch (type.kind) {
    case 'boolean':
      return new arrow.Bool()
    case 'byte':
      return new arrow.Int8()
    case 'short':
      return new arrow.Int16()
    case 'integer':
    case 'void':
      return new arrow.Int32()
    case 'long':
      return new arrow.Int64()
    case 'float':
      return new arrow.Float32()
    case 'double':
      return new arrow.Float64()
    case 'decimal':
      return new arrow.Decimal(type.scale, type.precision)
    case 'string':
    case 'interval':
      return new arrow.Utf8()
    case 'binary':
      return new arrow.Binary()
    case 'date':
      return new arrow.DateDay()
    case 'timestamp':
      return new arrow.TimestampMicrosecond('UTC')
    case 'timestamp_ntz':
      return new arrow.TimestampMicrosecond()
    case 'array':
      return new arrow.List(arrowField({ name: 'element', type: type.element }))
    case 'map':
      return new arrow.Map_(
        arrow.Field.new({
          name: 'entries',
          nullable: false,
          type: new arrow.Struct([
            arrow.Field.new({ name: 'key', type: arrowType(type.key), nullable: false }),
            arrowField({ name: 'value', type: type.value }),
          ]),
        }) as never,
      )
    case 'struct':
      return new arrow.Struct(type.fields.map(arrowField))
  }
}

export function arrowField(field: Field): arrow.Field {
  return arrow.Field.new({ name: field.name, type: arrowType(field.type), nullable: true })
}
