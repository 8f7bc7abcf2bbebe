import { expect, test } from 'vitest'
import { AppError } from '#base/errors.ts'
import { createBriefMemory } from './brief-memory.ts'

test.each([
  ['an answer', undefined, [1, 1, 2]],
  ['a refusal', new AppError('access.denied', 'No.'), [1, 1, 2]],
  ['what may pass', new AppError('stream.unavailable', 'Later.'), [1, 2, 3]],
  ['what nobody expected', new Error('Oh.'), [1, 2, 3]],
])('%s is remembered for a second or not at all', async (_what, error, counts) => {
  let now = 0
  let made = 0
  const memory = createBriefMemory<number>(() => now)
  const ask = async () =>
    await memory.get('key', async () => {
      made += 1
      if (error) throw error
      return made
    })
  const seen: number[] = []
  for (const at of [0, 999, 1_000]) {
    now = at
    if (error) await expect(ask()).rejects.toBe(error)
    else await ask()
    seen.push(made)
  }
  expect(seen).toEqual(counts)
})

test('what has come is known without waiting, and for a second', async () => {
  let now = 0
  const memory = createBriefMemory<number>(() => now)
  const asked = memory.get('key', async () => 7)
  expect(memory.known('key')).toBeUndefined()
  await asked
  now = 999
  expect([memory.known('key'), memory.known('other')]).toEqual([7, undefined])
  now = 1_000
  expect(memory.known('key')).toBeUndefined()
})
