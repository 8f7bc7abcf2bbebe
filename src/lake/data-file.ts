import { assert } from '#base/assert.ts'
import { quoteIdentifier } from '#base/sql-text.ts'
import type { ColumnStatistics, CopiedFile } from '#engine/engine.ts'
import { type FieldPlace, fieldPlaces, type IcebergStruct } from '#types/iceberg.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { encodeBound } from './iceberg/single-value.ts'
import { systemColumns } from './system-columns.ts'

/** Columns whose counts and bounds are kept for each file: manifests must stay small for wide tables. */
const measuredColumnsMax = 200

/** Which columns are measured, by the engine's name of them: those people filter by come first. */
export function measuredColumns(
  struct: IcebergStruct,
  first: readonly string[],
): ReadonlyMap<string, FieldPlace> {
  const wanted = new Set([...first, ...systemColumns.fields.map((field) => field.name)])
  const rank = (place: FieldPlace): number => (wanted.has(place.path[0] ?? '') ? 0 : place.path.length)
  const leaves = Array.from(fieldPlaces(struct)).filter((place) => typeof place.type === 'string')
  return new Map(
    leaves
      .sort((left, right) => rank(left) - rank(right))
      .slice(0, measuredColumnsMax)
      .map((place) => [place.path.map(quoteIdentifier).join('.'), place]),
  )
}

/** Describes a file that the engine wrote. */
export function dataFileOf(
  copied: CopiedFile,
  options: {
    readonly uri: string
    readonly dayName: string | undefined
    readonly measured: ReadonlyMap<string, FieldPlace>
    readonly sortOrderId: number
  },
): DataFile {
  const counts = new Map<string, [FieldPlace, ColumnStatistics]>()
  for (const [name, statistics] of Object.entries(copied.statistics)) {
    const place = options.measured.get(name)
    if (place) counts.set(name, [place, statistics])
  }
  const byField = <T>(
    pick: (place: FieldPlace, statistics: ColumnStatistics) => T | undefined,
  ): ReadonlyMap<number, T> => {
    const map = new Map<number, T>()
    for (const [place, statistics] of counts.values()) {
      const value = pick(place, statistics)
      if (value !== undefined) map.set(place.id, value)
    }
    return map
  }
  // What is inside lists and maps has no bounds of rows.
  const bound = (side: 'lower' | 'upper') =>
    byField((place, { min, max, hasNan }) => {
      if (place.isRepeated || typeof place.type !== 'string' || hasNan === true) return undefined
      return encodeBound(place.type, side === 'lower' ? min : max, side)
    })
  return {
    path: options.uri,
    rowCount: copied.rowCount,
    bytes: copied.bytes,
    day: options.dayName === undefined ? null : dayOf(copied.partition[options.dayName]),
    columnBytes: byField((_, { columnBytes }) => columnBytes),
    valueCounts: byField((_, { valueCount }) => valueCount),
    nullCounts: byField((place, { nullCount }) => (place.isRepeated ? undefined : nullCount)),
    lowerBounds: bound('lower'),
    upperBounds: bound('upper'),
    sortOrderId: options.sortOrderId,
  }
}

function dayOf(text: string | null | undefined): number | null {
  assert(text !== undefined, 'the engine says the day of each file')
  if (text === null) return null
  assert(/^-?\d+$/.test(text), 'the engine prints a day as a number')
  return Number(text)
}
