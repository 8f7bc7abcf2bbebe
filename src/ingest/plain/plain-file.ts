import { open } from 'node:fs/promises'
import { readChunks } from '#base/read-chunks.ts'
import { Unreadable } from '../records.ts'
import { readPlain, type SourceFile, utf8Text } from '../source-text.ts'
import { formDigest, PlainCount } from './plain-count.ts'
import type { PlainForm } from './plain-form.ts'
import { plainLengthMax } from './plain-sql.ts'

const pieceBytes = 256 * 1024

/** The lines that a file begins with, unpacked. Empty: the first is long, or the file cannot be read, which our reader will say. */
export async function headOf(path: string, signal: AbortSignal): Promise<string> {
  let head = ''
  try {
    await readPlain(path, signal, async (pieces) => {
      head = await headIn(pieces)
      throw enough
    })
  } catch (error) {
    if (error !== enough && !(error instanceof Unreadable)) throw error
  }
  return head
}

/** Of bytes, from the first pieces of them. @throws Unreadable */
export async function headIn(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  let head = ''
  for await (const piece of utf8Text(pieces)) {
    head += piece
    if (head.includes('\n') || head.length > plainLengthMax) break
  }
  return head.slice(0, head.lastIndexOf('\n') + 1)
}

const enough = new Error('The head of the file has been read.')

/** How many records a file holds, if each is plain. It is read unless it was looked at for the same form when it came. */
export async function countPlain(
  { path, looked }: SourceFile,
  form: PlainForm,
  signal: AbortSignal,
): Promise<number | undefined> {
  await using file = await open(path, 'r')
  const { size, mtimeMs } = await file.stat()
  const isSame = looked?.bytes === size && looked.modifiedAtMs === mtimeMs
  if (isSame && looked.form === formDigest(form)) return looked.count
  const count = new PlainCount(form)
  for await (const piece of readChunks(file, Buffer.allocUnsafe(pieceBytes))) {
    signal.throwIfAborted()
    if (!count.push(piece)) return undefined
  }
  return count.end()
}
