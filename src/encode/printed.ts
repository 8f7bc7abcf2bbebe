import { hasPlainDelimiter } from './copy-lines.ts'
import type { Encoding } from './encoding.ts'

/** Whether the cells of a column of numbers are what `plainText` prints, so that whoever has the numbers may print them. */
export function isPrinted(encoding: Encoding, column: number): boolean {
  switch (encoding.kind) {
    case 'postgres':
      return encoding.formats[column] !== 1
    case 'copy':
      return encoding.form.kind !== 'binary' && hasPlainDelimiter(encoding.form)
    default:
      return false
  }
}
