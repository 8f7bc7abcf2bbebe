import { AppError } from '#base/errors.ts'
import { readPlain, type TextCompression } from './read-plain.ts'

/** A single record longer than this is taken for a broken file. */
const lineBytesMax = 64 * 1024 * 1024
const newline = 0x0a

/**
 * Counts the records by parsing each: one JSON object a line, the last line ended too.
 * @throws AppError 'file.torn'
 */
export async function countJsonLines(
  bytes: AsyncIterable<Uint8Array>,
  compression: TextCompression,
): Promise<number> {
  let rowCount = 0
  const count = async (plain: AsyncIterable<Uint8Array>) => {
    for await (const line of lines(plain)) {
      rowCount += 1
      checkRecord(line, rowCount)
    }
  }
  await readPlain(bytes, compression, count)
  return rowCount
}

async function* lines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of bytes) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let start = 0
    for (let end = buffer.indexOf(newline); end >= 0; end = buffer.indexOf(newline, start)) {
      const part = buffer.subarray(start, end)
      yield rest.length === 0 ? part : Buffer.concat([...rest, part])
      rest = []
      restBytes = 0
      start = end + 1
    }
    if (start === buffer.length) continue
    // A copy: the giver may use its buffer again.
    rest.push(Buffer.from(buffer.subarray(start)))
    restBytes += buffer.length - start
    if (restBytes > lineBytesMax)
      throw new AppError('file.torn', `A line is longer than ${lineBytesMax} bytes.`)
  }
  if (rest.length > 0) throw new AppError('file.torn', 'The last line has no end.')
}

function checkRecord(line: Buffer, lineNumber: number): void {
  let record: unknown
  try {
    record = JSON.parse(line.toString('utf8'))
  } catch (error) {
    throw new AppError('file.torn', `Line ${lineNumber} is not JSON.`, { cause: error })
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    throw new AppError('file.torn', `Line ${lineNumber} is not a JSON object.`)
}
