import { integerType, longType, stringType } from '#types/data-type.ts'
import { on, once, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { murmurHash } from './hashes-murmur.ts'
import { xxHash } from './hashes-xx.ts'

/** Digests of bytes; a text counts as its UTF-8 bytes. */
export const hashFunctions: readonly FunctionEntry[] = [
  scalar('md5', on(['binary'], stringType, 'md5($1)')),
  scalar('sha1 sha', on(['binary'], stringType, 'sha1($1)')),
  {
    ...scalar('sha2', on(['binary', 'integer'], stringType, sha2)),
    remarks: 'The length is 224, 256, 384 or 512; 0 means 256, another one gives NULL.',
  },
  {
    ...scalar(
      'hash',
      on([], integerType, ({ values, types }) => murmurHash(values, types), { rest: 'any' }),
    ),
    remarks: 'Murmur3 with seed 42. Maps are not supported, as in Spark.',
  },
  {
    ...scalar(
      'xxhash64',
      on([], longType, ({ values, types }) => xxHash(values, types), { rest: 'any' }),
    ),
    remarks: 'xxHash of 64 bits with seed 42. Maps are not supported, as in Spark.',
  },
  scalar(
    'crc32',
    on(['binary'], longType, ({ values: [value = ''] }) => crc32(value)),
  ),
]

function sha2({ values: [value = '', bits = ''], arguments: [, wanted] }: PrintedCall): string {
  const isUsual =
    wanted?.kind === 'literal' && [0, 256].includes(Number(wanted.value)) && wanted.value !== null
  return isUsual ? `sha256(${value})` : `native_sha2(${value}, ${bits})`
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
      `CASE WHEN ${digits} IS NOT NULL THEN xor(list_reduce(list_prepend(4294967295::BIGINT, ${bytes(digits)}), lambda a, b: ${step}), 4294967295) END`,
  )
}
