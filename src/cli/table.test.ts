import { expect, test } from 'vitest'
import { cell, tableLines } from './table.ts'

test('numbers stand at the right, titles have a line below', () => {
  expect(
    tableLines(
      [{ title: 'name' }, { title: 'rows', isNumber: true }],
      [
        ['orders', '1,200'],
        ['x', '7'],
      ],
    ),
  ).toEqual(['name     rows', '──────  ─────', 'orders  1,200', 'x           7'])
})

test('data cannot command the terminal', () => {
  expect(cell('a\u001B[2Jb\u009B1m\r\n\u202Ec')).toBe('a\uFFFD[2Jb\uFFFD1m\uFFFD⏎\uFFFDc')
})

test('a cell that is too wide is cut by characters, not by halves of them', () => {
  expect(cell('😀😀😀😀', 3)).toBe('😀😀…')
  expect(cell('😀😀😀', 3)).toBe('😀😀😀')
})
