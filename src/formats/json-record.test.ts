import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { recordEnd } from './json-record.ts'

const isRecord = (line: string): boolean => {
  const bytes = Buffer.from(`${line}\n`)
  return recordEnd(bytes, 0) === bytes.length - 1
}

/** What the platform says. */
const isParsed = (line: string): boolean => {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

const signsOfJson = '{}[]:,"\\/bfnrtu 0123456789+-.eEadlsxé\u0000\t\r'.split('')

test('every object is a record, however it is spaced', () => {
  const spaced = fc.tuple(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, ' ', '\t'))
  fc.assert(
    fc.property(spaced, ([value, space]) => {
      const line = JSON.stringify(value, null, space).replaceAll('\n', '\r')
      expect(isRecord(line)).toBe(true)
      expect(isRecord(`${line} `)).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('a line with one sign more, less or other is a record exactly when it can be parsed', () => {
  const signs = fc.constantFrom(...signsOfJson)
  const broken = fc.tuple(
    fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    fc.array(signs, { maxLength: 3 }),
    fc.integer({ min: 0, max: 2 }),
  )
  fc.assert(
    fc.property(broken, ([value, share, added, removed]) => {
      const whole = JSON.stringify(value)
      const at = Math.floor(share * whole.length)
      const line = whole.slice(0, at) + added.join('') + whole.slice(at + removed)
      expect(`${isRecord(line)} ${line}`).toBe(`${isParsed(line)} ${line}`)
    }),
    { numRuns: 3_000 },
  )
})

test('what is made of the signs of JSON is a record exactly when it can be parsed', () => {
  const token = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"a"',
    '"',
    '1',
    '-',
    '0',
    '.5',
    'e1',
    'true',
    ' ',
  )
  fc.assert(
    fc.property(fc.array(token, { maxLength: 8 }), (tokens) => {
      const line = `{"a":${tokens.join('')}`
      expect(`${isRecord(line)} ${line}`).toBe(`${isParsed(line)} ${line}`)
    }),
    { numRuns: 3_000 },
  )
})

test.each([
  ['{"a":-0.5e+10,"b":[true,false,null,{}],"c":{"d":[]}}', true],
  [String.raw`{"\u00e9\"\\\/":"\b\f\n\r\t"}`, true],
  ['{"a":01}', false],
  ['{"a":1.}', false],
  ['{"a":+1}', false],
  ['{"a":1e}', false],
  ['{"a":NaN}', false],
  ['{"a":nul}', false],
  ['{"a":1,}', false],
  ['{"a":[1,]}', false],
  ['{,"a":1}', false],
  ['{"a" 1}', false],
  ['{a:1}', false],
  [String.raw`{"a":"\u00g0"}`, false],
  [String.raw`{"a":"\x"}`, false],
  ['{"a":"\t"}', false],
  ['{"a":1}}', false],
  ['{"a":1]', false],
  ['{"a":1', false],
  ['{"a', false],
  ['"a"', false],
  ['[{}]', false],
  ['', false],
])('%s is a record: %s', (line, expected) => {
  expect(isRecord(line)).toBe(expected)
  expect(isParsed(line)).toBe(expected)
})

test('a record may be nested as deep as it likes', () => {
  const depth = 1_000_000
  expect(isRecord(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`)).toBe(true)
  expect(isRecord(`{"a":${'['.repeat(depth)}${']'.repeat(depth - 1)}}`)).toBe(false)
})
