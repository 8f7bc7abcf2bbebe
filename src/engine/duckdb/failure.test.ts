import { expect, test } from 'vitest'
import { failureOf } from './failure.ts'

test.each([
  ['INTERRUPT Error: Interrupted!', 'query.cancelled', 'The statement was cancelled.'],
  ['Invalid Input Error: the reason', 'query.failed', 'the reason'],
  [
    'Failed to extract statements: Parser Error: syntax error at or near ")"\n\nLINE 1: )',
    'query.failed',
    'The engine could not read the statement.',
  ],
  [
    'Parser Error: Max expression depth limit of 1000 exceeded. Use "SET max_expression_depth TO x" to increase it.',
    'query.limit',
    'The statement is a chain of too many operators, joins or queries.',
  ],
  ['Binder Error: No function matches hugeint', 'query.failed', 'The engine could not read the statement.'],
  [
    "Conversion Error: Type INT64 with value 3000000000 can't be cast because the value is out of range for the destination type INT32 when casting from source column c0",
    'query.failed',
    'The value 3000000000 is out of range for int.',
  ],
  [
    "Conversion Error: Could not convert string 'it''s' to DATE",
    'query.failed',
    "The text 'it''s' cannot be converted to date.",
  ],
  [
    'Conversion Error: something of VARCHAR',
    'query.failed',
    'A value cannot be converted to the type that is wanted.',
  ],
  [
    'Out of Range Error: Overflow in addition of INT64',
    'query.failed',
    'A value is out of range for its type.',
  ],
  [
    'Invalid Input Error: missing ): (',
    'query.failed',
    'The pattern cannot be read: a group is not closed: (',
  ],
  [
    'Invalid Input Error: More than one row returned by a subquery used as an expression - …',
    'query.several_rows',
    'A query used as a value gave more than one row.',
  ],
  [
    'Invalid Input Error: Lists larger than 2^32 elements are not supported',
    'query.failed',
    'A list would have more elements than it can.',
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
