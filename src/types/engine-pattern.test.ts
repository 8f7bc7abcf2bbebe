import { expect, test } from 'vitest'
import { sharedEngine } from '../../test/support/engine.ts'
import { quoteLiteral } from '../base/sql-text.ts'
import { enginePattern } from './engine-pattern.ts'

const texts = [
  '',
  'a',
  'A',
  'ab',
  'aab',
  'abc-1',
  'é',
  '😀',
  '\u2028',
  'a\nb',
  '[',
  ']',
  '-',
  '/',
  '12',
  'x{2}',
  '\u0007',
]
const patterns = [
  '^[a-z]+$',
  '^.$',
  String.raw`^\w+-\d$`,
  String.raw`\u0061b`,
  String.raw`^\u{1F600}$`,
  String.raw`^\uD83D\uDE00$`,
  '^[^a]$',
  '^[^]$',
  '^[[]$',
  String.raw`^[\]\-]$`,
  String.raw`^\/$`,
  '(?<first>a)(?:b)?$',
  '^(?:a{1,2}){1,3}b$',
  String.raw`\cG`,
  String.raw`^\p{Lu}$`,
  String.raw`x\{2\}`,
  '^a|2$',
]

test('the engine finds what ECMAScript finds', async () => {
  const engine = await sharedEngine()
  for (const pattern of patterns) {
    const own = enginePattern(pattern)
    if ('problem' in own) throw new Error(`${pattern}: ${own.problem}`)
    const items = texts.map((text) => `regexp_matches(${quoteLiteral(text)}, ${quoteLiteral(own.pattern)})`)
    const [row] = await engine.rows(`SELECT to_json([${items.join(', ')}])::VARCHAR AS value`)
    const found = texts.filter((_, index) => (JSON.parse(String(row?.[0])) as boolean[])[index])
    // To ECMAScript two more characters end a line.
    const wanted = texts.filter((text) => new RegExp(pattern, 'u').test(text))
    const isDot = pattern === '^.$'
    expect(found, pattern).toEqual(
      isDot ? texts.filter((text) => wanted.includes(text) || text === '\u2028') : wanted,
    )
  }
})

test.each([
  ['(?=a)'],
  ['(?<!a)b'],
  [String.raw`(a)\1`],
  [String.raw`(?<n>a)\k<n>`],
  [String.raw`\p{Script=Greek}`],
  ['[]'],
  ['a{1001}'],
  ['(?:(?:a{10}){11}){10}'],
])('%s is not for the engine', (pattern) => {
  expect(enginePattern(pattern)).toHaveProperty('problem')
})
