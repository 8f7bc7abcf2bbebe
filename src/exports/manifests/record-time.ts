import { z } from 'zod'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { Predicate } from '#lake/lake.ts'

const hourMs = 3_600_000

/** Rows by their own time. Those that have none are kept by a range without an end, as they are not known to be old. */
export const recordRange = z.strictObject({
  column: z.string(),
  /** The first time that belongs to it. */
  from: z.iso.datetime(),
  /** The first that does not any more. */
  before: z.iso.datetime().optional(),
})

export type RecordRange = z.infer<typeof recordRange>

/** Folders by the rows' own time, in UTC: `year=2026/month=03/day=01/hour=09`, down to the unit. */
export const recordFolders = z.strictObject({
  column: z.string(),
  unit: z.enum(['month', 'day', 'hour']),
})

export type RecordFolders = z.infer<typeof recordFolders>

/** Where rows without a time go, as Hive calls it. */
export const timelessFolder = 'year=__HIVE_DEFAULT_PARTITION__'

/** In the engine's dialect. */
export function recordCondition({ column, from, before }: RecordRange): string {
  const name = quoteIdentifier(column)
  if (before === undefined) return `(${name} >= ${instant(from)}) IS NOT FALSE`
  return `(${name} >= ${instant(from)} AND ${name} < ${instant(before)})`
}

/** What skips files without such a row; a range without an end skips none, as rows without a time belong to it. */
export function recordPredicates({ column, from, before }: RecordRange): readonly Predicate[] {
  if (before === undefined) return []
  return [
    { column, operator: '>=', value: from },
    { column, operator: '<', value: before },
  ]
}

const folderPatterns = {
  month: 'year=%Y/month=%m',
  day: 'year=%Y/month=%m/day=%d',
  hour: 'year=%Y/month=%m/day=%d/hour=%H',
} as const

/** The folder of a row, in the engine's dialect. Years before 0 and beyond 9999 are as the engine prints them. */
export function recordFolderSql({ column, unit }: RecordFolders): string {
  const time = `timezone('UTC', CAST(${quoteIdentifier(column)} AS TIMESTAMPTZ))`
  return `coalesce(strftime(${time}, '${folderPatterns[unit]}'), '${timelessFolder}')`
}

/**
 * Which rows lie in a folder that `recordFolderSql` names, in the engine's dialect. The range of its times is said too,
 * where it can be, as files and their parts are skipped by it.
 */
export function recordFolderCondition(folders: RecordFolders, name: string): string {
  const isNamed = `${recordFolderSql(folders)} = ${quoteLiteral(name)}`
  const range = rangeOfFolder(folders.unit, name)
  return range ? `(${recordCondition({ column: folders.column, ...range })} AND ${isNamed})` : isNamed
}

function rangeOfFolder(
  unit: RecordFolders['unit'],
  name: string,
): { readonly from: string; readonly before: string } | undefined {
  const parts = /^year=([1-8]\d{3}|9[0-8]\d\d)\/month=(\d\d)(?:\/day=(\d\d))?(?:\/hour=(\d\d))?$/.exec(name)
  if (!parts) return undefined
  const [, year, month, day = 1, hour = 0] = parts
  const from = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour))
  const before =
    unit === 'month' ? Date.UTC(Number(year), Number(month)) : from + (unit === 'day' ? 24 : 1) * hourMs
  return { from: new Date(from).toISOString(), before: new Date(before).toISOString() }
}

function instant(iso: string): string {
  return `TIMESTAMPTZ '${iso}'`
}
