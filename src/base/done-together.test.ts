import { expect, test } from 'vitest'
import { doneTogether } from './done-together.ts'

test('what comes while some is done is done together next, in its order and no more than so many', async () => {
  const done: (readonly number[])[] = []
  let release = (): void => {}
  const add = doneTogether<number>(
    async (pieces) => {
      done.push(pieces)
      if (done.length === 1) await new Promise<void>((resolve) => (release = resolve))
    },
    { togetherMax: 2 },
  )
  const all = [1, 2, 3, 4].map((piece) => add(piece))
  expect(done).toEqual([[1]])
  release()
  await Promise.all(all)
  expect(done).toEqual([[1], [2, 3], [4]])
})

test('of pieces that fail together only those fail that fail by themselves', async () => {
  const stored: number[] = []
  const add = doneTogether<number>(
    async (pieces) => {
      await Promise.resolve()
      if (pieces.includes(3)) throw new Error(`not ${pieces.join()}`)
      stored.push(...pieces)
    },
    { togetherMax: 10 },
  )
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map((piece) => add(piece)))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect((outcomes[2] as PromiseRejectedResult).reason.message).toBe('not 3')
  expect(stored).toEqual([1, 2, 4])
})
