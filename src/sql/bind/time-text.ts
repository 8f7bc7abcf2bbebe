/** Dates and timestamps as constants hold them: `2024-01-31`, `2024-01-31T10:00:00.000000Z`. */

export function dateText(date: Date): string {
  return date.toISOString().replace(/T.*$/, '')
}

export function timestampText(micros: bigint): string {
  let seconds = micros / 1_000_000n
  let rest = micros % 1_000_000n
  if (rest < 0n) {
    rest += 1_000_000n
    seconds -= 1n
  }
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', `.${String(rest).padStart(6, '0')}Z`)
}

/** `2024`, `2024-1`, `2024-1-31` and anything behind a `T` or a blank; undefined for what is no date. */
export function parseDateText(text: string): string | undefined {
  const [, year = '', month = '1', day = '1'] =
    /^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ].*)?)?)?$/.exec(text) ?? []
  if (year === '') return undefined
  const exact = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  const date = new Date(`${exact}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && dateText(date) === exact ? exact : undefined
}

/** Zones lie so far from UTC at most. */
const offsetMinutesMax = 18 * 60

const firstMicros = BigInt(Date.parse('0000-01-01T00:00:00Z')) * 1000n
const lastMicros = BigInt(Date.parse('9999-12-31T23:59:59Z')) * 1000n + 999_999n

/**
 * A timestamp without zone (it is UTC) or with `Z` or an offset; undefined for what is none, `'other'` for zones by
 * name and rarer forms, which the engine reads.
 */
export function parseTimestampText(text: string): string | 'other' | undefined {
  if (parseDateText(text) !== undefined && !/[T ]/.test(text))
    return `${parseDateText(text)}T00:00:00.000000Z`
  const found =
    /^(\d{4}-\d{1,2}-\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?\s*(Z|UTC|[+-]\d{1,2}(?::?\d{2})?)?$/.exec(
      text,
    )
  if (!found) return /\d/.test(text) ? 'other' : undefined
  const [, day = '', hour = '', minute = '', second = '0', fraction = '', zone = 'Z'] = found
  const date = parseDateText(day)
  if (date === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  const [, sign = '+', zoneHours = '0', zoneMinutes = '0'] = /^([+-])(\d{1,2}):?(\d{2})?$/.exec(zone) ?? []
  const offsetMinutes = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -1 : 1)
  if (Math.abs(offsetMinutes) > offsetMinutesMax) return undefined
  const midnight = BigInt(Date.parse(`${date}T00:00:00Z`)) * 1000n
  const seconds = BigInt(Number(hour) * 3600 + (Number(minute) - offsetMinutes) * 60 + Number(second))
  const micros = midnight + seconds * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
  // An offset may lead out of the years that a constant holds.
  return micros < firstMicros || micros > lastMicros ? 'other' : timestampText(micros)
}
