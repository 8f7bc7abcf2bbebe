/** Dates and times as text, exactly, over the whole range of years: `Date` knows no microseconds. */

const microsPerDay = 86_400_000_000n
const datePattern = /^(\d{4,6})-(\d\d)-(\d\d)$/
const timePattern = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|\+00(?::?00)?)?$/

/** Days since 1970-01-01; undefined when the text is no plain date (`infinity`, before the year 1). */
export function daysOfText(text: string): number | undefined {
  const [, year, month, day] = datePattern.exec(text) ?? []
  if (year === undefined) return undefined
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  return date.getTime() / 86_400_000
}

/** Microseconds since 1970-01-01 of a UTC time, or of a date's midnight; undefined when the text is neither. */
export function microsOfText(text: string): bigint | undefined {
  const [date = '', time, ...rest] = text.split(/[T ]/)
  const days = daysOfText(date)
  if (days === undefined || rest.length > 0) return undefined
  if (time === undefined) return BigInt(days) * microsPerDay
  const [, hour, minute, second, fraction = ''] = timePattern.exec(time) ?? []
  if (hour === undefined) return undefined
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second)
  return BigInt(days) * microsPerDay + BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
}

export function dayOfMicros(micros: bigint): number {
  const remainder = ((micros % microsPerDay) + microsPerDay) % microsPerDay
  return Number((micros - remainder) / microsPerDay)
}

export function microsOfDay(day: number): bigint {
  return BigInt(day) * microsPerDay
}
