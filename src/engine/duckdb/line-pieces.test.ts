import { expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { linePieces, type Piece } from './line-pieces.ts'

async function* inChunks(bytes: Buffer, chunkBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

async function piecesOf(pieces: AsyncIterable<Piece>): Promise<{ text: string; rowCount: number }[]> {
  const all: { text: string; rowCount: number }[] = []
  for await (const { bytes, rowCount } of pieces) all.push({ text: bytes.toString(), rowCount })
  return all
}

const rowsOf = {
  json: fc.dictionary(fc.string(), fc.string(), { maxKeys: 2 }).map((row) => `${JSON.stringify(row)}\n`),
  csv: fc
    .array(fc.constantFrom('', 'a', '""', '"b\n"', '"""c"",\n\n"'), { minLength: 1 })
    .map((cells) => `${cells.join(',')}\n`),
}

test.each(['json', 'csv'] as const)('the same %s makes the same pieces, however it comes', async (kind) => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.double({ min: 0.5, max: 60, noNaN: true }))
  await fc.assert(
    fc.asyncProperty(
      fc.array(rowsOf[kind], { maxLength: 20 }),
      sizes,
      async (rows, [chunkBytes, pieceBytes]) => {
        // A piece ends with the first row that fills it.
        const expected: { text: string; rowCount: number }[] = []
        let open = { text: '', rowCount: 0 }
        for (const row of rows) {
          open = { text: open.text + row, rowCount: open.rowCount + 1 }
          if (Buffer.byteLength(open.text) < pieceBytes) continue
          expected.push(open)
          open = { text: '', rowCount: 0 }
        }
        if (open.rowCount > 0) expected.push(open)

        const chunks = inChunks(Buffer.from(rows.join('')), chunkBytes)
        const found = await piecesOf(linePieces(chunks, { kind, pieceBytes }))
        expect(found).toEqual(expected)
      },
    ),
    { numRuns: 300 },
  )
})

test.each([
  ['json', '{}\n{'],
  ['csv', '1,2\n3'],
  ['csv', '1,"\n'],
] as const)('%s whose last row has no end is a broken invariant', async (kind, text) => {
  const pieces = linePieces(inChunks(Buffer.from(text), 2), { kind, pieceBytes: 100 })
  await expect(piecesOf(pieces)).rejects.toThrow('the last row of a text has an end')
})
