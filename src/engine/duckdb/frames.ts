/**
 * What server and child say to each other over two pipes: frames of a length (of what follows), a statement's number, a kind
 * and a body. Bodies are JSON, but for chunks: row count (4 bytes), last (1 byte), then the encoded rows.
 */
export const frameKinds = { request: 0, answer: 1, failure: 2, chunk: 3, progress: 4 } as const
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds]

export interface Frame {
  readonly statement: number
  readonly kind: FrameKind
  readonly body: Buffer
}

const headBytes = 9

/** Guards against a peer gone mad; a chunk is a few MiB and a statement's text with its files at most some tens. */
export const frameBytesMax = 1024 * 1024 * 1024

export function frame(statement: number, kind: FrameKind, ...parts: readonly Uint8Array[]): Uint8Array[] {
  const head = Buffer.allocUnsafe(headBytes)
  head.writeUInt32LE(5 + parts.reduce((sum, part) => sum + part.length, 0), 0)
  head.writeUInt32LE(statement, 4)
  head[8] = kind
  return [head, ...parts]
}

export function jsonFrame(statement: number, kind: FrameKind, body: unknown): Uint8Array[] {
  return frame(statement, kind, Buffer.from(JSON.stringify(body)))
}

export function chunkFrame(
  statement: number,
  rowCount: number,
  isLast: boolean,
  bytes: Uint8Array,
): Uint8Array[] {
  const head = Buffer.allocUnsafe(5)
  head.writeUInt32LE(rowCount, 0)
  head[4] = isLast ? 1 : 0
  return frame(statement, frameKinds.chunk, head, bytes)
}

export function readChunk(body: Buffer): { rowCount: number; isLast: boolean; bytes: Uint8Array } {
  return { rowCount: body.readUInt32LE(0), isLast: body[4] === 1, bytes: body.subarray(5) }
}

/** Cuts a byte stream into frames, wherever the pieces were cut. */
export function frameReader(onFrame: (frame: Frame) => void): (piece: Buffer) => void {
  let pieces: Buffer[] = []
  let length = 0
  let wanted = headBytes
  return (piece) => {
    pieces.push(piece)
    length += piece.length
    if (length < wanted) return
    let bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, length)
    for (;;) {
      wanted = bytes.length < 4 ? headBytes : 4 + bytes.readUInt32LE(0)
      if (wanted > frameBytesMax) throw new Error(`Broken invariant: a frame of ${wanted} bytes`)
      if (bytes.length < Math.max(wanted, headBytes)) break
      onFrame({
        statement: bytes.readUInt32LE(4),
        kind: bytes[8] as FrameKind,
        body: bytes.subarray(headBytes, wanted),
      })
      bytes = bytes.subarray(wanted)
    }
    pieces = bytes.length > 0 ? [bytes] : []
    length = bytes.length
  }
}
