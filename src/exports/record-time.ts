import { z } from 'zod'
import { quoteIdentifier } from '#base/sql-text.ts'
import type { Predicate } from '#lake/lake.ts'

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

function instant(iso: string): string {
  return `TIMESTAMPTZ '${iso}'`
}
