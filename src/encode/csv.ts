import type { Field } from '#types/data-type.ts'
import { ByteWriter } from './byte-writer.ts'
import { jsonText } from './json.ts'
import { isComplex, plainText } from './text.ts'
import type { Batch, Value } from './value.ts'

/** RFC 4180 with `\n`. NULL is nothing, the empty text is `""`, so that the two stay apart. */
export function writeCsv(writer: ByteWriter, columns: readonly Field[], batch: Batch): void {
  for (let row = 0; row < batch.rowCount; row++) {
    let line = ''
    for (let column = 0; column < columns.length; column++) {
      if (column > 0) line += ','
      line += cell(columns[column]!, batch.value(column, row))
    }
    writer.text(`${line}\n`)
  }
}

export function writeCsvHeader(writer: ByteWriter, columns: readonly Field[]): void {
  writer.text(`${columns.map((column) => quoted(column.name)).join(',')}\n`)
}

/** The header as bytes of a file. */
export function encodedHeader(columns: readonly Field[]): Uint8Array {
  const writer = new ByteWriter()
  writeCsvHeader(writer, columns)
  return writer.take()
}

function cell({ type }: Field, value: Value): string {
  if (value === null) return ''
  if (value === '') return '""'
  if (isComplex(type)) return quoted(jsonText(type, value))
  if (type.kind === 'boolean') return value ? 'true' : 'false'
  return quoted(plainText(type, value))
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
