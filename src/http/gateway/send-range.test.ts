import { expect, test } from 'vitest'
import { rangeOf } from './send-range.ts'

test.each([
  [undefined, undefined],
  ['bytes=0-9', { start: 0, end: 10 }],
  ['Bytes=0-9', { start: 0, end: 10 }],
  ['bytes=90-', { start: 90, end: 100 }],
  ['bytes=-10', { start: 90, end: 100 }],
  ['bytes=-1000', { start: 0, end: 100 }],
  ['bytes=99-1000', { start: 99, end: 100 }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  // Passed over: the whole file comes.
  ['bytes=5-4', undefined],
  ['bytes=0-1,5-6', undefined],
  ['rows=0-1', undefined],
  ['bytes=-', undefined],
] as const)('the range %s', (text, range) => {
  expect(rangeOf(text, 100)).toEqual(range)
})
