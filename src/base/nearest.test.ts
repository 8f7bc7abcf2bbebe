import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test('a mistyped name finds its candidate and no stranger', () => {
  expect(nearest('sessoins', ['sessions', 'session', 'datasets', 'x'])).toEqual(['sessions', 'session'])
  expect(nearest('abc', ['xyz'])).toEqual([])
})

test('a part of a long name finds it', () => {
  expect(nearest('children', ['engine.interactiveChildren', 'home'])).toEqual(['engine.interactiveChildren'])
})
