import { native, type NativeFunction } from '../native.ts'

/** A line of CSV taken apart: NULL for nothing between two separators or quotes. */
export const csvFunctions: readonly NativeFunction[] = [
  native('native_csv', ['text', 'text'], 'texts', (line, separator) => cellsOf(line, separator)),
]

export function cellsOf(line: string, separator: string): (string | null)[] {
  const cells: (string | null)[] = []
  for (let at = 0; at <= line.length; at += separator.length) {
    const isQuoted = line[at] === '"'
    const end = isQuoted ? endOfQuoted(line, at + 1) : line.length
    const next = line.indexOf(separator, isQuoted ? end : at)
    const stop = next < 0 ? line.length : next
    const text = line.slice(at, stop)
    const cell = isQuoted ? unquoted(line.slice(at + 1, end)) : text
    cells.push(cell === '' ? null : cell)
    at = stop
  }
  return cells
}

/** Where the quote that closes stands; the text's end where none does. */
function endOfQuoted(line: string, from: number): number {
  for (let at = from; at < line.length; at += 1) {
    if (line[at] === '\\') at += 1
    else if (line[at] === '"') return at
  }
  return line.length
}

function unquoted(text: string): string {
  return text.replaceAll(/\\(["\\])/g, '$1')
}
