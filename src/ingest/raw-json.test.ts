import { describe, expect, it } from 'vitest'
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

it('reads a row with the id of a visitor about as fast as JSON.parse does', () => {
  const row = (id: string) =>
    JSON.stringify({ id, fields: Array.from({ length: 40 }, (_, n) => ({ name: `field ${n}`, n })) })
  const timeOf = (read: (text: string) => unknown, text: string) => {
    const startedAt = process.cpuUsage().user
    for (let n = 0; n < 3_000; n++) read(text)
    return process.cpuUsage().user - startedAt
  }
  const text = row('4'.repeat(38))
  const least = (read: (text: string) => unknown) =>
    Math.min(...Array.from({ length: 5 }, () => timeOf(read, text)))
  expect(least(parseJson) / least(JSON.parse)).toBeLessThan(2.5)
})
