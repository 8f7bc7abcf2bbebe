import type { DataType, StructType } from './data-type.ts'
import { sparkName } from './data-type.ts'

type Json = Readonly<Record<string, unknown>>

/** The XDM properties of columns, such that `columnsOfXdm` gives the columns again. */
export function xdmProperties(columns: StructType): Json {
  return Object.fromEntries(columns.fields.map((field) => [field.name, xdmOf(field.type)]))
}

function xdmOf(type: DataType): Json {
  switch (type.kind) {
    case 'boolean':
      return { type: 'boolean', 'meta:xdmType': 'boolean' }
    case 'byte':
      return { type: 'integer', minimum: -128, maximum: 127, 'meta:xdmType': 'byte' }
    case 'short':
      return { type: 'integer', minimum: -32_768, maximum: 32_767, 'meta:xdmType': 'short' }
    case 'integer':
      return { type: 'integer', minimum: -2_147_483_648, maximum: 2_147_483_647, 'meta:xdmType': 'int' }
    case 'long':
      return {
        type: 'integer',
        minimum: Number.MIN_SAFE_INTEGER,
        maximum: Number.MAX_SAFE_INTEGER,
        'meta:xdmType': 'long',
      }
    case 'double':
      return { type: 'number', 'meta:xdmType': 'number' }
    case 'float':
    case 'decimal':
      return { type: 'number', 'meta:xdmType': 'number', 'meta:sparkType': sparkName(type) }
    case 'string':
    case 'void':
      return { type: 'string', 'meta:xdmType': 'string' }
    case 'binary':
    case 'interval':
      return { type: 'string', 'meta:xdmType': 'string', 'meta:sparkType': sparkName(type) }
    case 'date':
      return { type: 'string', format: 'date', 'meta:xdmType': 'date' }
    case 'timestamp':
      return { type: 'string', format: 'date-time', 'meta:xdmType': 'date-time' }
    case 'timestamp_ntz':
      return {
        type: 'string',
        format: 'date-time',
        'meta:xdmType': 'date-time',
        'meta:sparkType': sparkName(type),
      }
    case 'array':
      return { type: 'array', items: xdmOf(type.element), 'meta:xdmType': 'array' }
    case 'map':
      return {
        type: 'object',
        additionalProperties: xdmOf(type.value),
        'meta:xdmType': 'map',
        ...(type.key.kind === 'string' ? {} : { 'meta:sparkKeyType': sparkName(type.key) }),
      }
    case 'struct':
      return { type: 'object', properties: xdmProperties(type), 'meta:xdmType': 'object' }
  }
}
