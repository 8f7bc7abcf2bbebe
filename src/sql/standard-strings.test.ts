import { expect, test } from 'vitest'
import { standardStrings } from './standard-strings.ts'

test.each([
  ["SELECT 'a\\b'", "SELECT 'a\\\\b'"],
  ["SELECT '\\', 'x'", "SELECT '\\\\', 'x'"],
  ["'it''s \\' || date'\\'", "'it''s \\\\' || date'\\\\'"],
  // They say themselves what a backslash is.
  ["SELECT E'\\'\\n', 'a\\'", "SELECT E'\\'\\n', 'a\\\\'"],
  ["SELECT e'''\\\\', '\\'", "SELECT e'''\\\\', '\\\\'"],
  ["SELECT r'\\d', '\\d'", "SELECT r'\\d', '\\\\d'"],
  // Neither texts nor the end of one.
  ["-- '\\\n'\\'", "-- '\\\n'\\\\'"],
  ["/* ' /* \\ */ ' */ '\\'", "/* ' /* \\ */ ' */ '\\\\'"],
  ["\"'\\\" `'\\` '\\'", "\"'\\\" `'\\` '\\\\'"],
  // What is not ended ends with the text.
  ["'\\", "'\\\\"],
])('%s', (text, expected) => {
  expect(standardStrings(text)?.text).toBe(expected)
})

test.each(["SELECT 'a''b'", '\\', '"\\"', "-- '\\", "/* '\\", "E'\\", "r'\\", ''])(
  '%s is the same',
  (text) => {
    expect(standardStrings(text)).toBeUndefined()
  },
)

test('what stands in the one has its place in the other', () => {
  const text = "SELECT '\\\\', 'a\\b',\n  '\\', wrong"
  const doubled = standardStrings(text)!
  for (const place of ['SELECT', 'a', '\n', 'wrong']) {
    const offset = doubled.text.indexOf(place)
    expect(doubled.placeOf({ offset, line: 0, column: 0 }).position.offset).toBe(text.indexOf(place))
  }
  const offset = doubled.text.indexOf('wrong')
  expect(doubled.placeOf({ offset, line: 0, column: 0 }).position).toMatchObject({ line: 2, column: 8 })
})

/** Quadratic work on these would take hours. */
test.each(["'\\", "\\'", "E'\\", "e''", '/*', '*/', "r'", '"\\', '\\'])('four million of %s', (part) => {
  const text = part.repeat(4_000_000 / part.length)
  expect(standardStrings(text)?.text.length ?? text.length).toBeGreaterThanOrEqual(text.length)
  standardStrings(`'\\' ${text}`)
})
