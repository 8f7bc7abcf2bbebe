import { expect, it } from 'vitest'
import { javaPattern } from './java-pattern.ts'

it.each<[pattern: string, text: string, found: readonly string[]]>([
  ['(?<=a )b+', 'aaa bbb', ['bbb']],
  ['(ab)\\1', 'abab', ['abab']],
  ['(?<word>\\w+)=\\k<word>', 'a=a b=c', ['a=a']],
  ['a*+ab', 'aaab', []],
  ['(?>a+)(b)\\1', 'aabb', ['aabb']],
  ['[a-z&&[^aeiou]]+', 'hello', ['h', 'll']],
  ['[^\\s,]+', 'a b,c', ['a', 'b', 'c']],
  ['(?i)a[b-d]', 'AB ac', ['AB', 'ac']],
  ['a(?i:b)b', 'aBb aBB', ['aBb']],
  ['\\p{Alpha}+|\\p{IsGreek}', 'ab1Ω', ['ab', 'Ω']],
  ['\\Qa.b\\E+', 'xa.bb', ['a.b']],
  ['a$', 'a\n', ['a']],
  ['a\\z', 'a\n', []],
  ['(?m)^y\\d$', 'x\ny2', ['y2']],
  ['(?x) a b # letters', 'ab', ['ab']],
  ['.', 'é\n😀', ['é', '😀']],
  ['\\x41\\u0042\\x{43}', 'ABC', ['ABC']],
])('%s finds in %j what Java finds', (pattern, text, found) => {
  expect([...text.matchAll(javaPattern(pattern).expression)].map(([match]) => match)).toEqual(found)
})

it.each(['(', ')', 'a{', '[a', '*a', '\\', '(?q)', '\\y', '(?<!'])('%s is no pattern', (pattern) => {
  expect(() => javaPattern(pattern)).toThrow(/./)
})

it('numbers groups as Java does beside those that it adds', () => {
  const { expression, groups } = javaPattern('(?>x)(a)++(b)')
  const [match] = 'xaab'.matchAll(expression)
  expect(groups.map((group) => match?.[group])).toEqual(['xaab', 'a', 'b'])
})
