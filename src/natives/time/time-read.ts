import { parsePattern, unknownLetter, type PatternPart } from '#types/time-pattern.ts'
import { remembering } from '../native.ts'
import { dayMicros, months } from './names.ts'

interface Reading {
  readonly expression: RegExp
  /** What each group of the expression is. */
  readonly letters: readonly Letter[]
}

type Letter = Extract<PatternPart, { readonly letter: string }>
/** By letter; what is absent was in a part that may be absent. */
type Found = ReadonlyMap<string, string>

const number = (least: number, most: number): string => `(\\d{${least},${most}})`
const offset = '([+-]\\d{2}(?::?\\d{2})?|Z|(?:GMT|UTC|UT)(?:[+-]\\d{1,2}(?::\\d{2})?)?)'

const readingOf = remembering((pattern: string): Reading => {
  const letters: Letter[] = []
  const text = (parts: readonly PatternPart[]): string =>
    parts
      .map((part) => {
        if ('optional' in part) return `(?:${text(part.optional)})?`
        if ('text' in part) return part.text.replaceAll(/[^\p{L}\p{N} ]/gu, (sign) => `\\${sign}`)
        letters.push(part)
        return expressionOf(part)
      })
      .join('')
  return { expression: new RegExp(`^${text(parsePattern(pattern))}$`, 'i'), letters }
})

function expressionOf(part: Letter): string {
  const { letter, count } = part
  switch (letter) {
    case 'y':
      if (count === 2) return number(2, 2)
      if (count <= 4) return number(count === 3 ? 3 : 4, 4)
      break
    case 'M':
    case 'L':
      if (count === 3) return `(${months.map((name) => name.slice(0, 3)).join('|')})`
      if (count === 4) return `(${months.join('|')})`
      if (count < 3) return number(count, 2)
      break
    case 'd':
    case 'H':
    case 'k':
    case 'K':
    case 'h':
    case 'm':
    case 's':
      if (count <= 2) return number(count, 2)
      break
    case 'D':
      if (count <= 3) return number(count, 3)
      break
    case 'S':
      if (count <= 9) return number(1, count)
      break
    case 'a':
      if (count === 1) return '([ap]m)'
      break
    case 'E':
      return '([a-z]+)'
    case 'X':
    case 'x':
    case 'Z':
    case 'O':
    case 'z':
      return offset
  }
  throw unknownLetter(part, 'read a time')
}

/**
 * The moment in microseconds since 1970 that a text says by a pattern of Java's, in UTC where it says no zone; NULL where it
 * does not match. What the pattern lacks is that of 1970-01-01T00:00Z.
 * @throws AppError 'query.value' for what is no pattern
 */
export function readMoment(text: string, pattern: string): bigint | null {
  const { expression, letters } = readingOf(pattern)
  const match = expression.exec(text)
  if (!match) return null
  const found = new Map<string, string>()
  for (const [index, { letter }] of letters.entries()) {
    const value = match[index + 1]
    if (value !== undefined) found.set(letter === 'L' ? 'M' : letter, value)
  }
  const day = dayOf(found)
  const time = timeOf(found)
  const zone = zoneOf(found)
  if (day === undefined || time === undefined || zone === undefined) return null
  return BigInt(day) * dayMicros + time - zone
}

const whole = (found: Found, letter: string): number | undefined => {
  const text = found.get(letter)
  return text === undefined ? undefined : Number(text)
}

/** Days since 1970; undefined for one that there is not. */
function dayOf(found: Found): number | undefined {
  const written = found.get('y')
  const year = written === undefined ? 1970 : Number(written) + (written.length === 2 ? 2000 : 0)
  const dayOfYear = whole(found, 'D')
  const name = found.get('M')
  const named = months.findIndex(
    (month) => name?.toLowerCase() === month.toLowerCase().slice(0, name?.length),
  )
  const month = name === undefined ? 1 : named >= 0 ? named + 1 : Number(name)
  const day = whole(found, 'd') ?? 1
  const date = new Date(0)
  date.setUTCFullYear(year, dayOfYear === undefined ? month - 1 : 0, dayOfYear ?? day)
  const isOne = dayOfYear === undefined ? date.getUTCMonth() === month - 1 : date.getUTCFullYear() === year
  return isOne && (dayOfYear ?? day) > 0 && month > 0 ? date.getTime() / 86_400_000 : undefined
}

function timeOf(found: Found): bigint | undefined {
  const half = whole(found, 'h') ?? whole(found, 'K')
  const isLate = found.get('a')?.toLowerCase() === 'pm'
  if (half !== undefined && (half > 12 || (found.has('h') ? half === 0 : half === 12))) return undefined
  const full = whole(found, 'H') ?? (whole(found, 'k') === 24 ? 0 : whole(found, 'k'))
  if (whole(found, 'k') === 0) return undefined
  const hour = half === undefined ? (full ?? 0) : (half % 12) + (isLate ? 12 : 0)
  const minute = whole(found, 'm') ?? 0
  const second = whole(found, 's') ?? 0
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const fraction = Number((found.get('S') ?? '').padEnd(6, '0').slice(0, 6))
  return BigInt(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

/** Undefined for an offset that there is not: Java's are of 18 hours at most. */
function zoneOf(found: Found): bigint | undefined {
  const text = ['X', 'x', 'Z', 'O', 'z']
    .map((letter) => found.get(letter))
    .find((value) => value !== undefined)
  const [, sign, hours, minutes = '0'] = /([+-])(\d{1,2}):?(\d{2})?$/.exec(text ?? '') ?? []
  if (hours === undefined) return 0n
  const total = Number(hours) * 60 + Number(minutes)
  if (Number(minutes) > 59 || total > 18 * 60) return undefined
  const micros = BigInt(total) * 60_000_000n
  return sign === '-' ? -micros : micros
}
