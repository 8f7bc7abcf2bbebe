import { expect, test } from 'vitest'
import { createEncoder } from '#encode/encoder.ts'
import type { Field } from '#types/data-type.ts'
import { EncodingThread } from './encoding-thread.ts'

const columns: readonly Field[] = [
  { name: 'n', type: { kind: 'long' } },
  { name: 'text', type: { kind: 'string' } },
]

/** As Spark sends it: a stream of its own. */
function batch(from: number, rowCount: number): Uint8Array {
  const encoder = createEncoder({ kind: 'arrow' }, columns)
  encoder.add({ rowCount, value: (column, row) => (column === 0 ? BigInt(from + row) : `t${from + row}`) })
  return encoder.finish()
}

test('rows are encoded on a thread, as many as are asked for, and batches fetched when they are needed', async () => {
  await using thread = new EncodingThread()
  const batches = [batch(0, 3), batch(3, 2)]
  let fetched = 0
  const rows = thread.open({ encoding: { kind: 'jsonRows' }, columns }, async () => batches[fetched++])
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
  const first = await rows.pull(2, 1_000_000)
  expect([text(first.bytes), first.rowCount, first.isLast, fetched]).toEqual([
    '[0,"t0"]\n[1,"t1"]\n',
    2,
    false,
    1,
  ])
  const rest = await rows.pull(10, 1_000_000)
  expect([text(rest.bytes), rest.rowCount, rest.isLast]).toEqual(['[2,"t2"]\n[3,"t3"]\n[4,"t4"]\n', 3, true])
})

test('results without rows come one after another, each with memory of its own', async () => {
  await using thread = new EncodingThread()
  const open = () => thread.open({ encoding: { kind: 'jsonRows' }, columns }, async () => undefined)
  for (const rows of [open(), open(), open()])
    expect(await rows.pull(1, 1)).toMatchObject({ rowCount: 0, isLast: true })
})

test('what a batch cannot be fetched for is what the pull fails with', async () => {
  await using thread = new EncodingThread()
  const rows = thread.open({ encoding: { kind: 'jsonRows' }, columns }, async () => {
    throw new Error('gone')
  })
  await expect(rows.pull(1, 1)).rejects.toThrow('gone')
})

test('a thread that ends fails what it had, and the next statement has another one', async () => {
  const thread = new EncodingThread()
  const asked = Promise.withResolvers<void>()
  const rows = thread.open({ encoding: { kind: 'jsonRows' }, columns }, async () => {
    asked.resolve()
    return await new Promise<undefined>(() => {})
  })
  const pulled = rows.pull(1, 1).catch((error: unknown) => error)
  await asked.promise
  await thread[Symbol.asyncDispose]()
  expect(await pulled).toMatchObject({ code: 'engine.crashed' })
  const others = thread.open({ encoding: { kind: 'jsonRows' }, columns }, async () => undefined)
  expect(await others.pull(1, 1)).toMatchObject({ rowCount: 0, isLast: true })
  await thread[Symbol.asyncDispose]()
})
