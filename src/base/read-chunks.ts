import type { FileHandle } from 'node:fs/promises'

/**
 * A file's bytes from `start` to `end` (exclusive) or its own end, through one buffer: a chunk holds until the next one is
 * asked for. New buffers for each would keep the garbage collector busier than the reader.
 */
export async function* readChunks(
  handle: FileHandle,
  buffer: Uint8Array,
  { start = 0, end = Infinity }: { readonly start?: number; readonly end?: number } = {},
): AsyncGenerator<Uint8Array> {
  for (let position = start; position < end;) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - position), position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}
