import { type DuckDBType, DuckDBTypeId } from '@duckdb/node-api'
import type { DataType, PrimitiveKind } from '#types/data-type.ts'

const exactIds: Readonly<Record<PrimitiveKind | 'interval', readonly DuckDBTypeId[]>> = {
  boolean: [DuckDBTypeId.BOOLEAN],
  byte: [DuckDBTypeId.TINYINT],
  short: [DuckDBTypeId.SMALLINT],
  integer: [DuckDBTypeId.INTEGER],
  long: [DuckDBTypeId.BIGINT],
  float: [DuckDBTypeId.FLOAT],
  double: [DuckDBTypeId.DOUBLE],
  string: [DuckDBTypeId.VARCHAR],
  binary: [DuckDBTypeId.BLOB],
  date: [DuckDBTypeId.DATE],
  timestamp: [DuckDBTypeId.TIMESTAMP_TZ],
  timestamp_ntz: [DuckDBTypeId.TIMESTAMP],
  interval: [DuckDBTypeId.INTERVAL],
  void: [DuckDBTypeId.INTEGER, DuckDBTypeId.SQLNULL],
}

/** Whether the engine's values of this type are what the encoders take for ours. Names of fields do not matter. */
export function conforms(type: DataType, engineType: DuckDBType): boolean {
  switch (type.kind) {
    case 'decimal':
      return engineType.typeId === DuckDBTypeId.DECIMAL && engineType.scale === type.scale
    case 'array':
      return engineType.typeId === DuckDBTypeId.LIST && conforms(type.element, engineType.valueType)
    case 'map': {
      if (engineType.typeId !== DuckDBTypeId.MAP) return false
      const { keyType, valueType } = engineType
      return conforms(type.key, keyType) && conforms(type.value, valueType)
    }
    case 'struct': {
      if (engineType.typeId !== DuckDBTypeId.STRUCT) return false
      const { entryTypes } = engineType
      return (
        entryTypes.length === type.fields.length &&
        type.fields.every((field, index) => conforms(field.type, entryTypes[index]!))
      )
    }
    default:
      return exactIds[type.kind].includes(engineType.typeId)
  }
}

/** Our type that holds all values of the engine's; text where there is none. */
export function nearestType(engineType: DuckDBType): DataType {
  switch (engineType.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return { kind: 'boolean' }
    case DuckDBTypeId.TINYINT:
      return { kind: 'byte' }
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.UTINYINT:
      return { kind: 'short' }
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.USMALLINT:
      return { kind: 'integer' }
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UINTEGER:
      return { kind: 'long' }
    case DuckDBTypeId.UBIGINT:
      return { kind: 'decimal', precision: 20, scale: 0 }
    case DuckDBTypeId.HUGEINT:
      return { kind: 'decimal', precision: 38, scale: 0 }
    case DuckDBTypeId.DECIMAL: {
      const { width, scale } = engineType
      return { kind: 'decimal', precision: width, scale }
    }
    case DuckDBTypeId.FLOAT:
      return { kind: 'float' }
    case DuckDBTypeId.DOUBLE:
      return { kind: 'double' }
    case DuckDBTypeId.BLOB:
      return { kind: 'binary' }
    case DuckDBTypeId.DATE:
      return { kind: 'date' }
    case DuckDBTypeId.TIMESTAMP_TZ:
      return { kind: 'timestamp' }
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return { kind: 'timestamp_ntz' }
    case DuckDBTypeId.INTERVAL:
      return { kind: 'interval' }
    case DuckDBTypeId.SQLNULL:
      return { kind: 'void' }
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY:
      return {
        kind: 'array',
        element: nearestType(engineType.valueType),
      }
    case DuckDBTypeId.MAP: {
      const { keyType, valueType } = engineType
      return { kind: 'map', key: nearestType(keyType), value: nearestType(valueType) }
    }
    case DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = engineType
      return {
        kind: 'struct',
        fields: entryNames.map((name, index) => ({ name, type: nearestType(entryTypes[index]!) })),
      }
    }
    default:
      return { kind: 'string' }
  }
}
