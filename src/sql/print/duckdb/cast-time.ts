import type { DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral } from '#types/implicit-cast.ts'
import { intervalOfCount, intervalWithin } from './intervals.ts'
import { withValue } from './with-value.ts'

/** The engine's first and last second; Spark's lie further out, and its timestamps saturate too. */
const [firstSecond, lastSecond] = ['-9223372022400', '9223372036854']

/** To dates, timestamps and intervals. Undefined: there is no such conversion. */
export function castToTime(text: string, from: DataType, to: DataType): string | undefined {
  const target = duckdbType(to)
  switch (to.kind) {
    case 'date':
      if (from.kind === 'string') return timeOfWord(text, target) ?? dateOfText(text)
      return from.kind === 'timestamp' || from.kind === 'timestamp_ntz' ? `CAST(${text} AS DATE)` : undefined
    case 'timestamp':
    case 'timestamp_ntz': {
      if (from.kind === 'string') return timeOfWord(text, target) ?? timestampOfText(text, to.kind)
      if (from.kind === 'date' || from.kind === 'timestamp' || from.kind === 'timestamp_ntz') {
        return `CAST(${text} AS ${target})`
      }
      const micros = microsOf(text, from)
      return micros && (to.kind === 'timestamp' ? `make_timestamptz(${micros})` : `make_timestamp(${micros})`)
    }
    case 'interval':
      if (from.kind === 'interval') return intervalWithin(text, from, to)
      if (isIntegral(from)) return intervalOfCount(text, to)
      return from.kind === 'string'
        ? `TRY_CAST(regexp_replace(${text}, '^\\s*(?i:interval)\\s+', '') AS INTERVAL)`
        : undefined
    default:
      return undefined
  }
}

const days: Readonly<Record<string, string>> = {
  epoch: "DATE '1970-01-01'",
  now: 'now()',
  today: 'CAST(now() AS DATE)',
  tomorrow: '(CAST(now() AS DATE) + 1)',
  yesterday: '(CAST(now() AS DATE) - 1)',
}

/** Words that are times where they are constants: `'today'`. Undefined for all else. */
function timeOfWord(text: string, target: string): string | undefined {
  const [, word = ''] = /^'\s*([a-z]+)(?:\s+(?:UTC|GMT|Z))?\s*'$/i.exec(text) ?? []
  const day = days[word.toLowerCase()]
  return day && `CAST(${day} AS ${target})`
}

/** `2024`, `2024-3`, `2024-3-1`, and whatever stands behind a day. */
function dateOfText(text: string): string {
  return withValue(text, (value) => {
    const day = `regexp_extract(${value}, '^\\s*(\\d{4}-\\d{1,2}-\\d{1,2})(?:[ T].*)?\\s*$', 1)`
    return `coalesce(TRY_CAST(${day} AS DATE), TRY_CAST(${monthOrYear(value)} || '-01' AS DATE))`
  })
}

const dayPattern = '\\d{4}-\\d{1,2}-\\d{1,2}'
const hourPattern = '(?:2[0-3]|[01]?\\d)'
const restPattern = ':\\d{1,2}(?::\\d{1,2}(?:\\.\\d*)?)?'
const timePattern = `${hourPattern}(?:${restPattern})?`

function timestampOfText(text: string, kind: 'timestamp' | 'timestamp_ntz'): string {
  return withValue(`trim(${text})`, (value) => {
    const day = plainTime(`(${monthOrYear(value)} || '-01')`, kind)
    // A time alone is one of today, where it has a zone.
    const timeOfToday = `(CAST(CAST(now() AS DATE) AS VARCHAR) || ' ' || ltrim(${value}, 'T'))`
    const isTime = `regexp_matches(${value}, '^(?:T${hourPattern}(?:$|:)|${hourPattern}:)')`
    const today =
      kind === 'timestamp'
        ? [
            `WHEN ${isTime} THEN list_transform([${timeOfToday}], lambda w: CASE ${dayAndTime('w', kind)} END)[1]`,
          ]
        : []
    return `(CASE ${[dayAndTime(value, kind), ...today].join(' ')} ELSE ${day} END)`
  })
}

