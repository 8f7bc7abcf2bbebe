import { parsePattern, unknownLetter, type PatternPart } from '#types/time-pattern.ts'
import { remembering } from '../native.ts'
import { dayMicros, days, months } from './names.ts'

interface Time {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
  readonly dayOfYear: number
  readonly dayName: string
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly micros: number
}

type Letter = Extract<PatternPart, { readonly letter: string }>

const partsOf = remembering((pattern: string) => parsePattern(pattern).flatMap(present))

/** A moment in microseconds since 1970, in UTC, by a pattern of Java's. @throws AppError 'query.value' for what is none */
export function printedMoment(moment: bigint, pattern: string): string {
  const time = timeOf(moment)
  const parts = partsOf(pattern)
  // Where no era is written, Spark counts years on below 1.
  const isOfEra = parts.some((part) => 'letter' in part && part.letter === 'G')
  return parts.map((part) => ('text' in part ? part.text : printed(part, time, isOfEra))).join('')
}

/** What may be absent in reading is always written. */
function present(part: PatternPart): readonly Exclude<PatternPart, { readonly optional: unknown }>[] {
  return 'optional' in part ? part.optional.flatMap(present) : [part]
}

const cycleDays = 146_097

function timeOf(moment: bigint): Time {
  const inDay = ((moment % dayMicros) + dayMicros) % dayMicros
  const day = Number((moment - inDay) / dayMicros)
  // JavaScript's calendar ends before Spark's; every 400 years are alike.
  const cycles = Math.abs(day) > 90_000_000 ? 100 * Math.sign(day) : 0
  const near = day - cycles * cycleDays
  const date = new Date(near * 86_400_000)
  const rest = Number(inDay)
  const year = date.getUTCFullYear()
  return {
    year: year + cycles * 400,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    dayOfYear: near - new Date(0).setUTCFullYear(year, 0, 1) / 86_400_000 + 1,
    dayName: days[((day % 7) + 7) % 7] ?? '',
    hour: Math.floor(rest / 3_600_000_000),
    minute: Math.floor(rest / 60_000_000) % 60,
    second: Math.floor(rest / 1_000_000) % 60,
    micros: rest % 1_000_000,
  }
}

/** From four letters on, more digits than letters have a sign before them. */
function yearText(year: number, count: number): string {
  const digits = String(Math.abs(year))
  if (count === 2) return digits.slice(-2).padStart(2, '0')
  const plus = count > 3 && digits.length > count ? '+' : ''
  return `${year < 0 ? '-' : plus}${digits.padStart(count, '0')}`
}

function printed(part: Letter, time: Time, isOfEra: boolean): string {
  const { letter, count } = part
  const number = (value: number, most = 2): string => {
    if (count > most) throw unknownLetter(part, 'write a time')
    return String(value).padStart(count, '0')
  }
  const byCount = (...texts: readonly (string | undefined)[]): string => {
    const text = texts[count - 1]
    if (text === undefined) throw unknownLetter(part, 'write a time')
    return text
  }
  const quarter = Math.ceil(time.month / 3)
  const month = months[time.month - 1] ?? ''
  switch (letter) {
    case 'y':
      if (count > 6) throw unknownLetter(part, 'write a time')
      return yearText(isOfEra ? Math.max(time.year, 1 - time.year) : time.year, count)
    case 'M':
    case 'L':
      return count < 3 ? number(time.month) : byCount('', '', month.slice(0, 3), month)
    case 'd':
      return number(time.day)
    case 'D':
      return number(time.dayOfYear, 3)
    case 'E':
      return count < 4 ? time.dayName.slice(0, 3) : byCount('', '', '', time.dayName)
    case 'F':
      return number(((time.day - 1) % 7) + 1, 1)
    case 'q':
    case 'Q':
      return count < 3
        ? number(quarter)
        : byCount('', '', `Q${quarter}`, `${['1st', '2nd', '3rd', '4th'][quarter - 1]} quarter`)
    case 'a':
      return byCount(time.hour < 12 ? 'AM' : 'PM')
    case 'H':
      return number(time.hour)
    case 'k':
      return number(time.hour === 0 ? 24 : time.hour)
    case 'K':
      return number(time.hour % 12)
    case 'h':
      return number(time.hour % 12 === 0 ? 12 : time.hour % 12)
    case 'm':
      return number(time.minute)
    case 's':
      return number(time.second)
    case 'S':
      if (count > 9) throw unknownLetter(part, 'write a time')
      return `${String(time.micros).padStart(6, '0')}000`.slice(0, count)
    case 'G':
      return byCount(
        ...(time.year > 0 ? ['AD', 'AD', 'AD', 'Anno Domini'] : ['BC', 'BC', 'BC', 'Before Christ']),
      )
    case 'V':
      return byCount(undefined, 'UTC')
    case 'z':
      return byCount('UTC', 'UTC', 'UTC', 'Coordinated Universal Time')
    case 'O':
      return byCount('GMT', undefined, undefined, 'GMT')
    case 'X':
      return byCount('Z', 'Z', 'Z', 'Z', 'Z')
    case 'x':
      return byCount('+00', '+0000', '+00:00', '+0000', '+00:00')
    case 'Z':
      return byCount('+0000', '+0000', '+0000', 'GMT', 'Z')
    default:
      throw unknownLetter(part, 'write a time')
  }
}
