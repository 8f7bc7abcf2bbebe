import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { dateText, decimalText, hexText, timestampText } from '#encode/text.ts'
import type { MapEntries, Value } from '#encode/value.ts'
import { createSqlFrontEnd } from '#sql/front-end.ts'
import { sparkName, type DataType } from '#types/data-type.ts'
import { printedForSpark, sparkValues } from './support/compiled-spark.ts'
import { sharedSpark, type TestSpark } from './support/spark.ts'
import { isSparkMissing } from './support/spark-server.ts'
import { isRecorded, sortedRows, unorderedMaps } from './support/spark-values.ts'

interface RecordedCase {
  readonly function: string
  readonly n: number
  readonly sql: string
  readonly types: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

const fixtures = new URL('fixtures/', import.meta.url)
const cases = readFileSync(new URL('spark-functions.jsonl', fixtures), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as RecordedCase)
const gaps = JSON.parse(
  readFileSync(new URL('spark-functions-on-spark-gaps.json', fixtures), 'utf8'),
) as Readonly<Record<string, string>>

const atOnce = 4
const frontEnd = createSqlFrontEnd()
const differences = new Map<string, string | undefined>()

describe.skipIf(isSparkMissing)('functions printed for Spark answer as recorded', () => {
  beforeAll(async () => {
    const spark = await sharedSpark()
    const waiting = cases.values()
    const work = async (): Promise<void> => {
      for (const recorded of waiting) differences.set(nameOf(recorded), await differenceFrom(spark, recorded))
    }
    await Promise.all(Array.from({ length: atOnce }, work))
  }, 600_000)

  it.each(cases.map(nameOf))('%s', (name) => {
    const difference = differences.get(name)
    if (gaps[name] === undefined) expect(difference).toBeUndefined()
    else expect(difference, `${name} passes: take it off the list of gaps`).toBeDefined()
  })

  it('lists only gaps of cases there are', () => {
    const names = new Set(cases.map(nameOf))
    expect(Object.keys(gaps).filter((name) => !names.has(name))).toEqual([])
  })
})

function nameOf({ function: name, n }: RecordedCase): string {
  return `${name} ${n}`
}

/** What is not as Spark answered the statement as written: an error, a type, the type Spark now finds, a row. */
async function differenceFrom(
  spark: TestSpark,
  { sql, types, rows }: RecordedCase,
): Promise<string | undefined> {
  try {
    const [statement] = frontEnd.split(sql)
    const parsed = statement && frontEnd.parse(statement)
    if (parsed?.kind !== 'query') return 'It is not read as a query.'
    const { bound, text } = printedForSpark(parsed.query, new Map(), {
      now: new Date('2026-01-01T00:00:00Z'),
    })
    const wanted = types.join()
    const own = bound.columns.map(({ type }) => sparkName(type)).join()
    if (wanted !== own) return `Types: ${wanted}, not ${own}.`
    const found = (await spark.describe(text)).map(({ type }) => sparkName(type)).join()
    if (found !== own) return `Spark finds the types ${found}, not ${own}.`
    const values = await sparkValues(spark, text, bound)
    const answer = values.map((row) =>
      row.map((value, index) => asRecorded(bound.columns[index]!.type, value)),
    )
    if (!isRecorded(sortedRows(unorderedMaps(types, rows)), sortedRows(unorderedMaps(types, answer))))
      return `Rows: ${JSON.stringify(rows)}, not ${JSON.stringify(answer)}.`
    return undefined
  } catch (error) {
    const { message, cause } = error as Error
    return typeof cause === 'string' ? `${message} ${cause}` : message
  }
}

/** A value as the recorded results write it. */
function asRecorded(type: DataType, value: Value): unknown {
  if (value === null) return null
  switch (type.kind) {
    case 'array':
      return (value as readonly Value[]).map((item) => asRecorded(type.element, item))
    case 'struct':
      return (value as readonly Value[]).map((item, index) => asRecorded(type.fields[index]!.type, item))
    case 'map':
      return (value as MapEntries).entries.map(([key, item]) => [
        asRecorded(type.key, key),
        asRecorded(type.value, item),
      ])
    case 'binary':
      return hexText(value as Uint8Array)
    case 'date':
      return dateText(value as number)
    case 'timestamp':
    case 'timestamp_ntz':
      return timestampText(value as bigint)
    case 'decimal':
      return decimalText(value as bigint, type.scale)
    case 'interval':
      return spanOf(value as string)
    case 'long':
      return Number(value)
    case 'float':
    case 'double':
      return Number.isFinite(value) ? value : (value as number).toString()
    default:
      return value
  }
}

/** `1 years 2 mons 3 days -04:05:06.7`: the text that an interval has in Arrow, as what it spans. */
function spanOf(text: string): { readonly months: number; readonly micros: number } {
  const of = (unit: string): number => Number(new RegExp(`(-?\\d+) ${unit}`).exec(text)?.[1] ?? 0)
  const [, minus, hours = 0, minutes = 0, seconds = 0] = /(-?)(\d+):(\d+):([\d.]+)/.exec(text) ?? []
  const time = (Number(hours) * 60 + Number(minutes)) * 60_000_000 + Math.round(Number(seconds) * 1e6)
  return {
    months: of('years?') * 12 + of('mons?'),
    micros: of('days?') * 86_400_000_000 + (minus === '-' ? -time : time),
  }
}
