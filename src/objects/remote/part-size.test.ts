import { expect, test } from 'vitest'
import { objectBytesMax, partBytesOf, partsMax } from './part-size.ts'
import { inParts, PartBuffers } from './parts.ts'
import { remotePolicy } from './policy.ts'
import { sendParts } from './send-parts.ts'

const mebibyte = 1024 * 1024
const { partBytes } = remotePolicy
const sizes = Array.from({ length: partsMax }, (_, index) => partBytesOf(index + 1, remotePolicy))
const total = (count: number) => sizes.slice(0, count).reduce((sum, bytes) => sum + bytes, 0)

test('ten thousand parts hold the largest object there can be', () => {
  expect(total(partsMax)).toBeGreaterThanOrEqual(objectBytesMax)
})

test('no part is larger than a store takes, and none but the last smaller than S3 takes', () => {
  expect(Math.max(...sizes)).toBeLessThanOrEqual(4_000 * mebibyte)
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(5 * mebibyte)
})

test('parts never shrink, and an object up to 7 GiB has only small ones', () => {
  expect(sizes).toEqual([...sizes].sort((one, other) => one - other))
  const count = sizes.findIndex((bytes) => bytes > partBytes)
  expect(total(count)).toBeGreaterThan(7 * 1024 * mebibyte)
})

test('a stream is cut into parts as they are planned, every byte once', async () => {
  const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 251))
  const source = async function* () {
    for (let start = 0; start < bytes.length; start += 7) yield bytes.subarray(start, start + 7)
  }
  const tally = { add: () => {} }
  const { signal } = new AbortController()
  const parts: Uint8Array[] = []
  const buffers = new PartBuffers()
  const sizes = { ...remotePolicy, partBytes: 64 }
  for await (const part of inParts(source(), { sizes, buffers, tally, signal })) parts.push(part)
  expect(parts.map((part) => part.length)).toEqual([...Array.from({ length: 15 }, () => 64), 40])
  expect(Buffer.concat(parts).equals(bytes)).toBe(true)
})

test('no more parts are held than may be under way', async () => {
  let [held, heldMax] = [0, 0]
  const parts = async function* () {
    for (let number = 0; number < 20; number += 1) {
      held += 1
      heldMax = Math.max(heldMax, held)
      yield Buffer.of(number)
    }
  }
  const sent = await sendParts(parts(), { partsAtOnce: 3 }, async ({ number, bytes }) => {
    await new Promise((resolve) => setTimeout(resolve, number % 4))
    held -= 1
    return [number, bytes[0]]
  })
  expect(sent).toEqual(Array.from({ length: 20 }, (_, index) => [index + 1, index]))
  // Those under way, and the one that was read and waits.
  expect(heldMax).toBeLessThanOrEqual(3 + 1)
})

test('memory of a part is used again when it is sent, not before', async () => {
  const source = async function* () {
    for (let number = 0; number < 40; number += 1) yield Buffer.alloc(64, number)
  }
  const buffers = new PartBuffers()
  const laterParts = [{ after: 30, bytes: 128 }]
  const { signal } = new AbortController()
  const parts = inParts(source(), {
    sizes: { partBytes: 64, laterParts },
    buffers,
    tally: { add: () => {} },
    signal,
  })
  const small = new Set<ArrayBufferLike>()
  const sent = await sendParts(parts, { partsAtOnce: 3, buffers }, async ({ number, bytes }) => {
    if (number <= 30) small.add(bytes.buffer)
    await new Promise((resolve) => setTimeout(resolve, number % 5))
    return [...new Set(bytes)]
  })
  const later = Array.from({ length: 5 }, (_, index) => [30 + 2 * index, 31 + 2 * index])
  expect(sent).toEqual([...Array.from({ length: 30 }, (_, index) => [index]), ...later])
  // Those under way, and the one that is filled.
  expect(small.size).toBeLessThanOrEqual(3 + 1)
})
