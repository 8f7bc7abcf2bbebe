import { quoteLiteral } from '#base/sql-text.ts'
import { parsePattern, unknownLetter, type PatternPart } from '#types/time-pattern.ts'
import { onceEach } from './once-each.ts'

/** Engine text that writes a wall-clock time by a pattern of Java's. @throws AppError 'query.value' */
export function printedTime(wallClock: string, pattern: string): string {
  const parts = parsePattern(pattern).flatMap(present)
  if (!parts.some((part) => 'letter' in part && (part.letter === 'y' || part.letter === 'G'))) {
    return printedParts(wallClock, parts)
  }
  // The engine writes years of four digits alone as Java does.
  const printed = (time: string): string => {
    const isUsual = `${time} >= TIMESTAMP '0001-01-01' AND ${time} < TIMESTAMP '10000-01-01'`
    const other = `native_time_text(epoch_us(CAST(${time} AS TIMESTAMP)), ${quoteLiteral(pattern)})`
    return `(CASE WHEN ${isUsual} THEN ${printedParts(time, parts)} ELSE ${other} END)`
  }
  return ofColumn.test(wallClock) ? printed(wallClock) : onceEach([wallClock], (time = '') => printed(time))
}

/** Computed again sooner than kept. */
const ofColumn = /^timezone\('UTC', [\w."]+\)$/

function printedParts(
  wallClock: string,
  parts: readonly Exclude<PatternPart, { optional: unknown }>[],
): string {
  const pieces: ({ readonly format: string } | { readonly print: (time: string) => string })[] = []
  for (const part of parts) {
    const piece = 'text' in part ? part.text.replaceAll('%', '%%') : pieceOf(part)
    const last = pieces.at(-1)
    if (typeof piece !== 'string') pieces.push({ print: piece })
    else if (last && 'format' in last) pieces.splice(-1, 1, { format: last.format + piece })
    else pieces.push({ format: piece })
  }
  const [only] = pieces
  const textOf = (piece: (typeof pieces)[number], time: string): string =>
    'format' in piece ? `strftime(${time}, ${quoteLiteral(piece.format)})` : piece.print(time)
  if (only && pieces.length === 1 && 'format' in only) return textOf(only, wallClock)
  if (pieces.length === 0) return `(CASE WHEN ${wallClock} IS NOT NULL THEN '' END)`
  return onceEach([wallClock], (time = '') => `(${pieces.map((piece) => textOf(piece, time)).join(' || ')})`)
}

/** What may be absent in reading is always written. */
function present(part: PatternPart): readonly Exclude<PatternPart, { optional: unknown }>[] {
  return 'optional' in part ? part.optional.flatMap(present) : [part]
}

type Piece = string | ((time: string) => string)

const padded = (value: (time: string) => string, count: number): Piece => {
  if (count === 1) return (time) => `CAST(${value(time)} AS VARCHAR)`
  return (time) => `printf('%0${count}d', CAST(${value(time)} AS INTEGER))`
}

/** What `strftime` calls it, or how it is computed. */
function pieceOf(part: { readonly letter: string; readonly count: number }): Piece {
  const { letter, count } = part
  const byCount = known[letter]?.[count - 1]
  if (byCount !== undefined && byCount !== '') return byCount
  switch (letter) {
    case 'y':
      if (count === 4) return '%Y'
      if (count <= 6) return padded((time) => `year(${time})`, count)
      break
    case 'D':
      if (count <= 3) return padded((time) => `dayofyear(${time})`, count)
      break
    case 'k':
      if (count <= 2) return padded((time) => `(hour(${time}) + 23) % 24 + 1`, count)
      break
    case 'K':
      if (count <= 2) return padded((time) => `hour(${time}) % 12`, count)
      break
    case 'F':
      if (count === 1) return padded((time) => `(day(${time}) - 1) % 7 + 1`, count)
      break
    case 'q':
    case 'Q':
      if (count <= 2) return padded((time) => `quarter(${time})`, count)
      if (count === 3) return (time) => `('Q' || quarter(${time}))`
      if (count === 4)
        return (time) => `(['1st', '2nd', '3rd', '4th'][CAST(quarter(${time}) AS INTEGER)] || ' quarter')`
      break
    case 'S':
      if (count < 6) return (time) => `substr(strftime(${time}, '%f'), 1, ${count})`
      if (count <= 9) return `%f${'0'.repeat(count - 6)}`
      break
  }
  throw unknownLetter(part, 'write a time')
}

/** By how often the letter stands. Every time is shown in UTC. */
const known: Readonly<Record<string, readonly string[]>> = {
  y: ['', '%y'],
  M: ['%-m', '%m', '%b', '%B'],
  L: ['%-m', '%m', '%b', '%B'],
  d: ['%-d', '%d'],
  D: ['%-j', '', '%j'],
  E: ['%a', '%a', '%a', '%A'],
  a: ['%p'],
  H: ['%-H', '%H'],
  h: ['%-I', '%I'],
  m: ['%-M', '%M'],
  s: ['%-S', '%S'],
  S: ['', '', '%g', '', '', '%f'],
  G: ['AD', 'AD', 'AD', 'Anno Domini'],
  V: ['', 'UTC'],
  z: ['UTC', 'UTC', 'UTC', 'Coordinated Universal Time'],
  O: ['GMT', '', '', 'GMT'],
  X: ['Z', 'Z', 'Z', 'Z', 'Z'],
  x: ['+00', '+0000', '+00:00', '+0000', '+00:00'],
  Z: ['+0000', '+0000', '+0000', 'GMT', 'Z'],
}
