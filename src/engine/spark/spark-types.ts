import type { DataType, Field, IntervalType, PrimitiveKind } from '#types/data-type.ts'
import { intervalType, stringType } from '#types/data-type.ts'
import { monthsType, spanOf, timesType, unitsOf } from '#types/intervals.ts'
import type { ProtoSpan, ProtoType } from './messages.ts'

const primitives: Readonly<Record<string, PrimitiveKind | 'interval'>> = {
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
}

/** Our type of Spark's; a text where there is none (times of day, variants). */
export function typeOfProto(proto: ProtoType): DataType {
  const { decimal, array, struct, map, yearMonthInterval, dayTimeInterval } = proto
  if (decimal) return { kind: 'decimal', precision: decimal.precision ?? 10, scale: decimal.scale ?? 0 }
  if (array) return { kind: 'array', element: typeOfProto(array.elementType) }
  if (map) return { kind: 'map', key: typeOfProto(map.keyType), value: typeOfProto(map.valueType) }
  if (struct) return { kind: 'struct', fields: fieldsOfProto(struct.fields ?? []) }
  if (yearMonthInterval) return ofSpan(monthsType, yearMonthInterval)
  if (dayTimeInterval) return ofSpan(timesType, dayTimeInterval)
  const kind = primitives[Object.keys(proto)[0] ?? '']
  return kind === 'interval' ? intervalType : kind ? { kind } : stringType
}

function ofSpan(whole: IntervalType, { startField, endField }: ProtoSpan): DataType {
  const units = unitsOf(whole)
  return spanOf(units.slice(startField ?? 0, (endField ?? units.length - 1) + 1))
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
