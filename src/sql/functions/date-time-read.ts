import { quoteLiteral } from '#base/sql-text.ts'
import { toInstant } from './date-time-text.ts'
import { parsePattern, unknownLetter, type PatternPart } from '#types/time-pattern.ts'
import { onceEach } from './once-each.ts'

interface Form {
  /** What the text must match, as the engine's reader is laxer than Java's. */
  readonly expression: string
  readonly format: string
  readonly letters: string
}

/**
 * Engine text of the instant that a text says by a pattern of Java's; NULL where it does not match. What the pattern
 * lacks is that of 1970-01-01T00:00Z.
 * @throws AppError 'query.value'
 */
export function readTime(text: string, pattern: string): string {
  const forms = formsOf(parsePattern(pattern))
  return onceEach([text], (text = '') => {
    const branches = forms.map(
      (form) =>
        `WHEN regexp_full_match(${text}, ${quoteLiteral(unnamed(form.expression))}, 'i') THEN ${readAs(text, form)}`,
    )
    return `CASE ${branches.join(' ')} END`
  })
}

type Mends = Readonly<Record<string, readonly [from: string, to: string]>>

/**
 * Groups whose text the engine reads otherwise, by name: what of it is replaced, with one group, and by what. The hour
 * 24 is 0, of a second there are six digits, of a year four.
 */
const always: Mends = {
  k: ['24()', '00\\2'],
  S: ['(\\d{6})\\d{1,3}', '\\2'],
  y: ['0{1,2}(\\d{4})', '\\2'],
  G: ['(?:AD|Anno Domini)()', 'AD\\2'],
}
/** With AM or PM the hour 0 of a half day is 12; without it is of the morning, and 12 is 0. */
const ofHalf: Mends = { ...always, K: ['0{1,2}()', '12\\2'] }
const ofMorning: Mends = { ...always, h: ['12()', '00\\2'] }

