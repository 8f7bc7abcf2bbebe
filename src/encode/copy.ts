import type { Field } from '#types/data-type.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { CopyForm } from './encoding.ts'
import { writeField } from './postgres.ts'
import { plainText } from './text.ts'
import type { Batch } from './value.ts'

/** CopyData messages of PostgreSQL's `COPY … TO STDOUT`, one a row, as its clients count on. */
export interface CopyWriter {
  add(writer: ByteWriter, batch: Batch): void
  /** What ends the stream. */
  finish(writer: ByteWriter): void
}

/** `PGCOPY\n\377\r\n\0`, no flags, no extension. */
const signature = Buffer.from('PGCOPY\n\u00ff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')

export function copyWriter(form: CopyForm, columns: readonly Field[]): CopyWriter {
  let isBegun = false
  const begin = (writer: ByteWriter): void => {
    if (isBegun) return
    isBegun = true
    if (form.kind === 'binary') writer.raw(signature)
    else if (form.header) {
      writer.text(
        `${columns.map(({ name }) => cell(form, { text: name, column: name })).join(form.delimiter)}\n`,
      )
    }
  }
  const row = (writer: ByteWriter, write: () => void): void => {
    writer.int8(0x64)
    const lengthAt = writer.length
    writer.int32(0)
    write()
    writer.patchInt32(lengthAt, writer.length - lengthAt)
  }
  const line = (batch: Batch, at: number, texts: Exclude<CopyForm, { kind: 'binary' }>): string => {
    let text = ''
    for (let column = 0; column < columns.length; column++) {
      const { name, type } = columns[column]!
      const value = batch.value(column, at)
      if (column > 0) text += texts.delimiter
      text += value === null ? texts.null : cell(texts, { text: plainText(type, value), column: name })
    }
    return `${text}\n`
  }
  return {
    add: (writer, batch) => {
      for (let at = 0; at < batch.rowCount; at++) {
        // The header is a line of its own; the signature stands in front of the first row.
        if (!isBegun && form.kind !== 'binary' && form.header) row(writer, () => begin(writer))
        row(writer, () => {
          begin(writer)
          if (form.kind !== 'binary') {
            writer.text(line(batch, at, form))
            return
          }
          writer.int16(columns.length)
          for (let column = 0; column < columns.length; column++) {
            writeField(writer, columns[column]!.type, 1, batch.value(column, at))
          }
        })
      }
    },
    finish: (writer) => {
      if (form.kind === 'binary') {
        row(writer, () => {
          begin(writer)
          writer.int16(-1)
        })
      } else if (!isBegun && form.header) row(writer, () => begin(writer))
    },
  }
}

function cell(
  form: Exclude<CopyForm, { kind: 'binary' }>,
  { text, column }: { readonly text: string; readonly column: string },
): string {
  if (form.kind === 'text') return escaped(text, form.delimiter)
  const { delimiter, quote, escape, forceQuote } = form
  const isForced = forceQuote === 'all' || forceQuote.includes(column)
  const needsQuotes =
    isForced ||
    text === form.null ||
    text.includes(delimiter) ||
    text.includes(quote) ||
    /[\r\n]|^\\\.$/.test(text)
  if (!needsQuotes) return text
  const inner = text
    .replaceAll(escape, () => escape + escape)
    .replaceAll(quote, () => (quote === escape ? quote : escape + quote))
  return `${quote}${inner}${quote}`
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

function escaped(text: string, delimiter: string): string {
  // Most texts need nothing.
  if (!/[\\\b\f\n\r\t\v]/.test(text) && !text.includes(delimiter)) return text
  const plain = text.replaceAll(/[\\\b\f\n\r\t\v]/g, (character) => escapes[character] ?? character)
  return escapes[delimiter] === undefined ? plain.replaceAll(delimiter, () => `\\${delimiter}`) : plain
}
