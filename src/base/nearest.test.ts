import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test('a mistyped name finds its candidate and no stranger', () => {
  expect(nearest('sessoins', ['sessions', 'session', 'datasets', 'x'])).toEqual(['sessions', 'session'])
  expect(nearest('abc', ['xyz'])).toEqual([])
})

test('a part of a long name finds it', () => {
  expect(nearest('children', ['engine.interactiveChildren', 'home'])).toEqual(['engine.interactiveChildren'])
})

test('a name of a million characters is far from all', () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `table_${index}`)
  expect(nearest('x'.repeat(1_000_000), names)).toEqual([])
})

test('parts of long names come in the order of their lengths', () => {
  expect(nearest('visits', ['visits_of_last_year_in_march', 'visits_of_last_year'])).toEqual([
    'visits_of_last_year',
    'visits_of_last_year_in_march',
  ])
})
