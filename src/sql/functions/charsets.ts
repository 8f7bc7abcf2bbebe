import { AppError } from '#base/errors.ts'
import type { PrintedCall } from './entry.ts'
import { mendedText } from './strings-utf8.ts'

/** A text as the bytes of a character set. @throws AppError 'query.unsupported' for sets but UTF-8 and US-ASCII */
export function encodedText(call: PrintedCall): string {
  checkCharset(call, 'encode')
  return `encode(${call.values[0]})`
}

/** Bytes of a character set as text; what is none of its characters becomes U+FFFD. */
export function decodedText(call: PrintedCall): string {
  checkCharset(call, 'decode')
  const [value = ''] = call.values
  return call.arguments[0]?.kind === 'cast' && call.arguments[0].value.type.kind === 'string'
    ? `decode(${value})`
    : mendedText(value)
}

function checkCharset({ arguments: [, charset] }: PrintedCall, name: string): void {
  const wanted = charset?.kind === 'literal' ? String(charset.value).toLowerCase() : undefined
  if (wanted !== undefined && ['utf-8', 'utf8', 'us-ascii', 'ascii'].includes(wanted)) return
  throw new AppError('query.unsupported', `${name} knows the character sets UTF-8 and US-ASCII alone.`, {
    hint: `Write ${name}(…, 'UTF-8').`,
  })
}
