import type { DataType, Field } from '#types/data-type.ts'
import { ByteWriter } from './byte-writer.ts'
import { type Cells, cellMaker, type MakeCells, nullLength } from './cells.ts'
import type { CopyForm } from './encoding.ts'
import { textCells } from './raw-text.ts'
import { plainText } from './text.ts'

export type TextForm = Exclude<CopyForm, { kind: 'binary' }>

/** The cells of a column as a form's lines have them, NULL left open. */
export function lineCells(form: TextForm, { name, type }: Field, column: number): MakeCells {
  if (hasPlainDelimiter(form)) {
    const make = textCells(column, type)
    return mayNeedEscapes(type) ? escapedCells(make, form.delimiter) : make
  }
  return cellMaker(column, {
    putters: {},
    isSentAsIs: false,
    write: (writer, value) =>
      void writer.text(copyCell(form, { text: plainText(type, value), column: name })),
  })
}

/**
 * Whether no number, date, timestamp or boolean has the delimiter in it, so that their texts stand as they are.
 */
export function hasPlainDelimiter({ kind, delimiter }: TextForm): boolean {
  return kind === 'text' && !/[0-9A-Za-z .:+-]/.test(delimiter)
}

function mayNeedEscapes({ kind }: DataType): boolean {
  return kind === 'string' || kind === 'binary' || kind === 'array' || kind === 'map' || kind === 'struct'
}

/** Cells are handed on as they are unless one of them needs an escape, which few columns have. */
function escapedCells(make: MakeCells, delimiter: string): MakeCells {
  const escapeOf = escapeTable(delimiter)
  const signs = delimiter.charCodeAt(0) * 0x01_01_01_01
  const scratch = new ByteWriter()
  return (batch) => {
    const cells = make(batch)
    const { rowCount } = batch
    if (!someMayNeedEscapes(cells, rowCount, signs)) return cells
    scratch.rewind()
    const { bytes: source, starts: from, lengths: given } = cells
    const starts = new Uint32Array(rowCount)
    const lengths = new Int32Array(rowCount)
    for (let row = 0; row < rowCount; row++) {
      const length = given[row]!
      const start = scratch.length
      if (length > 0) writeEscaped(scratch, { escapeOf, source, start: from[row]!, length })
      starts[row] = start
      lengths[row] = length === nullLength ? nullLength : scratch.length - start
    }
    return { bytes: scratch.bytes, starts, lengths }
  }
}

/**
 * Four bytes at a time: whether one of them is below a space, a backslash or the delimiter.
 * @param signs the delimiter four times
 * @see https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
 */
function someMayNeedEscapes({ bytes, starts, lengths }: Cells, rowCount: number, signs: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const delimiter = signs & 0xff
  for (let row = 0; row < rowCount; row++) {
    let at = starts[row]!
    const end = at + lengths[row]!
    for (; at + 4 <= end; at += 4) {
      const word = view.getInt32(at)
      const slash = word ^ 0x5c_5c_5c_5c
      const sign = word ^ signs
      const found =
        ((word - 0x20_20_20_20) & ~word) |
        ((slash - 0x01_01_01_01) & ~slash) |
        ((sign - 0x01_01_01_01) & ~sign)
      if ((found & 0x80_80_80_80) !== 0) return true
    }
    for (; at < end; at++) {
      const byte = view.getUint8(at)
      if (byte < 0x20 || byte === 0x5c || byte === delimiter) return true
    }
  }
  return false
}

/** By byte: what stands behind the backslash; 0 where none is needed. */
function escapeTable(delimiter: string): Uint8Array {
  const table = new Uint8Array(256)
  table[delimiter.charCodeAt(0)] = delimiter.charCodeAt(0)
  for (const [character, escape] of Object.entries(escapes)) {
    table[character.charCodeAt(0)] = escape.charCodeAt(1)
  }
  return table
}

function writeEscaped(
  writer: ByteWriter,
  {
    escapeOf,
    source,
    start,
    length,
  }: {
    readonly escapeOf: Uint8Array
    readonly source: Uint8Array
    readonly start: number
    readonly length: number
  },
): void {
  writer.reserve(2 * length)
  const { bytes } = writer
  let at = writer.length
  for (let index = start; index < start + length; index++) {
    const byte = source[index]!
    const escape = escapeOf[byte]!
    if (escape === 0) bytes[at++] = byte
    else {
      bytes[at++] = 0x5c
      bytes[at++] = escape
    }
  }
  writer.length = at
}

/** A cell's text as the form writes it. */
export function copyCell(
  form: TextForm,
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
