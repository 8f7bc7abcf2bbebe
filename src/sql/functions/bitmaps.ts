import { binaryType, longType } from '#types/data-type.ts'
import { nullsLeftOut, aggregateCall } from './aggregate-call.ts'
import { aggregate, on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'

/** Bitmaps of 4096 bytes: a bit each for 32768 numbers. */
export const bitmapFunctions: readonly FunctionEntry[] = [
  scalar(
    'bitmap_bit_position',
    on(
      ['long'],
      longType,
      'CAST(CASE WHEN $1 > 0 THEN ($1 - 1) % 32768 ELSE abs($1::HUGEINT) % 32768 END AS BIGINT)',
    ),
  ),
  scalar(
    'bitmap_bucket_number',
    on(['long'], longType, '(CASE WHEN $1 > 0 THEN 1 + ($1 - 1) // 32768 ELSE $1 // 32768 END)'),
  ),
  scalar(
    'bitmap_count',
    on(
      ['binary'],
      longType,
      "CAST(CASE WHEN octet_length($1) = 0 THEN 0 ELSE bit_count(CAST(CASE WHEN octet_length($1) = 0 THEN unhex('00') ELSE $1 END AS BIT)) END AS BIGINT)",
    ),
  ),
  aggregate('bitmap_construct_agg', on(['long'], binaryType, constructed)),
  aggregate('bitmap_and_agg', on(['binary'], binaryType, merged('bit_and'))),
  aggregate('bitmap_or_agg', on(['binary'], binaryType, merged('bit_or'))),
]

function merged(name: string): (call: PrintedCall) => string {
  return (call) =>
    `CAST(${aggregateCall(call, `${name}(CAST(unhex(rpad(hex(${call.values[0]}), 8192, '0')) AS BIT))`)} AS BLOB)`
}

/** The bit of each number is set: the lowest one of a byte is the first. */
function constructed(call: PrintedCall): string {
  const places = nullsLeftOut(call, call.values[0] ?? '', `list(DISTINCT ${call.values[0]})`)
  return `native_bitmap(CAST(coalesce(${places}, []) AS DOUBLE[]))`
}
