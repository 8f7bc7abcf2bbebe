import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { parseStrictJson } from './strict-json.ts'

const odd = fc.string({
  unit: fc.constantFrom('a', '"', ':', '\\', '{', '}', ' ', '\n', 'é', ','),
  maxLength: 6,
})
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    odd,
    fc.integer(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(odd, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value

test('whatever has no key twice is read as it is', () => {
  fc.assert(
    fc.property(value, fc.constantFrom('', '  ', '\n\t'), (given, space) => {
      const text = JSON.stringify(given, null, space)
      expect(parseStrictJson(text)).toEqual(JSON.parse(text))
    }),
    { numRuns: 500 },
  )
})

test('a key that is there twice is told, wherever it is', () => {
  fc.assert(
    fc.property(odd, value, value, fc.constantFrom(':', ' : ', '\n:'), (key, first, around, colon) => {
      const name = JSON.stringify(key)
      const twice = `{${name}${colon}${JSON.stringify(first)},"z":1,${name}${colon}2}`
      for (const text of [twice, `[${JSON.stringify(around)},${twice}]`, `{"y":[[${twice}]],"x":2}`]) {
        expect(() => parseStrictJson(text)).toThrow('twice')
      }
    }),
    { numRuns: 300 },
  )
})
