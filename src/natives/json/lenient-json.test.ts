import { expect, it } from 'vitest'
import { lenientJsonFunctions } from './lenient-json.ts'

const mended = lenientJsonFunctions[0]?.run as unknown as (text: string, flags: string) => string | null

it.each([
  ["{'a': 'it''s'}", '', null],
  [`{'a': 'say "x"'}`, '', '{"a":"say \\"x\\""}'],
  ['{"a": 1} and more', '', '{"a":1}'],
  ['[1, NaN, -INF]', '', '[1,"NaN","-INF"]'],
  ['{a: 1}', '', null],
  ['{a: 1}', 'u', '{"a":1}'],
  ['[1, /* two */ 2] // end', 'c', '[1,2]'],
  ['[01]', '', null],
  ['[-007]', 'z', '[-7]'],
  ['"\\x"', '', null],
  ['"\\x"', 'b', '"x"'],
  ['"\\u00e9\\n"', '', '"é\\n"'],
  ['"a\tb"', '', null],
  ['"a\tb"', 'k', '"a\\tb"'],
  ['{"a":', '', null],
  ['[1,]', '', null],
  ['{}', '', '{}'],
  ['', '', null],
  ['['.repeat(100_000), '', null],
])('%j with the flags %j', (text, flags, wanted) => {
  expect(mended(text, flags)).toBe(wanted)
})
