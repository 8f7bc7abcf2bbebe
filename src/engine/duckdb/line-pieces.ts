import type { LineKind } from './lines-sql.ts'

export interface Piece {
  /** Whole lines. */
  readonly bytes: Buffer
  readonly rowCount: number
}

interface Stretch {
  /** Exclusive. */
  readonly end: number
  readonly isQuoted: boolean
}

interface ReadStretch extends Stretch {
  /** Those that end in it. */
  readonly rowCount: number
}

/** Reads from `start` on, to `end` or behind so many rows. */
type ReadRows = (chunk: Buffer, start: number, to: Stretch & { readonly rowsMax: number }) => ReadStretch

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
  const readRows = kind === 'csv' ? readQuoted : readPlain
  let parts: Buffer[] = []
  let [byteCount, rowCount] = [0, 0]
  let isQuoted = false
  let isEnd = true
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length;) {
      // The first byte that fills the piece when a row ends with it.
      const filling = start + Math.max(0, Math.ceil(pieceBytes - byteCount) - 1)
      const before = readRows(chunk, start, {
        end: Math.min(filling, chunk.length),
        isQuoted,
        rowsMax: Infinity,
      })
      const last = readRows(chunk, before.end, {
        end: chunk.length,
        isQuoted: before.isQuoted,
        rowsMax: 1,
      })
      parts.push(chunk.subarray(start, last.end))
      byteCount += last.end - start
      rowCount += before.rowCount + last.rowCount
      start = last.end
      isQuoted = last.isQuoted
      isEnd = !isQuoted && chunk[start - 1] === lineFeed
      if (last.rowCount === 0) continue
      yield { bytes: Buffer.concat(parts), rowCount }
      parts = []
      byteCount = rowCount = 0
    }
  }
  if (!isEnd) throw new Error('Broken invariant: the last row of a text has an end')
  if (byteCount > 0) yield { bytes: Buffer.concat(parts), rowCount }
}

/** Every line feed ends a row. */
const readPlain: ReadRows = (chunk, start, { end, rowsMax }) => {
  let rowCount = 0
  for (let at = chunk.indexOf(lineFeed, start); at >= 0 && at < end; at = chunk.indexOf(lineFeed, at + 1)) {
    rowCount += 1
    if (rowCount === rowsMax) return { end: at + 1, rowCount, isQuoted: false }
  }
  return { end, rowCount, isQuoted: false }
}

/** Line feeds within the quotes of CSV end no row; a quote within is doubled, and so counts as two. */
const readQuoted: ReadRows = (chunk, start, { end, rowsMax, isQuoted: isQuotedBefore }) => {
  let rowCount = 0
  let isQuoted = isQuotedBefore
  for (let at = start; at < end; at += 1) {
    const byte = chunk[at]!
    if (byte > quote) continue // Most of them.
    if (byte === quote) isQuoted = !isQuoted
    else if (byte === lineFeed && !isQuoted) {
      rowCount += 1
      if (rowCount === rowsMax) return { end: at + 1, rowCount, isQuoted }
    }
  }
  return { end, rowCount, isQuoted }
}