/** A text without a zone never goes where zones are read: there the engine takes the zone of a row before. */
function dayAndTime(value: string, kind: 'timestamp' | 'timestamp_ntz'): string {
  const isTooFar = `regexp_matches(${value}, '[+-](?:18:?(?:0[1-9]|[1-5]\\d)|(?:19|[2-9]\\d)(?::?\\d{2})?)$')`
  return [
    `WHEN regexp_matches(${value}, '^${dayPattern}(?:[ T]${hourPattern}${restPattern})?$') THEN ${plainTime(value, kind)}`,
    `WHEN regexp_matches(${value}, '^${dayPattern}[ T]${hourPattern}$') THEN ${plainTime(regularHour(value), kind)}`,
    `WHEN regexp_matches(${value}, '^${dayPattern}[ T]${timePattern} ?[A-Za-z+-]') AND NOT ${isTooFar} THEN ${zonedTime(value, kind)}`,
  ].join(' ')
}

function plainTime(text: string, kind: 'timestamp' | 'timestamp_ntz'): string {
  const wallClock = `TRY_CAST(${text} AS TIMESTAMP)`
  return kind === 'timestamp' ? `timezone('UTC', ${wallClock})` : wallClock
}

/** Where clocks are put back an hour comes twice: the first one is meant, the engine reads the second. Without zone it counts for nothing. */
function zonedTime(value: string, kind: 'timestamp' | 'timestamp_ntz'): string {
  const wallClock = `TRY_CAST(regexp_extract(${value}, '^${dayPattern}[ T]${timePattern}') AS TIMESTAMP)`
  if (kind === 'timestamp_ntz') return wallClock
  const read = `TRY_CAST(${regularTime(value)} AS TIMESTAMPTZ)`
  const zone = `nullif(regexp_extract(${value}, '([A-Za-z]+/\\S+|[A-Z]{3,}(?:\\d[A-Z]{3})?)$', 1), '')`
  const parts = `struct_pack(instant := ${read}, zone := ${zone}, wall_clock := ${wallClock})`
  const earlier = '(r).instant - INTERVAL 1 HOUR'
  return `list_transform([${parts}], lambda r: CASE WHEN (r).instant IS NOT NULL AND (r).zone IS NOT NULL AND timezone((r).zone, ${earlier}) = (r).wall_clock THEN ${earlier} ELSE (r).instant END)[1]`
}

/** Offsets of any length and zones at once behind the time, as the engine reads them. */
function regularTime(value: string): string {
  const steps: readonly (readonly [string, string])[] = [
    ['(:\\d{1,2}(?:\\.\\d*)?)\\s*(?:UTC|GMT|UT)?([+-])', '\\1\\2'],
    ['([+-])(\\d)(:\\d{1,2})?$', '\\10\\2\\3'],
    ['(:\\d{1,2}(?:\\.\\d*)?[+-]\\d{2}:)(\\d)$', '\\10\\2'],
    ['([+-]\\d{2})(\\d{2})(\\d{2})$', '\\1:\\2:\\3'],
    ['(:\\d{1,2}(?:\\.\\d*)?)([A-Za-z]{2})', '\\1 \\2'],
    [' *Z$', '+00'],
  ]
  return steps.reduce(
    (text, [pattern, by]) => `regexp_replace(${text}, '${pattern}', '${by}')`,
    regularHour(value),
  )
}

/** `2024-01-01 10:00` of `2024-01-01 10`. */
function regularHour(value: string): string {
  return `regexp_replace(${value}, '^(\\S+[ T]\\d{1,2})($|[+-]|\\s)', '\\1:00\\2')`
}

/** `2024-01` of `2024`. */
function monthOrYear(value: string): string {
  return `regexp_replace(regexp_extract(${value}, '^\\s*(\\d{4}(?:-\\d{1,2})?)\\s*$', 1), '^(\\d+)$', '\\1-01')`
}

/** Numbers are seconds since 1970; a boolean is a microsecond or none. */
function microsOf(text: string, from: DataType): string | undefined {
  if (isIntegral(from)) return `(${bounded(`CAST(${text} AS BIGINT)`)} * 1000000)`
  switch (from.kind) {
    case 'boolean':
      return `CAST(${text} AS BIGINT)`
    case 'float':
    case 'double':
      return withValue(
        `CAST(${text} AS DOUBLE)`,
        (value) => `(CASE WHEN isfinite(${value}) THEN CAST(trunc(${bounded(value)} * 1e6) AS BIGINT) END)`,
      )
    case 'decimal':
      return `CAST(trunc(${bounded(text)} * 1000000) AS BIGINT)`
    default:
      return undefined
  }
}

/** `least` and `greatest` would pass over NULL. */
function bounded(text: string): string {
  return withValue(
    text,
    (value) =>
      `(CASE WHEN ${value} > ${lastSecond} THEN ${lastSecond} WHEN ${value} < ${firstSecond} THEN ${firstSecond} ELSE ${value} END)`,
  )
}
