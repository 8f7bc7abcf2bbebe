import { AppError } from '#base/errors.ts'
import { integerType, longType, stringType } from '#types/data-type.ts'
import { on, once, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { murmurHash } from './hashes-murmur.ts'

/** Digests of bytes; a text counts as its UTF-8 bytes. */
export const hashFunctions: readonly FunctionEntry[] = [
  scalar('md5', on(['binary'], stringType, 'md5($1)')),
  scalar('sha1 sha', on(['binary'], stringType, 'sha1($1)')),
  {
    ...scalar('sha2', on(['binary', 'integer'], stringType, sha2)),
    remarks: 'The length is 256, or 0 which means the same; others are not supported.',
  },
  {
    ...scalar(
      'hash',
      on([], integerType, ({ values, types }) => murmurHash(values, types), { rest: 'any' }),
    ),
    remarks: 'Murmur3 with seed 42. Floating point, decimals and maps are not supported.',
  },
  scalar(
    'crc32',
    on(['binary'], longType, ({ values: [value = ''] }) => crc32(value)),
  ),
]

function sha2({ values: [value = ''], arguments: [, bits] }: PrintedCall): string {
  const length = bits?.kind === 'literal' ? Number(bits.value) : undefined
  if (length === 0 || length === 256) return `sha256(${value})`
  throw new AppError('query.unsupported', 'sha2 knows the length 256 alone.', {
    hint: 'Write sha2(value, 256).',
  })
}

/** Bytes one after the other through the table of the polynomial 0xEDB88320. */
function crc32(value: string): string {
  const table = Array.from({ length: 256 }, (_, byte) => {
    let entry = byte
    for (let bit = 0; bit < 8; bit++) entry = (entry >>> 1) ^ (entry & 1 ? 0xedb88320 : 0)
    return entry >>> 0
  })
  const bytes = (digits: string): string =>
    `list_transform(range(1, length(${digits}), 2), lambda i: CAST('0x' || substring(${digits}, i, 2) AS BIGINT))`
  const step = `xor([${table.join(', ')}][xor(a, b) & 255 + 1], a >> 8)`.replace(
    'xor(a, b) & 255 + 1',
    '(xor(a, b) & 255) + 1',
  )
  return once(
    `hex(${value})`,
    (digits) =>
      `xor(list_reduce(list_prepend(4294967295::BIGINT, ${bytes(digits)}), lambda a, b: ${step}), 4294967295)`,
  )
}
