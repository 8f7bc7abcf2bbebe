import { AppError } from '#base/errors.ts'
import { readPlain, type TextCompression } from './read-plain.ts'

const quote = 0x22
const comma = 0x2c
const newline = 0x0a

/** Where a reader stands. */
interface Position {
  readonly recordCount: number
  /** Of the record that has begun. */
  readonly fieldCount: number
  readonly columnCount: number | undefined
  readonly isQuoted: boolean
  /** Between records. */
  readonly isAtStart: boolean
}

/**
 * Counts the records of RFC 4180 below the line of names, each with as many fields as that has, and its line ended.
 * @throws AppError 'file.torn'
 */
export async function countCsvRecords(
  bytes: AsyncIterable<Uint8Array>,
  compression: TextCompression,
): Promise<number> {
  let position: Position = {
    recordCount: 0,
    fieldCount: 1,
    columnCount: undefined,
    isQuoted: false,
    isAtStart: true,
  }
  await readPlain(bytes, compression, async (plain) => {
    for await (const chunk of plain) position = after(position, chunk)
  })
  const { recordCount, isAtStart } = position
  if (!isAtStart) throw new AppError('file.torn', 'The last record has no end.')
  return Math.max(0, recordCount - 1)
}

/** With counts in variables of its own, which take a third of the time that others take. */
function after(position: Position, chunk: Uint8Array): Position {
  if (chunk.length === 0) return position
  let { recordCount, fieldCount, columnCount, isQuoted } = position
  for (let at = 0; at < chunk.length; at += 1) {
    const byte = chunk[at]!
    if (byte > comma) continue // Most of them.
    if (byte === quote) isQuoted = !isQuoted
    else if (isQuoted) continue
    else if (byte === comma) fieldCount += 1
    else if (byte === newline) {
      columnCount ??= fieldCount
      if (fieldCount !== columnCount) throw uneven(recordCount, fieldCount, columnCount)
      recordCount += 1
      fieldCount = 1
    }
  }
  const isAtStart = !isQuoted && chunk.at(-1) === newline
  return { recordCount, fieldCount, columnCount, isQuoted, isAtStart }
}

function uneven(record: number, fieldCount: number, columnCount: number): AppError {
  return new AppError(
    'file.torn',
    `Record ${record} has ${fieldCount} fields, the line of names ${columnCount}.`,
  )
}
