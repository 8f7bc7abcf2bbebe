import { expect, test } from 'vitest'
import { namesIn, namesOfLines, withoutTail } from './names-in.ts'

const names = (text: string) => namesIn(text).map(({ name }) => name)

test.each([
  ['SELECT * FROM (#one) JOIN #zwei_ä USING (id)', ['one', 'zwei_ä']],
  ['-- #a\n#b /* #c */ #d /*/ #e */ #f', ['b', 'd', 'f']],
  ["'#a' #b '\\'#c' #d '\\\\' #e '' #f", ['b', 'd', 'e', 'f']],
  ['"#a" #b `#c` #d', ['b', 'd']],
  ['x # #1 #a#b', ['a', 'b']],
  // A line that begins with # and no name is a comment.
  ['# don\'t #a\n #b\n\t# "`\n#c', ['b', 'c']],
  ["x LIKE 'a' ESCAPE '\\' AND x IN (#a) AND y = '#b'", ['a']],
  // What is not ended ends with the text.
  ['#a /* #b', ['a']],
  ["#a ' #b", ['a']],
  ["#a '#b \\", ['a']],
  ['#a " #b', ['a']],
  ['#a ` #b', ['a']],
  ['#a -- #b', ['a']],
])('of %s', (text, expected) => {
  expect(names(text)).toEqual(expected)
})

test('of comments that begin as names that are not known', () => {
  const text = "#a\n#note isn't #a\n  #a #b"
  expect(namesIn(text, (name) => name === 'a').map(({ at }) => at)).toEqual([0, 20, 23])
})

test.each([
  ['\n SELECT 1; -- x;\n;/* y */ ; ', '\n SELECT 1'],
  ["SELECT ';'; ", "SELECT ';'"],
  ['SELECT 1 -- x\n+ #a', 'SELECT 1 -- x\n+ #a'],
  ['-- x', ''],
])('%j without its tail', (text, expected) => {
  expect(withoutTail(text)).toBe(expected)
})

test('say where they stand', () => {
  expect(namesIn("'x' #a,\n#b")).toEqual([
    { name: 'a', at: 4 },
    { name: 'b', at: 8 },
  ])
})

/** Quadratic work on these would take hours. */
test.each(['/*', '/', "'\\", "\\'", '"', '`', '#', '-- ', "''", 'x', '\\'])(
  'of four million characters of %s',
  (part) => {
    const text = `'x' ${part.repeat(4_000_000 / part.length)}`
    expect(names(text)).toEqual([])
    expect(names(`/*/ '" \\${text}`)).toEqual([])
    expect(names(`'\\'${text}`)).toEqual([])
  },
)

test.each(['\r', '\u2028', ' ', '\n', '#', '\n#'])('of lines in a million characters of %j', (part) => {
  const blank = part.repeat(1_000_000 / part.length)
  expect(namesOfLines(`#a${blank}\n \t#b\n#1 #c${blank}`)).toEqual(['a', 'b'])
})
