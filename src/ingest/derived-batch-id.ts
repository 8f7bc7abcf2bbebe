import { createHash } from 'node:crypto'
import { type BatchId, parseId } from '#base/ids.ts'

const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const timeLength = 10

/** The time of another ULID, then what follows from a text alone: a ULID like all others, and the same each time. */
export function derivedBatchId(other: string, text: string): BatchId {
  const hash = createHash('sha256').update(text).digest()
  const rest = Array.from({ length: 16 }, (_, index) => digits[(hash[index] ?? 0) & 31]).join('')
  return parseId('batch', other.slice(0, timeLength) + rest)
}
