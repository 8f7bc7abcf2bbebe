import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import { Unreadable } from '../records.ts'
import { readPlain, utf8Text } from '../source-text.ts'
import type { PlainForm } from './plain-form.ts'
import { plainLengthMax } from './plain-sql.ts'
import { programOf } from './program.ts'

const pieceBytes = 256 * 1024

/** The lines that a file begins with, unpacked. Empty: the first is long, or the file cannot be read, which our reader will say. */
export async function headOf(path: string, signal: AbortSignal): Promise<string> {
  let head = ''
  try {
    await readPlain(path, signal, async (pieces) => {
      for await (const piece of utf8Text(pieces)) {
        head += piece
        if (head.includes('\n') || head.length > plainLengthMax) throw enough
      }
    })
  } catch (error) {
    if (error !== enough && !(error instanceof Unreadable)) throw error
  }
  return head.slice(0, head.lastIndexOf('\n') + 1)
}

const enough = new Error('The head of the file has been read.')

/**
 * How many records a file holds, if each is plain. It is looked at byte by byte, which is all of it that this process ever
 * does: nothing is cut out or converted.
 */
export async function countPlain(
  path: string,
  { pattern, head, lineEnd }: PlainForm,
  signal: AbortSignal,
): Promise<number | undefined> {
  const record = programOf(asBytes(pattern))
  if (!record) return undefined
  await using file = await open(path, 'r')
  const buffer = Buffer.allocUnsafe(pieceBytes + plainLengthMax)
  let rest = 0
  let count = 0
  let at = Buffer.byteLength(head)

  const look = (text: string): boolean => {
    while (at < text.length) {
      if (text.indexOf('\n', at) - at > plainLengthMax) return false
      record.lastIndex = at
      if (!record.test(text)) return false
      at = record.lastIndex
      count += 1
    }
    at = 0
    return true
  }

  for (let isFirst = true; ; isFirst = false) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(buffer, rest, pieceBytes)
    if (bytesRead === 0) break
    const filled = rest + bytesRead
    const end = buffer.lastIndexOf(0x0a, filled - 1) + 1
    const lines = buffer.subarray(0, end)
    if (isFirst && !lines.subarray(0, at).equals(Buffer.from(head))) return undefined
    if (!isUtf8(lines) || !look(lines.toString('latin1'))) return undefined
    buffer.copyWithin(0, end, filled)
    rest = filled - end
    if (rest > plainLengthMax) return undefined
  }
  const last = buffer.subarray(0, rest)
  if (rest > 0 && !(isUtf8(last) && look(last.toString('latin1') + lineEnd))) return undefined
  return count
}

/** A pattern for texts that have a character for each byte. */
function asBytes(pattern: string): string {
  return Buffer.from(pattern).toString('latin1')
}
