import { type PartSizes, partBytesOf } from './part-size.ts'

/**
 * Memory for the parts of one object, used again when a part is sent: new memory for each keeps the garbage collector busy
 * for a third of an upload's time.
 */
export class PartBuffers {
  readonly #free: Uint8Array[] = []

  take(byteCount: number): Uint8Array {
    const free = this.#free.pop()
    // Later parts are larger.
    return free?.length === byteCount ? free : Buffer.allocUnsafeSlow(byteCount)
  }

  giveBack(part: Uint8Array): void {
    this.#free.push(part)
  }
}

/**
 * The stream in pieces, the last one shorter; nothing for a stream of no bytes. One piece is held at a time, beside
 * those that were given.
 */
export async function* inParts(
  bytes: AsyncIterable<Uint8Array>,
  {
    sizes,
    buffers,
    tally,
    signal,
  }: {
    readonly sizes: PartSizes
    readonly buffers: PartBuffers
    readonly tally: { add(bytes: Uint8Array): void }
    readonly signal: AbortSignal
  },
): AsyncGenerator<Uint8Array, undefined> {
  let number = 1
  let partBytes = partBytesOf(number, sizes)
  let part = buffers.take(partBytes)
  let filled = 0
  signal.throwIfAborted()
  for await (const chunk of bytes) {
    signal.throwIfAborted()
    for (let offset = 0; offset < chunk.length;) {
      const piece = chunk.subarray(offset, offset + partBytes - filled)
      part.set(piece, filled)
      tally.add(piece)
      filled += piece.length
      offset += piece.length
      if (filled < partBytes) continue
      yield part
      number += 1
      partBytes = partBytesOf(number, sizes)
      part = buffers.take(partBytes) // The one given is on its way.
      filled = 0
    }
  }
  if (filled > 0) yield part.subarray(0, filled)
  return undefined
}
