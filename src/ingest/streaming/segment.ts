import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { AppError } from '#base/errors.ts'
import type { BatchId } from '#base/ids.ts'

/**
 * A stretch of the log: a line that says which form it has, then frames. A frame is the length of its bytes and their
 * CRC-32, both 32 bits little-endian, and the bytes.
 */
const form = Buffer.from('SLUICE-STREAM 1\n')
const frameHead = 8
/** Above the largest request; a length beyond it is no length. */
const frameBytesMax = 16 * 1024 * 1024
const pieceBytes = 1024 * 1024

export interface Segment {
  /** ULID: in the order of their making, unless the clock was set back. */
  readonly id: BatchId
  readonly path: string
  /** What is known to be on the disk; the rest never was answered for. */
  readonly bytes: number
  /** Sealed in this life: all of it was answered for. What an earlier life left may be torn at its end. */
  readonly isWhole: boolean
}

export function segmentHead(): Buffer {
  return form
}

export function frameBytes(payload: Buffer): number {
  return frameHead + payload.byteLength
}

/** Its pieces, to be written one after the other. */
export function frameOf(payload: Buffer): readonly [head: Buffer, payload: Buffer] {
  const head = Buffer.allocUnsafe(frameHead)
  head.writeUInt32LE(payload.byteLength, 0)
  head.writeUInt32LE(crc32(payload), 4)
  return [head, payload]
}

/** How much of a segment its head and the payloads read of it are not. */
export function bytesLeftOut({ bytes }: Segment, payloads: { count: number; bytes: number }): number {
  return Math.max(bytes - form.byteLength - payloads.count * frameHead - payloads.bytes, 0)
}

/**
 * The payloads of a segment, in order. It ends before the first frame that is not whole: a power cut tears what was
 * being written, which nobody was answered for.
 * @throws AppError 'home.unusable' for another form
 */
export async function* readSegment({ path, bytes }: Pick<Segment, 'path' | 'bytes'>): AsyncGenerator<Buffer> {
  await using file = await open(path, 'r')
  let at = 0
  let buffered: Buffer = Buffer.alloc(0)
  /** Undefined: there are not so many. */
  const take = async (count: number): Promise<Buffer | undefined> => {
    while (buffered.byteLength < count) {
      const piece = await read(file, at, Math.min(Math.max(pieceBytes, count), bytes - at))
      if (piece.byteLength === 0) return undefined
      at += piece.byteLength
      buffered = buffered.byteLength === 0 ? piece : Buffer.concat([buffered, piece])
    }
    const taken = buffered.subarray(0, count)
    buffered = buffered.subarray(count)
    return taken
  }
  const head = await take(form.byteLength)
  if (!head) return // It died before it had begun.
  if (!head.equals(form)) throw unknownForm(path)
  for (;;) {
    const frame = await take(frameHead)
    if (!frame) return
    const length = frame.readUInt32LE(0)
    if (length === 0 || length > frameBytesMax) return
    const payload = await take(length)
    if (!payload || crc32(payload) !== frame.readUInt32LE(4)) return
    yield payload
  }
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.max(length, 0))
  let count = 0
  while (count < buffer.byteLength) {
    const { bytesRead } = await file.read(buffer, count, buffer.byteLength - count, position + count)
    if (bytesRead === 0) break
    count += bytesRead
  }
  return buffer.subarray(0, count)
}

function unknownForm(path: string): AppError {
  return new AppError('home.unusable', `The log ${path} has a form that this Sluice does not know.`, {
    hint: 'Start the Sluice that wrote it, which also loads it.',
  })
}
