import { native, type NativeFunction } from '../native.ts'
import { csvFunctions } from './csv.ts'
import { formatterFunctions } from './formatter.ts'
import { numberFormatFunctions } from './number-format.ts'

/** Texts made and cut as Java and Spark do. */
export const textFunctions: readonly NativeFunction[] = [
  ...csvFunctions,
  ...formatterFunctions,
  ...numberFormatFunctions,
  native('native_substring_index', ['text', 'text', 'integer'], 'text', (text, mark, count) => {
    if (mark === '' || count === 0) return ''
    let at = count > 0 ? -1 : text.length
    for (let left = Math.abs(count); left > 0; left -= 1) {
      // Marks may overlap.
      at = count > 0 ? text.indexOf(mark, at + 1) : at === 0 ? -1 : text.lastIndexOf(mark, at - 1)
      if (at < 0) return text
    }
    return count > 0 ? text.slice(0, at) : text.slice(at + mark.length)
  }),
  /** Bytes of a base64 text; signs that are none are passed over. */
  native('native_unbase64', ['text'], 'bytes', (text) =>
    Buffer.from(text.replaceAll(/[^A-Za-z0-9+/=]/g, '').replace(/=.*$/s, ''), 'base64'),
  ),
]
