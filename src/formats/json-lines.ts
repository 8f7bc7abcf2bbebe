import { isUtf8 } from 'node:buffer'
import { AppError } from '#base/errors.ts'
import { recordEnd } from './json-record.ts'
import { readPlain, type TextCompression } from './read-plain.ts'

/** A single record longer than this is taken for a broken file. */
const lineBytesMax = 64 * 1024 * 1024
const newline = 0x0a

/**
 * Counts the records by reading each: one JSON object a line, the last line ended too.
 * @throws AppError 'file.torn'
 */
export async function countJsonLines(
  bytes: AsyncIterable<Uint8Array>,
  compression: TextCompression,
): Promise<number> {
  let rowCount = 0
  const count = async (plain: AsyncIterable<Uint8Array>) => {
    for await (const lines of wholeLines(plain)) rowCount += countRecords(lines, rowCount)
  }
  await readPlain(bytes, compression, count)
  return rowCount
}

/**
 * The bytes in runs of whole lines, each with its line feed. What is given is good until the next is asked for.
 * @throws AppError 'file.torn' for a line without an end, or longer than any record
 */
export async function* wholeLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of bytes) {
    let buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const firstEnd = buffer.indexOf(newline) + 1
    if (firstEnd > 0 && rest.length > 0) {
      yield Buffer.concat([...rest, buffer.subarray(0, firstEnd)])
      rest = []
      restBytes = 0
      buffer = buffer.subarray(firstEnd)
    }
    const end = firstEnd > 0 ? buffer.lastIndexOf(newline) + 1 : 0
    if (end > 0) yield buffer.subarray(0, end)
    if (end === buffer.length) continue
    // A copy: the giver may use its buffer again.
    rest.push(Buffer.from(buffer.subarray(end)))
    restBytes += buffer.length - end
    if (restBytes > lineBytesMax)
      throw new AppError('file.torn', `A line is longer than ${lineBytesMax} bytes.`)
  }
  if (rest.length > 0) throw new AppError('file.torn', 'The last line has no end.')
}

function countRecords(lines: Buffer, rowsBefore: number): number {
  let rowCount = 0
  // No line feed is within a character, so that one that is broken is of these lines.
  const areTexts = isUtf8(lines)
  for (let start = 0; start < lines.length; rowCount += 1) {
    const end = areTexts ? recordEnd(lines, start) : -1
    if (lines[end] !== newline) throw notARecord(lines.subarray(start), rowsBefore + rowCount + 1)
    start = end + 1
  }
  return rowCount
}

/** @param lines the first of which is none, or one of which is no text */
function notARecord(lines: Buffer, lineNumber: number): AppError {
  const line = lines.subarray(0, lines.indexOf(newline))
  const isObject = recordEnd(lines, 0) === line.length
  if (isObject) return new AppError('file.torn', `Line ${lineNumber}, or one that follows, is not UTF-8.`)
  try {
    JSON.parse(line.toString('utf8'))
  } catch (error) {
    return new AppError('file.torn', `Line ${lineNumber} is not JSON.`, { cause: error })
  }
  return new AppError('file.torn', `Line ${lineNumber} is not a JSON object.`)
}
