import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api'

/** A value as the recorded results write it: structs are arrays, maps arrays of pairs, the rest plain or text. */
export function asRecorded(value: DuckDBValue): unknown {
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
    return value.items.map(asRecorded)
  if (value instanceof DuckDBStructValue) return Object.values(value.entries).map(asRecorded)
  if (value instanceof DuckDBMapValue) {
    return value.entries.map((entry) => [asRecorded(entry.key), asRecorded(entry.value)])
  }
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('hex')
  if (value instanceof DuckDBIntervalValue) {
    return { months: value.months, micros: Number(value.micros) + value.days * dayMicros }
  }
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) {
    return new DuckDBTimestampValue(value.micros).toString()
  }
  if (value instanceof DuckDBDecimalValue || value instanceof DuckDBDateValue) return value.toString()
  if (typeof value === 'bigint') return isSafe(value) ? Number(value) : String(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return value
}

function isSafe(value: bigint): boolean {
  return value > -(2n ** 53n) && value < 2n ** 53n
}

/** Whether an answer is the recorded one: floating point to 12 digits, intervals by what they span. */
export function isRecorded(recorded: unknown, answer: unknown): boolean {
  if (typeof recorded === 'number' && typeof answer === 'number') {
    return Math.abs(recorded - answer) <= 1e-12 * Math.max(Math.abs(recorded), Math.abs(answer))
  }
  if (Array.isArray(recorded) && Array.isArray(answer)) {
    return (
      recorded.length === answer.length && recorded.every((item, index) => isRecorded(item, answer[index]))
    )
  }
  if (typeof recorded === 'string' && Array.isArray(answer)) {
    // Lists of times are recorded as one text.
    return isRecorded(recorded.slice(1, -1).split(', '), answer)
  }
  if (typeof recorded === 'string' && isSpan(answer)) {
    const span = readSpan(recorded)
    return span.months === answer.months && span.micros === answer.micros
  }
  return recorded === answer
}

/** Maps have no order: their entries by key. */
export function unorderedMaps(
  types: readonly string[],
  rows: readonly (readonly unknown[])[],
): readonly (readonly unknown[])[] {
  return rows.map((row) =>
    row.map((value, index) =>
      types[index]?.startsWith('map<') && Array.isArray(value)
        ? value.toSorted((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right)))
        : value,
    ),
  )
}

/** Rows in an order that does not depend on the engine. */
export function sortedRows(rows: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  return rows.length < 2
    ? rows
    : rows.toSorted((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right)))
}

interface Span {
  readonly months: number
  readonly micros: number
}

const dayMicros = 86_400_000_000
const unitMicros: Readonly<Record<string, number>> = {
  DAY: dayMicros,
  HOUR: 3_600_000_000,
  MINUTE: 60_000_000,
  SECOND: 1_000_000,
}

function isSpan(value: unknown): value is Span {
  return typeof value === 'object' && value !== null && 'months' in value && 'micros' in value
}

/** `INTERVAL '1-1' YEAR TO MONTH`, `INTERVAL '1 02:03:04.5' DAY TO SECOND`, `1 years 2 days`. */
function readSpan(text: string): Span {
  const typed = /^INTERVAL '(-?)([^']*)' (\w+)/.exec(text)
  if (!typed) {
    const of = (unit: string): number => Number(new RegExp(`(-?[\\d.]+) ${unit}`).exec(text)?.[1] ?? 0)
    const days = of('days') * dayMicros
    const time = of('hours') * 3_600_000_000 + of('minutes') * 60_000_000 + Math.round(of('seconds') * 1e6)
    return { months: of('years') * 12 + of('months'), micros: days + time }
  }
  const [, minus, body = '', unit = ''] = typed
  const sign = minus === '-' ? -1 : 1
  if (unit === 'YEAR' || unit === 'MONTH') {
    const [first = 0, second = 0] = body.split('-').map(Number)
    return { months: sign * (unit === 'YEAR' ? first * 12 + second : first), micros: 0 }
  }
  const parts = body.split(/[ :]/).map(Number)
  const units = ['DAY', 'HOUR', 'MINUTE', 'SECOND']
  const start = units.indexOf(unit)
  const micros = parts.reduce(
    (sum, part, index) => sum + Math.round(part * (unitMicros[units[start + index] ?? ''] ?? 0)),
    0,
  )
  return { months: 0, micros: sign * micros }
}
