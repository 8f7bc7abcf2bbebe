import { describe, expect, test } from 'vitest'
import { arrayElementsMax, elementsOfArrayText } from './array-text.ts'

describe('an array as PostgreSQL writes it', () => {
  test.each<[string, (string | null)[] | undefined]>([
    ['{}', []],
    [' { } ', []],
    ['{1,2}', ['1', '2']],
    ['{ a b , "c, d" ,NULL, "NULL", null}', ['a b', 'c, d', null, 'NULL', null]],
    [String.raw`{"a\"b\\",\{x\},\ y}`, ['a"b\\', '{x}', ' y']],
    ['{"",a}', ['', 'a']],
    ['{a,}', undefined],
    ['{,a}', undefined],
    ['{a', undefined],
    ['{a}b', undefined],
    ['{"a}', undefined],
    ['{{1}}', undefined],
    ['a', undefined],
    ['', undefined],
  ])('%s', (text, elements) => {
    expect(elementsOfArrayText(text)).toEqual(elements)
  })

  test.each([
    ['quotes', (value: string) => `{"${value}"}`],
    ['no quotes', (value: string) => `{${value}}`],
  ])('may have one element of twenty million characters in %s', (_name, around) => {
    for (const part of ['a', '\\a'])
      expect(elementsOfArrayText(around(part.repeat(20_000_000)))?.[0]).toHaveLength(20_000_000)
  })

  test('has no more elements than a statement takes', () => {
    const text = (count: number) => `{${'1,'.repeat(count - 1)}1}`
    expect(elementsOfArrayText(text(arrayElementsMax))).toHaveLength(arrayElementsMax)
    for (const count of [arrayElementsMax + 1, 10_000_000])
      expect(() => elementsOfArrayText(text(count))).toThrow(expect.objectContaining({ code: 'query.limit' }))
  })
})
