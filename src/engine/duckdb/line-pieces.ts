import type { LineKind } from './lines-sql.ts'

export interface Piece {
  /** Whole lines. */
  readonly bytes: Buffer
  readonly rowCount: number
}

const lineFeed = 10
const quote = 34

/** Chunks of bytes as pieces of at least so many bytes that end where rows do; the last may be shorter. */
export async function* linePieces(
  chunks: AsyncIterable<Buffer>,
  { kind, pieceBytes }: { readonly kind: LineKind; readonly pieceBytes: number },
): AsyncGenerator<Piece> {
  let parts: Buffer[] = []
  let [byteCount, rowCount, rowsEnd] = [0, 0, 0]
  // Line feeds within the quotes of CSV end no row; a quote within is doubled, and so counts as two.
  let isQuoted = false
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]
      if (byte === lineFeed && !isQuoted) {
        rowCount += 1
        rowsEnd = byteCount + at + 1
      } else if (byte === quote && kind === 'csv') isQuoted = !isQuoted
    }
    parts.push(chunk)
    byteCount += chunk.length
    if (rowsEnd < pieceBytes) continue
    const all = Buffer.concat(parts)
    yield { bytes: all.subarray(0, rowsEnd), rowCount }
    const rest = all.subarray(rowsEnd)
    parts = [rest]
    byteCount = rest.length
    rowCount = rowsEnd = 0
  }
  if (byteCount > rowsEnd) throw new Error('Broken invariant: the last row of a text has an end')
  if (byteCount > 0) yield { bytes: Buffer.concat(parts), rowCount }
}
