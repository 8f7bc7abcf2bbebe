import { expect, test } from 'vitest'
import { createAnswerCache } from './answer-cache.ts'

function counted(weightMax: number) {
  const made: string[] = []
  const cache = createAnswerCache<string>({ weightMax, weightOf: (answer) => answer.length })
  const get = (key: string, revision: string) =>
    cache.get(key, revision, async () => {
      made.push(`${key}${revision}`)
      return `${key}${revision}`
    })
  return { cache, get, made }
}

test('an answer is made once for a revision, also for those who ask at once', async () => {
  const { get, made } = counted(100)
  expect(await Promise.all([get('a', '1'), get('a', '1'), get('b', '1')])).toEqual(['a1', 'a1', 'b1'])
  expect(await get('a', '2')).toBe('a2')
  expect(await get('a', '2')).toBe('a2')
  expect(made).toEqual(['a1', 'b1', 'a2'])
})

test('what was asked for longest ago goes when there is too much, and what is too large at once', async () => {
  const { get, made } = counted(6)
  for (const key of ['a', 'b', 'c', 'a', 'd']) await get(key, '1')
  made.length = 0
  for (const key of ['d', 'a', 'c']) await get(key, '1')
  expect(made).toEqual([])
  await get('b', '1')
  await get('larger', '1')
  await get('larger', '1')
  expect(made).toEqual(['b1', 'larger1', 'larger1'])
})

test('a failure is told and not kept', async () => {
  const { cache, get } = counted(100)
  const fail = () => cache.get('a', '1', () => Promise.reject(new Error('no')))
  await expect(fail()).rejects.toThrow('no')
  expect(await get('a', '1')).toBe('a1')
})
