import type { RawColumn } from './raw-column.ts'

/**
 * A value between engine and encoder, by its type: `boolean`; `number` for integers up to 32 bit, float and double;
 * `bigint` for long, for a decimal's unscaled digits, and for timestamps in µs since 1970 UTC; days since 1970 for a date;
 * text; bytes; an array's elements; a struct's fields in order; a map's entries.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | MapEntries
  | Interval

export class MapEntries {
  readonly entries: readonly (readonly [Value, Value])[]

  constructor(entries: readonly (readonly [Value, Value])[]) {
    this.entries = entries
  }
}

export class Interval {
  readonly months: number
  readonly days: number
  readonly micros: bigint

  constructor(months: number, days: number, micros: bigint) {
    this.months = months
    this.days = days
    this.micros = micros
  }
}

/** Some rows, by column. */
export interface Batch {
  readonly rowCount: number
  value(column: number, row: number): Value
  /** The same values in memory, where there is a way to them: row `row` here is `firstRow + row` there. */
  readonly raw?: RawRows | undefined
}

export interface RawRows {
  readonly firstRow: number
  /** Undefined for types that only `value` knows. */
  column(index: number): RawColumn | undefined
}

/** The rows of a batch from one on. */
export function rowsOf(batch: Batch, from: number, rowCount: number): Batch {
  const { raw } = batch
  return {
    rowCount,
    value: (column, row) => batch.value(column, from + row),
    raw: raw && { firstRow: raw.firstRow + from, column: (index) => raw.column(index) },
  }
}
