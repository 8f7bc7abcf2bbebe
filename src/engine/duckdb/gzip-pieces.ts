import { promisify } from 'node:util'
import { constants, crc32, deflateRaw } from 'node:zlib'

const deflate = promisify(deflateRaw) as (
  piece: Uint8Array,
  options: { level: number; memLevel: number; dictionary?: Uint8Array; finishFlush: number },
) => Promise<Buffer>

/** Files of about the size the engine's own have. */
const level = 5
const memLevel = 9
const windowBytes = 32 * 1024
/** So many cores may compress at a time. */
const atOnceMax = 3
/** Deflate, no name, no time, of an unknown system. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
/** A last block of nothing. */
const lastBlock = Buffer.from([3, 0])

/**
 * One gzip stream of all pieces, several of them compressed at a time: each knows the 32 KiB before it, so that the stream
 * is as short as if one had compressed it, and any reader takes it for that.
 * @see RFC 1951, RFC 1952
 */
export async function* gzipPieces(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield header
  const underWay: Promise<Buffer>[] = []
  let [checksum, byteCount] = [0, 0]
  let before = new Uint8Array()
  for await (const piece of pieces) {
    const dictionary = before.length > 0 ? { dictionary: before } : {}
    const deflated = deflate(piece, { level, memLevel, ...dictionary, finishFlush: constants.Z_SYNC_FLUSH })
    deflated.catch(() => {}) // Whoever takes it from the list meets the error.
    underWay.push(deflated)
    checksum = crc32(piece, checksum)
    byteCount += piece.length
    before = endOf(before, piece)
    if (underWay.length >= atOnceMax) yield await underWay.shift()!
  }
  for (const deflated of underWay) yield await deflated
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(checksum, 0)
  trailer.writeUInt32LE(byteCount % 2 ** 32, 4)
  yield Buffer.concat([lastBlock, trailer])
}

function endOf(before: Uint8Array, piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = piece.length >= windowBytes ? piece : Buffer.concat([before, piece])
  return Uint8Array.from(all.subarray(-windowBytes))
}
