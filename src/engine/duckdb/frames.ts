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

/** Cuts a byte stream into frames, wherever the pieces were cut. Pieces are copied; a chunk's body has memory of its own. */
export function frameReader(onFrame: (frame: Frame) => void): (piece: Uint8Array) => void {
  const head = Buffer.alloc(headBytes)
  let body: Buffer | undefined
  let filled = 0 // Of the body, if there is one, or else of the head.
  const beginBody = (): void => {
    const length = head.readUInt32LE(0) + 4 - headBytes
    if (length < 0 || length > frameBytesMax) throw new Error(`Broken invariant: a frame of ${length} bytes`)
    body = head[8] === frameKinds.chunk ? Buffer.allocUnsafeSlow(length) : Buffer.allocUnsafe(length)
    filled = 0
  }
  return (piece) => {
    let at = 0
    while (at < piece.length) {
      const target = body ?? head
      const length = Math.min(target.length - filled, piece.length - at)
      target.set(piece.subarray(at, at + length), filled)
      filled += length
      at += length
      if (filled < target.length) return
      if (!body) beginBody()
      if (!body || filled < body.length) continue
      const whole = { statement: head.readUInt32LE(4), kind: head[8] as FrameKind, body }
      body = undefined
      filled = 0
      onFrame(whole)
    }
  }
}
