import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { parseJson } from './raw-json.ts'

const long = [
  '1234567890123456789',
  '-1234567890123456789',
  '0.12345678901234567891',
  '-12345678901234.5678e3',
  '1e1234567890123456',
]

describe('numbers that a double does not hold', () => {
  it.each(
    long.flatMap((number) =>
      [
        number,
        ` ${number}`,
        `[${number}]`,
        `[1,${number}]`,
        `[1, ${number}]`,
        `{"a":${number}}`,
        `{"a":\n${number}}`,
        `{"a":"x","b":[{"c": ${number}}]}`,
      ].map((text) => [text, number] as const),
    ),
  )('keep their digits: %s', (text, number) => {
    expect(JSON.stringify(parseJson(text))).toContain(number)
  })
})

it('reads texts of many digits as texts', () => {
  const text = '{"id":"12345678901234567890123456789012345678","n":1.5,"list":["1234567890123456","a"]}'
  expect(parseJson(text)).toEqual(JSON.parse(text))
  expect(JSON.stringify(parseJson(text))).toBe(text)
})

it('looks at each value only where a number may need it: the id of a visitor is none', () => {
  const parse = vi.spyOn(JSON, 'parse')
  onTestFinished(() => parse.mockRestore())
  const row = JSON.stringify({ id: '4'.repeat(38), fields: [{ name: 'field', n: 1 }] })
  parseJson(row)
  expect(parse.mock.calls).toEqual([[row]])
  parseJson('{"n":12345678901234567890}')
  expect(parse.mock.calls[1]).toHaveLength(2)
})
