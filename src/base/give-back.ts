/** What a view may leave of its memory: a head that was cut off. */
const cutBytesMax = 16
/** Small pieces of memory are shared; a larger view is all that is used of a buffer that was made too large. */
const sharedBytesMax = 64 * 1024

/**
 * Gives back memory at once that is the bytes' alone and that nobody will look at again. Left to the collector, each
 * 64 MB of buffers cost a look at all there is in the process. Bytes that seem to share their memory are left alone.
 */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  // Nothing to give back, and many may share one of no bytes.
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength === 0) return
  if (byteLength > sharedBytesMax || buffer.byteLength - byteLength <= cutBytesMax) buffer.transfer(0)
}
