import { expect, test } from 'vitest'
import { failureOf } from './failure.ts'

test.each([
  ['INTERRUPT Error: Interrupted!', 'query.cancelled', 'The statement was cancelled.'],
  ['Invalid Input Error: the reason', 'query.failed', 'the reason'],
  [
    'Failed to extract statements: Parser Error: syntax error at or near ")"\n\nLINE 1: )',
    'query.failed',
    'syntax error at or near ")"',
  ],
  [
    'IO Error: Cannot open file "/home/x/lake/a.parquet": No such file',
    'lake.corrupt',
    'A file could not be read or written: Cannot open file "a.parquet": No such file',
  ],
  ['IO Error: Could not write file "/x/a": No space left on device', 'store.full', 'The disk is full.'],
  ['ENOSPC: no space left on device, write', 'store.full', 'The disk is full.'],
  [
    'Out of Memory Error: could not allocate block of size 256.0 KiB',
    'engine.memory',
    'The statement needed more memory than it may use.',
  ],
  [
    "Out of Memory Error: failed to offload data block. This limit was set by the 'max_temp_directory_size' setting.",
    'engine.memory',
    'The statement needed more memory than it may use, and more disk than it may use instead.',
  ],
  [
    'Permission Error: Cannot access file "/etc/passwd"',
    'query.failed',
    'The statement tried to reach a file or setting that it may not.',
  ],
  ['INTERNAL Error: Attempted to dereference', 'internal', 'The engine met an error it did not expect.'],
  ['x is not a function', 'internal', 'The engine met an error it did not expect.'],
] as const)('%s', (text, code, message) => {
  expect(failureOf(new Error(text), false)).toMatchObject({ code, message })
})

test('what fails after an interrupt was cancelled', () => {
  expect(failureOf(new Error('Invalid Input Error: x'), true)).toMatchObject({ code: 'query.cancelled' })
})
