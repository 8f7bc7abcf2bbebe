import { expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { chunkFrame, type Frame, frame, frameKinds, frameReader, readChunk } from './frames.ts'

const kinds = Object.values(frameKinds)
const anyFrame = fc.record({
  statement: fc.integer({ min: 0, max: 0xffff_ffff }),
  kind: fc.constantFrom(...kinds),
  body: fc.uint8Array({ maxLength: 40 }),
})

function read(pieces: readonly Uint8Array[]): Frame[] {
  const frames: Frame[] = []
  const reader = frameReader((frame) => frames.push(frame))
  for (const piece of pieces) reader(Buffer.from(piece))
  return frames
}

test('frames come out as they went in, wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 8 }),
      fc.array(fc.nat({ max: 60 }), { maxLength: 30 }),
      (frames, lengths) => {
        const stream = Buffer.concat(
          frames.flatMap(({ statement, kind, body }) => frame(statement, kind, body)),
        )
        const pieces: Buffer[] = []
        let at = 0
        for (const length of lengths) pieces.push(stream.subarray(at, (at += length)))
        pieces.push(stream.subarray(at))
        expect(
          read(pieces).map(({ statement, kind, body }) => ({ statement, kind, body: [...body] })),
        ).toEqual(frames.map(({ statement, kind, body }) => ({ statement, kind, body: [...body] })))
      },
    ),
  )
})

test('a chunk carries its rows', () => {
  const [one] = read(chunkFrame(7, 4_000_000_000, true, Buffer.from('rows')))
  expect(one).toMatchObject({ statement: 7, kind: frameKinds.chunk })
  expect(readChunk(one!.body)).toEqual({ rowCount: 4_000_000_000, isLast: true, bytes: Buffer.from('rows') })
})

test('a length beyond all measure is refused', () => {
  expect(() => read([Buffer.from('ffffffff00000000030000', 'hex')])).toThrow('Broken invariant')
})
