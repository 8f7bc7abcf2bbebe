import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { fc } from './support/fast-check.ts'
import { doubleText } from '#encode/text.ts'
import { testMetadata } from './support/metadata.ts'

/** PostgreSQL takes no text that is half way to the next double, though it reads it as this one. */
function shortest(text: string, value: number): string {
  const isHalfWay =
    Math.abs(value) >= 2 ** 53 && Number(text) === value && text.length > doubleText(value).length
  return isHalfWay ? doubleText(value) : text
}

test('doubles are printed as PostgreSQL prints them', async () => {
  await using metadata = await testMetadata()
  const double = fc.oneof(
    fc.double(),
    fc
      .tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 25 }))
      .map(([value, digits]) => value / 10 ** digits),
    fc.integer({ min: -330, max: 310 }).map((exponent) => Number(`1e${exponent}`)),
    fc.constantFrom(
      0,
      -0,
      1e-5,
      1.5e-5,
      9.999e-5,
      1e-4,
      1e15,
      1e15 - 0.125,
      123_456_789_012_345_680,
      1e21,
      1e23,
      NaN,
    ),
  )
  const property = fc.asyncProperty(fc.array(double, { minLength: 1, maxLength: 500 }), async (values) => {
    const given = `{${values.map((value) => (Object.is(value, -0) ? '-0' : String(value))).join(',')}}`
    const { rows } = await sql<{ text: string }>`
      select v::text as text from unnest(${given}::float8[]) with ordinality as t(v, i) order by i`.execute(
      metadata.db,
    )
    const wanted = rows.map(({ text }, index) => shortest(text, values[index]!))
    expect(wanted).toEqual(values.map(doubleText))
  })
  await fc.assert(property, { numRuns: 30 })
})
