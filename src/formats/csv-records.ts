import { AppError } from '#base/errors.ts'
import { readPlain, type TextCompression } from './read-plain.ts'

const quote = 0x22
const comma = 0x2c
const newline = 0x0a

/**
 * Counts the records of RFC 4180 below the line of names, each with as many fields as that has, and its line ended.
 * @throws AppError 'file.torn'
 */
export async function countCsvRecords(
  bytes: AsyncIterable<Uint8Array>,
  compression: TextCompression,
): Promise<number> {
  let recordCount = 0
  let fieldCount = 1
  let columnCount: number | undefined
  let isQuoted = false
  let isAtStart = true
  await readPlain(bytes, compression, async (plain) => {
    for await (const chunk of plain) {
      for (let at = 0; at < chunk.length; at += 1) {
        const byte = chunk[at]
        isAtStart = false
        if (byte === quote) isQuoted = !isQuoted
        else if (isQuoted) continue
        else if (byte === comma) fieldCount += 1
        else if (byte === newline) {
          columnCount ??= fieldCount
          if (fieldCount !== columnCount)
            throw new AppError(
              'file.torn',
              `Record ${recordCount} has ${fieldCount} fields, the line of names ${columnCount}.`,
            )
          recordCount += 1
          fieldCount = 1
          isAtStart = true
        }
      }
    }
  })
  if (isQuoted || !isAtStart) throw new AppError('file.torn', 'The last record has no end.')
  return Math.max(0, recordCount - 1)
}
