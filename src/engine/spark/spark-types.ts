import type { DataType, Field, PrimitiveKind } from '#types/data-type.ts'
import { stringType } from '#types/data-type.ts'
import type { ProtoType } from './messages.ts'

const primitives: Readonly<Record<string, PrimitiveKind>> = {
  null: 'void',
  binary: 'binary',
  boolean: 'boolean',
  byte: 'byte',
  short: 'short',
  integer: 'integer',
  long: 'long',
  float: 'float',
  double: 'double',
  string: 'string',
  char: 'string',
  varChar: 'string',
  date: 'date',
  timestamp: 'timestamp',
  timestampNtz: 'timestamp_ntz',
  calendarInterval: 'interval',
  yearMonthInterval: 'interval',
  dayTimeInterval: 'interval',
}

/** Our type of Spark's; a text where there is none (times of day, variants). Its three intervals are one of ours. */
export function typeOfProto(proto: ProtoType): DataType {
  const { decimal, array, struct, map } = proto
  if (decimal) return { kind: 'decimal', precision: decimal.precision ?? 10, scale: decimal.scale ?? 0 }
  if (array) return { kind: 'array', element: typeOfProto(array.elementType) }
  if (map) return { kind: 'map', key: typeOfProto(map.keyType), value: typeOfProto(map.valueType) }
  if (struct) return { kind: 'struct', fields: fieldsOfProto(struct.fields ?? []) }
  const kind = primitives[Object.keys(proto)[0] ?? '']
  return kind ? { kind } : stringType
}

export function fieldsOfProto(
  fields: readonly { readonly name?: string; readonly dataType: ProtoType }[],
): Field[] {
  return fields.map(({ name = '', dataType }) => ({ name, type: typeOfProto(dataType) }))
}

/** Whether Spark's values of one type are what the encoders take for another. Names of fields do not matter. */
export function isReadAs(found: DataType, wanted: DataType): boolean {
  switch (wanted.kind) {
    case 'decimal':
      return found.kind === 'decimal' && found.scale === wanted.scale
    case 'array':
      return found.kind === 'array' && isReadAs(found.element, wanted.element)
    case 'map':
      return found.kind === 'map' && isReadAs(found.key, wanted.key) && isReadAs(found.value, wanted.value)
    case 'struct':
      return (
        found.kind === 'struct' &&
        found.fields.length === wanted.fields.length &&
        found.fields.every((field, index) => {
          const other = wanted.fields[index]
          return other !== undefined && isReadAs(field.type, other.type)
        })
      )
    default:
      return found.kind === wanted.kind
  }
}
