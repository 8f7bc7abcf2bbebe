import type { BoundExpression } from '../bind/bound.ts'
import type { PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'
import { readText } from './strings-utf8.ts'

/** A text as the bytes of a character set. Which there are, and what they cannot say, is found where it is computed. */
export function encodedText({
  values: [value = '', charset = ''],
  arguments: [, wanted],
}: PrintedCall): string {
  return isUtf8(wanted) ? `encode(${value})` : `native_encode(${value}, ${charset})`
}

/** Bytes of a character set as text; bytes that are none are an error. */
export function decodedText(call: PrintedCall): string {
  const [value = '', charset = ''] = call.values
  const [source, wanted] = call.arguments
  if (!isUtf8(wanted)) return `native_decode(${value}, ${charset})`
  const isText = source?.kind === 'cast' && source.value.type.kind === 'string'
  return isText ? `decode(${value})` : onceEach([value], exactText)
}

function exactText(bytes = ''): string {
  return `coalesce(${readText(bytes)}, CASE WHEN ${bytes} IS NOT NULL THEN error('The bytes are no text in UTF-8.') END)`
}

function isUtf8(charset: BoundExpression | undefined): boolean {
  return charset?.kind === 'literal' && /^utf-?8$/i.test(String(charset.value))
}
