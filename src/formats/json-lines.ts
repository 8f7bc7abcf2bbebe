import { AppError } from '#base/errors.ts'
import { readPlain, type TextCompression } from './read-plain.ts'

/** A single record longer than this is taken for a broken file. */
const lineBytesMax = 64 * 1024 * 1024
const newline = 0x0a
const between = ',0,'

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
    for await (const text of wholeLines(plain)) rowCount += countRecords(text, rowCount)
  }
  await readPlain(bytes, compression, count)
  return rowCount
}

/**
 * The text in runs of whole lines, the last line feed left out.
 * @throws AppError 'file.torn' for a line without an end, or longer than any record
 */
export async function* wholeLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of bytes) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const end = buffer.lastIndexOf(newline)
    if (end >= 0) {
      const part = buffer.subarray(0, end)
      yield (rest.length === 0 ? part : Buffer.concat([...rest, part])).toString('utf8')
      rest = []
      restBytes = 0
    }
    if (end + 1 === buffer.length) continue
    // A copy: the giver may use its buffer again.
    rest.push(Buffer.from(buffer.subarray(end + 1)))
    restBytes += buffer.length - end - 1
    if (restBytes > lineBytesMax)
      throw new AppError('file.torn', `A line is longer than ${lineBytesMax} bytes.`)
  }
  if (rest.length > 0) throw new AppError('file.torn', 'The last line has no end.')
}

/** Parsed together, which takes less than one by one: what stands between lines shows where each of them ends. */
function countRecords(text: string, rowsBefore: number): number {
  let values: readonly unknown[]
  try {
    values = JSON.parse(`[${text.replaceAll('\n', between)}]`) as unknown[]
  } catch {
    values = []
  }
  const isRight =
    values.length % 2 === 1 &&
    values.every((value, index) => (index % 2 === 0 ? isRecord(value) : value === 0))
  if (isRight && values.length === 2 * newlinesIn(text) + 1) return (values.length + 1) / 2
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) checkRecord(line, rowsBefore + index + 1)
  return lines.length
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function newlinesIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1
  return count
}

function checkRecord(line: string, lineNumber: number): void {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch (error) {
    throw new AppError('file.torn', `Line ${lineNumber} is not JSON.`, { cause: error })
  }
  if (!isRecord(record)) throw new AppError('file.torn', `Line ${lineNumber} is not a JSON object.`)
}