const unnamed = (expression: string): string => expression.replaceAll(/\(\?P<\w>/g, '(?:')

function mended(text: string, expression: string, mends: Mends): string {
  return [...expression.matchAll(/\(\?P<(\w)>[^()]*\)/g)].reduce(
    (inner, { 0: group, 1: name = '', index }) => {
      const mend = mends[name]
      if (!mend) return inner
      const [from, to] = mend
      const whole = `^(${unnamed(expression.slice(0, index))})${from}(${unnamed(expression.slice(index + group.length))})$`
      return `regexp_replace(${inner}, ${quoteLiteral(whole)}, '\\1${to}\\3', 'i')`
    },
    text,
  )
}

function readAs(given: string, { expression, format: written, letters }: Form): string {
  const isHalf = letters.includes('a')
  const text = mended(given, expression, isHalf ? ofHalf : ofMorning)
  const format = isHalf ? written : written.replaceAll('%I', '%H')
  const hasZone = format.toLowerCase().includes('%z')
  const zoned = format.includes('%z') ? engineOffset(text) : text
  const parsed = letters.includes('y')
    ? `try_strptime(${zoned}, ${quoteLiteral(format)})`
    : `try_strptime('1970 ' || ${zoned}, ${quoteLiteral(`%Y ${format}`)})`
  const instant = hasZone
    ? parsed
    : toInstant(letters.includes('D') ? inItsYear(parsed, given, expression) : parsed)
  // Two digits are of this century, also above 68.
  return format.includes('%y')
    ? `(${instant} + CASE WHEN year(${instant}) < 2000 THEN to_years(100) ELSE to_years(0) END)`
    : instant
}

/** The engine counts the 366th day of a shorter year as the first of the next. */
function inItsYear(parsed: string, given: string, expression: string): string {
  const [before = '', after = ''] = expression.split(/\(\?P<D>[^()]*\)/)
  const day = `regexp_extract(${given}, ${quoteLiteral(`^${unnamed(before)}(\\d+)${unnamed(after)}$`)}, 1, 'i')`
  return `(CASE WHEN dayofyear(${parsed}) = TRY_CAST(${day} AS INTEGER) THEN ${parsed} END)`
}

/** The engine reads `+03:00`, but no `Z`, `GMT+3`, `UTC+03:00` and `GMT`. */
function engineOffset(text: string): string {
  const steps = [
    [`GMT([+-])(\\d)(:|$)`, '\\10\\2\\3'],
    ['(?:GMT|UTC|UT)([+-])', '\\1'],
    ['(?:GMT|Z)$', '+00:00'],
  ]
  return steps.reduce(
    (inner, [from = '', to = '']) => `regexp_replace(${inner}, '${from}', '${to}', 'i')`,
    text,
  )
}

/** Every way to read a pattern: with and without its optional parts. */
function formsOf(parts: readonly PatternPart[]): readonly Form[] {
  return parts.reduce<readonly Form[]>(
    (forms, part) => {
      const next =
        'optional' in part
          ? [...formsOf(part.optional), { expression: '', format: '', letters: '' }]
          : formsOfLetter(part)
      return forms.flatMap((form) =>
        next.map(({ expression, format, letters }) => ({
          expression: form.expression + expression,
          format: form.format + format,
          letters: form.letters + letters,
        })),
      )
    },
    [{ expression: '', format: '', letters: '' }],
  )
}

type Piece = Exclude<PatternPart, { optional: unknown }>

/** The engine reads offsets and names of zones each by a letter of its own. */
function formsOfLetter(part: Piece): readonly Form[] {
  const form = formOf(part)
  if (!('letter' in part) || part.letter !== 'V') return [form]
  const [expression, format] = zoneOf('(?:GMT|UTC|UT)?[+-]\\d{2}:\\d{2}', 'Z')
  return [form, { ...form, expression, format }]
}

function formOf(part: Piece): Form {
  if ('text' in part) {
    return {
      expression: part.text.replaceAll(/[!-/:-@[-`{-~]/g, (character) => `\\${character}`),
      format: part.text.replaceAll('%', '%%'),
      letters: '',
    }
  }
  const { letter, count } = part
  const form = known[letter]?.[count - 1] ?? (letter === 'S' && count <= 9 ? fractionOf(count) : undefined)
  if (!form) throw unknownLetter(part, 'read a time')
  const [expression, format] = form
  return { expression, format, letters: letter }
}

function fractionOf(count: number): readonly [string, string] {
  const digits = `\\d{1,${count}}`
  return [count > 6 ? `(?P<S>${digits})` : digits, '%f']
}

const oneOrTwo = '\\d{1,2}'
const two = '\\d{2}'
const months = '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)'
/** Java's offsets are of 18 hours at most. */
const hours = '[+-](?:(?:0\\d|1[0-7])(?:[0-5]\\d)?|18(?:00)?)'
const plainOffset = '[+-](?:(?:0\\d|1[0-7])[0-5]\\d|1800)'
const colonOffset = '[+-](?:(?:0\\d|1[0-7]):[0-5]\\d|18:00)'

function zoneOf(expression: string, zero?: string): readonly [string, string] {
  return [zero === undefined ? expression : `(?:${expression}|${zero})`, '%z']
}

/** By how often the letter stands: what matches, and what the engine calls it. */
const known: Readonly<Record<string, readonly (readonly [string, string] | undefined)[]>> = {
  y: [
    ['\\d{1,4}', '%Y'],
    [two, '%y'],
    ['\\d{3,4}', '%Y'],
    ['\\d{4}', '%Y'],
    ['(?P<y>0\\d{4})', '%Y'],
    ['(?P<y>00\\d{4})', '%Y'],
  ],
  G: [
    ['(?P<G>AD)', 'AD'],
    ['(?P<G>AD)', 'AD'],
    ['(?P<G>AD)', 'AD'],
    ['(?P<G>Anno Domini)', 'AD'],
  ],
  M: [
    [oneOrTwo, '%m'],
    [two, '%m'],
    [months, '%b'],
    ['[a-z]+', '%B'],
  ],
  L: [
    [oneOrTwo, '%m'],
    [two, '%m'],
    [months, '%b'],
    ['[a-z]+', '%B'],
  ],
  d: [
    [oneOrTwo, '%d'],
    [two, '%d'],
  ],
  D: [
    ['(?P<D>\\d{1,3})', '%j'],
    ['(?P<D>\\d{2,3})', '%j'],
    ['(?P<D>\\d{3})', '%j'],
  ],
  E: [
    ['[a-z]{3}', '%a'],
    ['[a-z]{3}', '%a'],
    ['[a-z]{3}', '%a'],
    ['[a-z]+', '%A'],
  ],
  a: [['[ap]m', '%p']],
  H: [
    [oneOrTwo, '%H'],
    [two, '%H'],
  ],
  k: [
    ['(?P<k>[1-9]|0[1-9]|1\\d|2[0-4])', '%H'],
    ['(?P<k>0[1-9]|1\\d|2[0-4])', '%H'],
  ],
  K: [
    ['(?P<K>0?\\d|1[01])', '%I'],
    ['(?P<K>0\\d|1[01])', '%I'],
  ],
  h: [
    ['(?P<h>0?[1-9]|1[0-2])', '%I'],
    ['(?P<h>0[1-9]|1[0-2])', '%I'],
  ],
  m: [
    [oneOrTwo, '%M'],
    [two, '%M'],
  ],
  s: [
    [oneOrTwo, '%S'],
    [two, '%S'],
  ],
  X: [
    zoneOf(hours, 'Z'),
    zoneOf(plainOffset, 'Z'),
    zoneOf(colonOffset, 'Z'),
    zoneOf(plainOffset, 'Z'),
    zoneOf(colonOffset, 'Z'),
  ],
  x: [zoneOf(hours), zoneOf(plainOffset), zoneOf(colonOffset), zoneOf(plainOffset), zoneOf(colonOffset)],
  Z: [
    zoneOf(plainOffset),
    zoneOf(plainOffset),
    zoneOf(plainOffset),
    zoneOf(`GMT(?:${colonOffset})?`),
    zoneOf(colonOffset, 'Z'),
  ],
  O: [zoneOf('GMT(?:[+-]\\d{1,2}(?::\\d{2})?)?'), undefined, undefined, zoneOf(`GMT(?:${colonOffset})?`)],
  V: [undefined, ['[a-z]{2}[a-z0-9_]*(?:/[a-z0-9_+-]+)*', '%Z']],
  z: [
    ['[a-z]{3,}(?:/[a-z_]+)*', '%Z'],
    ['[a-z]{3,}(?:/[a-z_]+)*', '%Z'],
    ['[a-z]{3,}(?:/[a-z_]+)*', '%Z'],
  ],
}
