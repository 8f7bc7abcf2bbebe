import type { DataType, Field } from '#types/data-type.ts'
import type { ByteWriter } from './byte-writer.ts'
import {
  dateText,
  decimalText,
  dialectText,
  floatDigits,
  hexText,
  intervalText,
  isComplex,
  isoTimestampText,
} from './text.ts'
import type { Batch, Interval, MapEntries, Value } from './value.ts'

/**
 * A value as JSON. Long and decimal keep all digits as JSON numbers; NaN and the infinities, which JSON has not, are
 * texts; timestamps are ISO 8601; binary is hexadecimal; NULL fields of structs are left out.
 */
export function jsonText(type: DataType, value: Value): string {
  if (value === null) return 'null'
  switch (type.kind) {
    case 'boolean':
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
    case 'void':
      return (value as boolean | number | bigint).toString()
    case 'float':
      return numberText(floatDigits(value as number))
    case 'double':
      return numberText(value as number)
    case 'decimal':
      return decimalText(value as bigint, type.scale)
    case 'string':
      return JSON.stringify(value)
    case 'binary':
      return `"${hexText(value as Uint8Array)}"`
    case 'date':
      return `"${dateText(value as number)}"`
    case 'timestamp':
      return `"${isoTimestampText(value as bigint, 'Z')}"`
    case 'timestamp_ntz':
      return `"${isoTimestampText(value as bigint, '')}"`
    case 'interval':
      return `"${intervalText(value as Interval)}"`
    case 'array':
      return `[${(value as readonly Value[]).map((item) => jsonText(type.element, item)).join(',')}]`
    case 'map':
      return `{${(value as MapEntries).entries
        .map(([key, item]) => `${nameOf(type.key, key)}:${jsonText(type.value, item)}`)
        .join(',')}}`
    case 'struct':
      return objectText(type.fields, (index) => (value as readonly Value[])[index] ?? null)
  }
}

/** `{"a":1}`: keys in field order, NULL fields left out unless they are kept. */
export function objectText(
  fields: readonly Field[],
  valueOf: (index: number) => Value,
  keepsNulls = false,
): string {
  let text = '{'
  for (let index = 0; index < fields.length; index++) {
    const value = valueOf(index)
    if (value === null && !keepsNulls) continue
    const field = fields[index]!
    text += `${text === '{' ? '' : ','}${JSON.stringify(field.name)}:${jsonText(field.type, value)}`
  }
  return `${text}}`
}

export function writeJsonLines(
  writer: ByteWriter,
  columns: readonly Field[],
  { batch, keepsNulls }: { readonly batch: Batch; readonly keepsNulls: boolean },
): void {
  for (let row = 0; row < batch.rowCount; row++) {
    writer.text(objectText(columns, (column) => batch.value(column, row), keepsNulls))
    writer.int8(10)
  }
}

export function writeJsonRows(writer: ByteWriter, columns: readonly Field[], batch: Batch): void {
  for (let row = 0; row < batch.rowCount; row++) {
    writer.text(
      `[${columns.map((column, index) => jsonText(column.type, batch.value(index, row))).join(',')}]\n`,
    )
  }
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : JSON.stringify(String(value))
}

/** Names are texts: what a key is as a value, as a text; structs, arrays and maps as the dialect prints them. */
function nameOf(type: DataType, key: Value): string {
  if (key !== null && isComplex(type)) return JSON.stringify(dialectText(type, key))
  const text = jsonText(type, key)
  return text.startsWith('"') ? text : `"${text}"`
}
