import { shownValue } from '#base/shown-text.ts'
import { isRawNumber, parseJson } from './raw-json.ts'

const [quote, colon, backslash] = [0x22, 0x3a, 0x5c] as const

/** JSON in which no object has a key twice: its first value would be lost without a word. @throws SyntaxError */
export function parseStrictJson(text: string): unknown {
  const value = parseJson(text)
  // Each key stands before a colon. Where there are more, a key came twice, or a text has a quote before a colon.
  const twice = colonCount(text) === keyCount(value) ? undefined : keyTwice(text)
  if (twice !== undefined) throw new SyntaxError(`An object has the key ${shownValue(twice)} twice`)
  return value
}

function keyCount(value: unknown): number {
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') count += keyCount(item)
    return count
  }
  // What JSON is parsed as has its own keys alone, and this is done for each record: a list of them takes far longer.
  for (const key in value) {
    const item = (value as Readonly<Record<string, unknown>>)[key]
    count += typeof item === 'object' ? 1 + keyCount(item) : 1
  }
  return count
}

function colonCount(text: string): number {
  let count = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    let before = at - 1
    while (isSpace(text.charCodeAt(before))) before -= 1
    if (text.charCodeAt(before) === quote) count += 1
  }
  return count
}

/** Nothing else is done while a record is read, and each key takes longer than the one before: half a million took seconds. */
const keysMax = 100_000
/** Shorter ones cannot have as many. */
const keysLengthMin = 3 * keysMax
export const tooManyKeys = `it has more than ${keysMax} keys`

/** Whether a record has more keys than are read. */
export function hasTooManyKeys(text: string): boolean {
  return text.length > keysLengthMin && hasKeysBeyond(text, keysMax)
}

/** Whether a text has more keys than that, those left out that end in a backslash. */
function hasKeysBeyond(text: string, countMax: number): boolean {
  let count = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    let before = at - 1
    while (isSpace(text.charCodeAt(before))) before -= 1
    // JSON inside of a text has quotes before its colons, too.
    if (text.charCodeAt(before) === quote && text.charCodeAt(before - 1) !== backslash) count += 1
    if (count > countMax) return true
  }
  return false
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** In a text that is JSON. */
function keyTwice(text: string): string | undefined {
  const open: Set<string>[] = []
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 0x7b || code === 0x5b) open.push(new Set())
    else if (code === 0x7d || code === 0x5d) open.pop()
    else if (code === quote) {
      const start = at
      at = closingQuote(text, at + 1)
      let next = at + 1
      while (isSpace(text.charCodeAt(next))) next += 1
      if (text.charCodeAt(next) !== colon) continue
      const key = JSON.parse(text.slice(start, at + 1)) as string
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
  }
  return undefined
}

/** Of the text that begins at `from`, behind its quote; −1: it does not end. */
export function closingQuote(text: string, from: number): number {
  for (let at = from; ;) {
    const end = text.indexOf('"', at)
    if (end === -1) return -1
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === 0x5c) escapes += 1
    if (escapes % 2 === 0) return end
    at = end + 1
  }
}
