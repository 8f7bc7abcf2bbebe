import { expect, test } from 'vitest'
import { postgresStrings, standardStrings } from './standard-strings.ts'

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
  // Comments and words as the dialect has them.
  ["$$ BEGIN\n# don't\nSELECT 'a\\' || 1;\nEND $$", "$$ BEGIN\n# don't\nSELECT 'a\\\\' || 1;\nEND $$"],
  ["SELECT 1e'a\\'b', 'c\\'", "SELECT 1e'a\\'b', 'c\\\\'"],
  ["SELECT 1r'\\', '\\'", "SELECT 1r'\\', '\\\\'"],
])('%s', (text, expected) => {
  expect(standardStrings(text)?.text).toBe(expected)
})

test.each(["SELECT 'a''b'", "'\\", '\\', '"\\"', "-- '\\", "/* '\\", "E'\\", "r'\\", ''])(
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

test.each([
  [String.raw`SELECT 'a\\b', 'c'`, String.raw`SELECT E'a\\b', 'c'`],
  [
    String.raw`SELECT relname FROM pg_class WHERE relname LIKE 'a\\_b' AND r'\d' = '\''`,
    String.raw`SELECT relname FROM pg_class WHERE relname LIKE E'a\\_b' AND r'\d' = E'\''`,
  ],
  [String.raw`SELECT E'\\', "a\", '\\' -- '\\'`, String.raw`SELECT E'\\', "a\", E'\\' -- '\\'`],
])('for PostgreSQL: %s', (text, expected) => {
  const escaped = postgresStrings(text)!
  expect(escaped.text).toBe(expected)
  for (const place of ["'", 'SELECT', text.at(-1)!]) {
    expect(escaped.offsetOf(expected.lastIndexOf(place))).toBe(text.lastIndexOf(place))
  }
})

test.each(['SELECT 1', "SELECT 'a'", String.raw`SELECT E'\\'`])('%s is the same for PostgreSQL', (text) => {
  expect(postgresStrings(text)).toBeUndefined()
})
