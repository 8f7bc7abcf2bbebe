import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { type Entry, type ListQuery, pageOf } from './list.ts'

const entry = (title: string, more: object = {}): Entry => {
  const whole = { $id: `${title}-${Math.random()}`, title, ...more }
  return { whole, show: () => whole }
}

test('pages cover every entry exactly once, whatever the limit and however many titles are the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'c', 'd', ''), { maxLength: 30 }),
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom('title', '-title'),
      (titles, limit, orderby) => {
        const entries = titles.map((title) => entry(`t${title}`))
        const seen: unknown[] = []
        let start: string | undefined
        for (let page = 0; page <= titles.length; page += 1) {
          const query: ListQuery = { orderby, limit, ...(start === undefined ? {} : { start }) }
          const { results, next } = pageOf(entries, query)
          seen.push(...results.map((result) => result['$id']))
          if (next === null) break
          start = next
        }
        expect(seen.length).toBe(entries.length)
        expect(new Set(seen).size).toBe(entries.length)
      },
    ),
  )
})

test.each([
  [['title==b'], ['b']],
  [['title!=b'], ['a', 'c']],
  [['tags==x'], ['a', 'b']],
  [['tags!=x'], ['c']],
  [
    ['size>1', 'size<=3'],
    ['b', 'c'],
  ],
  [['extra'], ['c']],
  [['title==b,tags==x'], ['b']],
  [['tags==https://ns.adobe.com/x:y'], ['c']],
])('conditions hold: %j', (property, titles) => {
  const entries = [
    entry('a', { tags: ['x'], size: 1 }),
    entry('b', { tags: ['x', 'y'], size: 2 }),
    entry('c', { tags: ['https://ns.adobe.com/x:y'], size: 3, extra: true }),
  ]
  expect(pageOf(entries, { orderby: 'title', property }).results.map((result) => result['title'])).toEqual(
    titles,
  )
})

test('what is no condition is refused', () => {
  expect(() => pageOf([], { property: ['a b c'] })).toThrow('is no condition')
})
