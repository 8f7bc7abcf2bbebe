import type { Tally } from './checksum.ts'

/** The stream in pieces of one size, the last one shorter; nothing for a stream of no bytes. */
export async function* inParts(
  bytes: AsyncIterable<Uint8Array>,
  {
    partBytes,
    tally,
    signal,
  }: { readonly partBytes: number; readonly tally: Tally; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, undefined> {
  let part = Buffer.allocUnsafe(partBytes)
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
      part = Buffer.allocUnsafe(partBytes) // The one given is on its way.
      filled = 0
    }
  }
  if (filled > 0) yield part.subarray(0, filled)
  return undefined
}
