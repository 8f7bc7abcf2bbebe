import { booleanType, stringType, type DataType } from '#types/data-type.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'
import { onceEach } from './once-each.ts'

const isText = ([type]: readonly DataType[]): boolean => type?.kind === 'string'

/** Bytes read as UTF-8; a text is always right. */
export const utf8Functions: readonly FunctionEntry[] = [
  scalar(
    'is_valid_utf8',
    on(['binary'], booleanType, ({ values: [value = ''] }) => isReadable(value)),
  ),
  scalar(
    'make_valid_utf8',
    on(['string'], stringType, '$1', { fits: isText }),
    on(['binary'], stringType, ({ values: [value = ''] }) => mendedText(value)),
  ),
  scalar(
    'try_validate_utf8',
    on(['string'], stringType, '$1', { fits: isText }),
    on(['binary'], stringType, ({ values: [value = ''] }) => readText(value)),
  ),
  scalar(
    'validate_utf8',
    on(['string'], stringType, '$1', { fits: isText }),
    on(['binary'], stringType, 'decode($1)'),
  ),
]

/** NULL for bytes that are no UTF-8. The engine's TRY takes no subquery, a list does. */
export function readText(bytes: string): string {
  return `list_transform([${bytes}], lambda b: TRY(decode(b)))[1]`
}

function isReadable(bytes: string): string {
  return onceEach(
    [bytes],
    (value = '') => `(CASE WHEN ${value} IS NOT NULL THEN ${readText(value)} IS NOT NULL END)`,
  )
}

/** The forms of a character in UTF-8, in hex. */
const tail = '[89AB][0-9A-F]'
const character = [
  '[0-7][0-9A-F]',
  `(?:C[2-9A-F]|D[0-9A-F])${tail}`,
  `E0[AB][0-9A-F]${tail}`,
  `ED[89][0-9A-F]${tail}`,
  `E[1-9A-CEF]${tail}${tail}`,
  `F0[9AB][0-9A-F]${tail}${tail}`,
  `F[1-3]${tail}${tail}${tail}`,
  `F48[0-9A-F]${tail}${tail}`,
].join('|')

/** Bytes as text, with U+FFFD in the place of each that belongs to no character. */
export function mendedText(bytes: string): string {
  return onceEach([bytes], (value = '') => {
    const units = `regexp_extract_all(hex(${value}), '${character}|..')`
    const mended = `list_transform(${units}, lambda u: CASE WHEN length(u) = 2 AND u >= '80' THEN 'EFBFBD' ELSE u END)`
    return `(CASE WHEN ${value} IS NOT NULL THEN coalesce(${readText(value)}, decode(unhex(array_to_string(${mended}, '')))) END)`
  })
}
