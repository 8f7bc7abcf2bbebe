import { describe, expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { AppError } from '#base/errors.ts'
import { Framer } from './framer.ts'
import { parseFrontend, parseStartup } from './frontend-messages.ts'

const bytesMax = 300

function framed(type: string, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeInt32BE(payload.length + 4, 1)
  return Buffer.concat([head, payload])
}

/** Cuts bytes at the places given, which may repeat (empty pieces) and be in any order. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place))
}

const anyFrames = fc.array(
  fc.record({ type: fc.constantFrom('Q', 'P', 'B', 'S', 'X'), payload: fc.uint8Array({ maxLength: 64 }) }),
  { maxLength: 8 },
)

describe('the framer', () => {
  test('gives the same messages however the stream is cut', () => {
    fc.assert(
      fc.property(anyFrames, fc.array(fc.nat(), { maxLength: 12 }), (frames, cuts) => {
        const framer = new Framer(bytesMax)
        framer.expectTyped()
        const bytes = Buffer.concat(frames.map(({ type, payload }) => framed(type, payload)))
        const got = pieces(bytes, cuts).flatMap((piece) => {
          framer.push(piece)
          return taken(framer)
        })
        expect(got.map(({ type, payload }) => ({ type, payload: [...payload] }))).toEqual(
          frames.map(({ type, payload }) => ({ type, payload: [...payload] })),
        )
        expect(framer.byteCount).toBe(0)
      }),
    )
  })

  test('gives several messages of one chunk, the first of them without a type', () => {
    const framer = new Framer(bytesMax)
    framer.push(Buffer.concat([framed('Q', Buffer.from('one')).subarray(1), framed('S', Buffer.alloc(0))]))
    expect(framer.take()).toMatchObject({ type: 'startup', payload: Buffer.from('one') })
    framer.expectTyped()
    expect(framer.take()).toMatchObject({ type: 'S' })
    expect(framer.take()).toBeUndefined()
  })

  test('refuses a length that is negative, too small for itself or above the maximum before the message came', () => {
    const lengths = fc.oneof(fc.integer({ max: 3 }), fc.integer({ min: bytesMax + 1, max: 2 ** 31 - 1 }))
    fc.assert(
      fc.property(lengths, fc.boolean(), (length, isTyped) => {
        const framer = new Framer(bytesMax)
        if (isTyped) framer.expectTyped()
        const head = Buffer.alloc(isTyped ? 5 : 4)
        head.writeInt32BE(length, isTyped ? 1 : 0)
        framer.push(head)
        expect(() => framer.take()).toThrow(AppError)
      }),
    )
  })

  test('keeps no more than what came', () => {
    const framer = new Framer(2 ** 30)
    const head = Buffer.alloc(4)
    head.writeInt32BE(2 ** 30)
    const before = process.memoryUsage().arrayBuffers
    framer.push(head)
    expect(framer.take()).toBeUndefined()
    expect(framer.byteCount).toBe(4)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
  })
})

describe('parsing messages', () => {
  test('answers any bytes with a message or a protocol error, never otherwise', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('Q', 'P', 'B', 'D', 'C', 'E', 'S', 'H', 'X', 'F', 'd', 'z', '\0'),
        fc.uint8Array({ maxLength: 200 }),
        (type, bytes) => {
          for (const parse of [
            () => parseFrontend({ type, payload: Buffer.from(bytes) }),
            () => parseStartup(Buffer.from(bytes)),
          ]) {
            try {
              expect(parse().kind).toBeTypeOf('string')
            } catch (error) {
              expect(['connection.protocol', 'query.encoding']).toContain((error as AppError).code)
            }
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

function taken(framer: Framer) {
  const frames = []
  for (let frame = framer.take(); frame; frame = framer.take()) frames.push(frame)
  return frames
}
