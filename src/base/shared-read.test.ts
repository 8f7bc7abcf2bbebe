import { expect, test } from 'vitest'
import { sharedRead } from './shared-read.ts'

test('who asks while a read is under way gets one that began later, all of them the same', async () => {
  let begun = 0
  const ends: (() => void)[] = []
  const read = sharedRead(async () => {
    const number = (begun += 1)
    await new Promise<void>((resolve) => ends.push(resolve))
    return number
  })
  const first = read()
  const [second, third] = [read(), read()]
  expect(begun).toBe(1)
  ends[0]!()
  expect(await first).toBe(1)
  await Promise.resolve()
  const fourth = read()
  ends[1]!()
  expect(await Promise.all([second, third])).toEqual([2, 2])
  await Promise.resolve()
  ends[2]!()
  expect(await fourth).toBe(3)
})

test('a read that fails fails for its own askers only', async () => {
  let begun = 0
  const read = sharedRead(async () => {
    begun += 1
    if (begun === 1) throw new Error('lost')
    return begun
  })
  const first = read()
  const second = read()
  await expect(first).rejects.toThrow('lost')
  expect(await second).toBe(2)
})
