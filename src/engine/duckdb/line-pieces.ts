import type { LineKind } from './lines-sql.ts'

export interface Piece {
  /** Whole lines. */
  readonly bytes: Buffer
  readonly rowCount: number
}

const lineFeed = 10
const quote = 34

/**
 * Chunks of bytes as pieces of at least so many bytes that end with the first row that fills them; the last may be shorter.
 * So the same bytes make the same pieces, however they come.
 */
export async function* linePieces(
  chunks: AsyncIterable<Buffer>,
  { kind, pieceBytes }: { readonly kind: LineKind; readonly pieceBytes: number },
): AsyncGenerator<Piece> {
  let parts: Buffer[] = []
  let [byteCount, rowCount] = [0, 0]
  // Line feeds within the quotes of CSV end no row; a quote within is doubled, and so counts as two.
  let isQuoted = false
  let isEnd = true
  for await (const chunk of chunks) {
    let start = 0
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]
      isEnd = byte === lineFeed && !isQuoted
      if (isEnd) {
        rowCount += 1
        if (byteCount + at + 1 - start < pieceBytes) continue
        yield { bytes: Buffer.concat([...parts, chunk.subarray(start, at + 1)]), rowCount }
        parts = []
        byteCount = rowCount = 0
        start = at + 1
      } else if (byte === quote && kind === 'csv') isQuoted = !isQuoted
    }
    parts.push(chunk.subarray(start))
    byteCount += chunk.length - start
  }
  if (!isEnd) throw new Error('Broken invariant: the last row of a text has an end')
  if (byteCount > 0) yield { bytes: Buffer.concat(parts), rowCount }
}
