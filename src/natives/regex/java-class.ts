/** Characters as a class of JavaScript's `v` mode has them, without brackets. */
export interface Characters {
  readonly text: string
  readonly next: number
}

/** The places a pattern is read at, character by character. */
export type Signs = readonly string[]

export const lineEnds = '\\n\\x0B\\f\\r\\x85\\u2028\\u2029'

/** A backslash and these letters stand for characters, inside a class and outside. */
const named: Readonly<Record<string, string>> = {
  d: '0-9',
  w: 'a-zA-Z_0-9',
  s: '\\x20\\t\\n\\x0B\\f\\r',
  h: '\\x20\\t\\xA0\\u1680\\u180E\\u2000-\\u200A\\u202F\\u205F\\u3000',
  v: lineEnds,
}

const single: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', a: '\x07', e: '\x1B' }

/** Of US-ASCII, unless their name begins with `Is` or `java`. */
const properties: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\x00-\\x7F',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  Punct: '\\x21-\\x2F\\x3A-\\x40\\x5B-\\x60\\x7B-\\x7E',
  Graph: '\\x21-\\x7E',
  Print: '\\x20-\\x7E',
  Blank: '\\x20\\t',
  Cntrl: '\\x00-\\x1F\\x7F',
  XDigit: '0-9a-fA-F',
  Space: '\\x20\\t\\n\\x0B\\f\\r',
  javaLowerCase: '\\p{Lowercase}',
  javaUpperCase: '\\p{Uppercase}',
  javaWhitespace: '\\p{White_Space}',
  javaLetter: '\\p{L}',
  javaDigit: '\\p{Nd}',
  IsPunctuation: '\\p{P}',
  IsDigit: '\\p{Nd}',
}

/** What a backslash with the sign behind it means as characters; undefined where it means something else. */
export function escapedCharacters(signs: Signs, at: number): Characters | undefined {
  const letter = signs[at + 1]
  if (letter === undefined) throw new Error('A pattern ends with a backslash.')
  const lower = letter.toLowerCase()
  const known = named[lower]
  if (known !== undefined) return { text: letter === lower ? known : `[^${known}]`, next: at + 2 }
  if (lower === 'p') return property(signs, at + 2, letter === 'P')
  const plain = single[letter]
  if (plain !== undefined) return { text: literal(plain), next: at + 2 }
  const rest = signs.slice(at + 1, at + 12).join('')
  const [all, wide, short, unicode, octal] =
    /^(?:x\{([0-9a-fA-F]+)\}|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|0([0-3]?[0-7]{1,2}))/.exec(rest) ?? []
  if (all !== undefined) {
    const code =
      octal === undefined ? Number.parseInt(wide ?? short ?? unicode ?? '', 16) : Number.parseInt(octal, 8)
    return { text: literal(String.fromCodePoint(code)), next: at + 1 + all.length }
  }
  if (letter === 'c') {
    const code = (signs[at + 2]?.codePointAt(0) ?? 0) ^ 64
    return { text: literal(String.fromCodePoint(code)), next: at + 3 }
  }
  return /[a-zA-Z1-9]/.test(letter) ? undefined : { text: literal(letter), next: at + 2 }
}

function property(signs: Signs, at: number, isNot: boolean): Characters {
  const isLong = signs[at] === '{'
  const end = isLong ? signs.indexOf('}', at) : at
  const name = isLong ? signs.slice(at + 1, end).join('') : (signs[at] ?? '')
  const text = properties[name] ?? `\\p{${unicodeName(name)}}`
  return { text: isNot ? `[^${text}]` : text, next: end + 1 }
}

/** `IsLatin`, `script=Latin`, `IsLu`, `general_category=Lu`, `IsAlphabetic`. */
function unicodeName(name: string): string {
  const [kind, value] = name.split('=')
  if (value !== undefined) return /^(?:sc|script)$/i.test(kind ?? '') ? `Script=${value}` : value
  const bare = name.replace(/^Is/, '')
  if (/^[A-Z][a-z]?$|^(?:Alphabetic|Lowercase|Uppercase|White_Space|Ideographic|Emoji)$/.test(bare))
    return bare
  return name === bare ? bare : `Script=${bare}`
}

/** A sign that means itself in any place. */
export function literal(sign: string): string {
  return /^[a-zA-Z0-9]$/.test(sign) ? sign : `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`
}

/** Letters of US-ASCII in both cases. */
export function inBothCases(sign: string): string {
  return /^[a-zA-Z]$/.test(sign) ? sign.toLowerCase() + sign.toUpperCase() : literal(sign)
}

/** `[…]` from its bracket on. */
export function characterClass(signs: Signs, at: number, ignoresCase: boolean): Characters {
  const isNot = signs[at + 1] === '^'
  let place = at + (isNot ? 2 : 1)
  const sides: string[] = ['']
  const add = (text: string): void => void sides.push((sides.pop() ?? '') + text)
  for (let isFirst = true; ; isFirst = false) {
    const sign = signs[place]
    if (sign === undefined) throw new Error('A [ of a pattern has no ].')
    if (sign === ']' && !isFirst) break
    if (sign === '[') {
      const inner = characterClass(signs, place, ignoresCase)
      add(inner.text)
      place = inner.next
    } else if (sign === '&' && signs[place + 1] === '&') {
      sides.push('')
      place += 2
    } else {
      const range = member(signs, place, ignoresCase)
      add(range.text)
      place = range.next
    }
  }
  const given = sides.filter((side) => side !== '')
  const text = given.length === 1 ? (given[0] ?? '') : given.map((side) => `[${side}]`).join('&&')
  return { text: isNot ? `[^${given.length > 1 ? `[${text}]` : text}]` : `[${text}]`, next: place + 1 }
}

/** A character, a range of them, or a set that a letter names. */
function member(signs: Signs, at: number, ignoresCase: boolean): Characters {
  const first = character(signs, at)
  const isRange = signs[first.next] === '-' && signs[first.next + 1] !== ']' && signs[first.next + 1] !== '['
  if (!isRange || first.code === undefined) {
    const both =
      first.code !== undefined && ignoresCase ? inBothCases(String.fromCodePoint(first.code)) : first.text
    return { text: both, next: first.next }
  }
  const last = character(signs, first.next + 1)
  if (last.code === undefined) throw new Error('A range in a pattern has no end.')
  const text = `${first.text}-${last.text}`
  if (!ignoresCase) return { text, next: last.next }
  const others = ['az', 'AZ'].flatMap(([from = '', to = '']) => {
    const [low, high] = [
      Math.max(first.code ?? 0, from.charCodeAt(0)),
      Math.min(last.code ?? 0, to.charCodeAt(0)),
    ]
    const other = from === 'a' ? -32 : 32
    return low > high ? [] : [`${String.fromCharCode(low + other)}-${String.fromCharCode(high + other)}`]
  })
  return { text: text + others.join(''), next: last.next }
}

function character(signs: Signs, at: number): Characters & { readonly code: number | undefined } {
  const sign = signs[at] ?? ''
  if (sign !== '\\') return { text: literal(sign), next: at + 1, code: sign.codePointAt(0) }
  const escaped = escapedCharacters(signs, at)
  if (!escaped) throw new Error(`\\${signs[at + 1]} has no meaning inside [ ] of a pattern.`)
  const [, digits, plain] = /^(?:\\u\{([0-9a-f]+)\}|([a-zA-Z0-9]))$/.exec(escaped.text) ?? []
  const code = digits === undefined ? plain?.codePointAt(0) : Number.parseInt(digits, 16)
  return { ...escaped, code }
}
