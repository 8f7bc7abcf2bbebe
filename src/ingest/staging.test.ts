import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { storeDurably } from './staging.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-staging-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Chunks of all sizes, 2.9 MB together. */
const chunks = Array.from({ length: 240 }, (_, index) => Buffer.alloc((index + 1) * 101, `${index},`))

async function* given(stopAt = Infinity, stop = () => {}): AsyncGenerator<Uint8Array> {
  for (const [index, chunk] of chunks.entries()) {
    if (index === stopAt) stop()
    yield chunk
  }
}

test.each([0, 1, chunks.length])('a stream of %i chunks is stored byte for byte', async (count) => {
  const path = join(folder, 'file')
  const all = Buffer.concat(chunks.slice(0, count))
  const bytes = (async function* () {
    yield* chunks.slice(0, count)
  })()
  expect(await storeDurably({ folder, path }, bytes, new AbortController().signal)).toEqual({
    bytes: all.length,
    sha256: createHash('sha256').update(all).digest('hex'),
  })
  expect(readFileSync(path).equals(all)).toBe(true)
})

test('what is stopped, or breaks off, ends at that chunk and leaves nothing', async () => {
  const path = join(folder, 'file')
  const { signal } = new AbortController()
  let seen = 0
  const broken = given(7, () => {
    throw new Error('broken off')
  })
  await expect(storeDurably({ folder, path }, broken, signal)).rejects.toThrow('broken off')
  const stopping = new AbortController()
  const counted = (async function* () {
    for await (const chunk of given(7, () => stopping.abort(new Error('stopped')))) {
      seen += 1
      yield chunk
    }
  })()
  await expect(storeDurably({ folder, path }, counted, stopping.signal)).rejects.toThrow('stopped')
  expect(seen).toBe(8)
  expect(readdirSync(folder)).toEqual([])
})

test('chunks are not kept: their memory may be used again once the next is asked for', async () => {
  const path = join(folder, 'file')
  const bytes = (async function* () {
    for (const chunk of chunks) {
      const shared = Buffer.from(chunk)
      yield shared
      shared.fill(0)
    }
  })()
  await storeDurably({ folder, path }, bytes, new AbortController().signal)
  expect(readFileSync(path).equals(Buffer.concat(chunks))).toBe(true)
})

test('a chunk is of any size', async () => {
  const path = join(folder, 'file')
  const all = Buffer.alloc(3 * 1024 * 1024 + 7, 'abc')
  const bytes = (async function* () {
    yield all.subarray(0, 10)
    yield all.subarray(10)
  })()
  const { bytes: count, sha256 } = await storeDurably({ folder, path }, bytes, new AbortController().signal)
  expect([count, sha256]).toEqual([all.length, createHash('sha256').update(all).digest('hex')])
  expect(readFileSync(path).equals(all)).toBe(true)
})
