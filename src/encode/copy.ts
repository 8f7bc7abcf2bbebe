import type { Field } from '#types/data-type.ts'
import type { ByteWriter } from './byte-writer.ts'
import { copyCell, lineCells } from './copy-lines.ts'
import type { CopyForm } from './encoding.ts'
import { joinFields, joinLines } from './join-rows.ts'
import { fieldCells } from './postgres.ts'
import type { Batch } from './value.ts'

/** CopyData messages of PostgreSQL's `COPY … TO STDOUT`, one a row, as its clients count on. */
export interface CopyWriter {
  add(writer: ByteWriter, batch: Batch): void
  /** What ends the stream. */
  finish(writer: ByteWriter): void
}

const copyData = 0x64
/** `PGCOPY\n\377\r\n\0`, no flags, no extension. */
const signature = Buffer.from('PGCOPY\n\u00ff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
/** A count of fields that ends the binary form. */
const trailer = Buffer.from([0xff, 0xff])
/** Type and length of a message. */
const rowHeadBytes = 5

export function copyWriter(form: CopyForm, columns: readonly Field[]): CopyWriter {
  return form.kind === 'binary' ? binaryWriter(columns) : lineWriter(form, columns)
}

function binaryWriter(columns: readonly Field[]): CopyWriter {
  const makers = fieldCells(
    columns,
    columns.map(() => 1),
  )
  // It stands in front of the first row, or of the end.
  let head: Buffer | undefined = signature
  return {
    add: (writer, batch) => {
      const { rowCount } = batch
      if (rowCount === 0) return
      joinFields(writer, {
        type: copyData,
        columns: makers.map((make) => make(batch)),
        rowCount,
        prefix: head,
      })
      head = undefined
    },
    finish: (writer) => message(writer, head ? Buffer.concat([head, trailer]) : trailer),
  }
}

function lineWriter(form: Exclude<CopyForm, { kind: 'binary' }>, columns: readonly Field[]): CopyWriter {
  const makers = columns.map((column, index) => lineCells(form, column, index))
  const delimiter = form.delimiter.charCodeAt(0)
  const nothing = Buffer.from(form.null)
  let hasHeader = form.header
  const writeHeader = (writer: ByteWriter): void => {
    if (!hasHeader) return
    const unforced = form.kind === 'csv' ? { ...form, forceQuote: [] } : form
    const names = columns.map(({ name }) => copyCell(unforced, { text: name, column: name }))
    message(writer, Buffer.from(`${names.join(form.delimiter)}\n`))
  }
  return {
    add: (writer, batch) => {
      const { rowCount } = batch
      if (rowCount === 0) return
      writeHeader(writer)
      joinLines(writer, { columns: makers.map((make) => make(batch)), rowCount, delimiter, nothing })
      hasHeader = false // All of it is written.
    },
    finish: writeHeader,
  }
}

/** Rows that are DataRow messages of binary fields, which have the form of COPY's own behind their head. */
export function copiedBinary(rows: readonly Buffer[]): Buffer {
  const bodies = [...rows.map((row) => row.subarray(rowHeadBytes)), trailer]
  return Buffer.concat(
    bodies.flatMap((body, index) => {
      const parts = index === 0 ? [signature, body] : [body]
      const head = Buffer.alloc(rowHeadBytes)
      head.writeUInt8(copyData)
      head.writeInt32BE(
        parts.reduce((sum, { length }) => sum + length, 4),
        1,
      )
      return [head, ...parts]
    }),
  )
}

function message(writer: ByteWriter, body: Uint8Array): void {
  writer.int8(copyData)
  writer.int32(body.length + 4)
  writer.raw(body)
}
