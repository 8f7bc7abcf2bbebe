import { remembering } from '../native.ts'
import {
  characterClass,
  escapedCharacters,
  inBothCases,
  lineEnds,
  literal,
  type Signs,
} from './java-class.ts'

export interface JavaPattern {
  /** Finds one match after the other. */
  readonly expression: RegExp
  /** The group of the expression that is the pattern's group of that number. */
  readonly groups: readonly number[]
}

/** Text of the expression, or a place whose number is known when all groups are. */
type Piece =
  | string
  | { readonly open: 'group' | 'atomic'; readonly id: number }
  | { readonly back: 'group' | 'atomic'; readonly id: number }

interface Flags {
  readonly i: boolean
  readonly m: boolean
  readonly s: boolean
  readonly x: boolean
}

const ends = '[\\n\\r\\x85\\u2028\\u2029]'
const begin = '(?<![^])'
const end = '(?![^])'
const lastEnd = `(?<!\\r(?=\\n))(?=(?:\\r\\n|${ends})?${end})`
const places: Readonly<Record<string, string>> = {
  b: '\\b',
  B: '\\B',
  A: begin,
  z: end,
  Z: lastEnd,
  R: `(?:\\r\\n|[${lineEnds}])`,
}

/**
 * A regular expression of Java's as JavaScript has it, with the same matches: look-around, back references, atomic groups
 * and possessive quantifiers, classes within classes, flags. Case is ignored among the letters of US-ASCII.
 * @see https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/regex/Pattern.html
 * @throws Error for what is no pattern
 */
export const javaPattern = remembering((pattern: string): JavaPattern => {
  const pieces = new Reader(pattern).read()
  const groups = [0]
  const atomic: number[] = []
  let count = 0
  for (const piece of pieces) {
    if (typeof piece === 'string' || 'back' in piece) continue
    count += 1
    if (piece.open === 'group') groups[piece.id] = count
    else atomic[piece.id] = count
  }
  const text = pieces.map((piece) => {
    if (typeof piece === 'string') return piece
    if ('open' in piece) return '('
    const number = piece.back === 'group' ? groups[piece.id] : atomic[piece.id]
    if (number === undefined) throw new Error(`The pattern has no group ${piece.id}.`)
    return `(?:\\${number})`
  })
  return { expression: new RegExp(text.join(''), 'gv'), groups }
})

class Reader {
  readonly #signs: Signs
  readonly #pieces: Piece[] = []
  readonly #names: string[] = []
  #at = 0
  #groupCount = 0
  #atomicCount = 0
  #flags: Flags = { i: false, m: false, s: false, x: false }

  constructor(pattern: string) {
    this.#signs = Array.from(pattern)
  }

  read(): readonly Piece[] {
    this.#alternatives()
    if (this.#at < this.#signs.length) throw new Error('A ) of a pattern has no (.')
    return this.#pieces
  }

  /** Up to the end, or the `)` of the group around. */
  #alternatives(): void {
    while (this.#at < this.#signs.length && this.#signs[this.#at] !== ')') {
      const from = this.#pieces.length
      if (this.#atom()) this.#quantifier(from)
    }
  }

  /** False where nothing was read that can be repeated. */
  #atom(): boolean {
    const sign = this.#signs[this.#at] ?? ''
    if (this.#flags.x && /[\s#]/.test(sign)) return this.#comment()
    switch (sign) {
      case '(':
        return this.#group()
      case '[': {
        const { text, next } = characterClass(this.#signs, this.#at, this.#flags.i)
        return this.#take(text, next - this.#at)
      }
      case '.':
        return this.#take(this.#flags.s ? '[^]' : '[^\\n\\r\\x85\\u2028\\u2029]')
      case '^':
        return this.#take(
          this.#flags.m ? `(?:${begin}|(?<=[\\n\\x85\\u2028\\u2029]|\\r(?!\\n))(?=[^]))` : begin,
        )
      case '$':
        return this.#take(this.#flags.m ? `(?:(?<!\\r(?=\\n))(?=${ends})|${end})` : lastEnd)
      case '|':
        this.#take('|')
        return false
      case '*':
      case '+':
      case '?':
      case '{':
        throw new Error(`${sign} of a pattern has nothing before it to repeat.`)
      case '\\':
        return this.#escape()
      default:
        return this.#literal(sign)
    }
  }

  #take(text: string, length = 1): true {
    this.#pieces.push(text)
    this.#at += length
    return true
  }

  #literal(sign: string): true {
    const both = inBothCases(sign)
    return this.#take(this.#flags.i && both.length === 2 ? `[${both}]` : literal(sign))
  }

  #comment(): false {
    if (this.#signs[this.#at] !== '#') this.#at += 1
    else while (this.#at < this.#signs.length && this.#signs[this.#at] !== '\n') this.#at += 1
    return false
  }

  #escape(): boolean {
    const letter = this.#signs[this.#at + 1] ?? ''
    const rest = this.#signs.slice(this.#at + 1).join('')
    if (letter === 'Q') {
      const quoted = rest.slice(1).split('\\E')[0] ?? ''
      const signs = Array.from(quoted)
      for (const sign of signs.slice(0, -1)) this.#pieces.push(literal(sign))
      const last = signs.at(-1)
      this.#at += 2 + signs.length + (rest.slice(1 + quoted.length) === '' ? 0 : 2)
      if (last !== undefined) this.#pieces.push(literal(last))
      return last !== undefined
    }
    const place = places[letter]
    if (place !== undefined) return this.#take(place, 2)
    if (/[1-9]/.test(letter)) return this.#back(rest)
    const [named, name] = /^k<([a-zA-Z][a-zA-Z0-9]*)>/.exec(rest) ?? []
    if (named !== undefined) {
      this.#pieces.push({ back: 'group', id: this.#names.indexOf(name ?? '') })
      this.#at += 1 + named.length
      return true
    }
    const characters = escapedCharacters(this.#signs, this.#at)
    if (!characters) throw new Error(`\\${letter} has no meaning in a pattern.`)
    const { text, next } = characters
    return this.#take(/^(?:[a-zA-Z0-9]|\\u\{[0-9a-f]+\})$/.test(text) ? text : `[${text}]`, next - this.#at)
  }

  /** More digits belong to the number while there are as many groups. */
  #back(rest: string): true {
    let digits = rest.charAt(0)
    while (
      /^\d$/.test(rest.charAt(digits.length)) &&
      Number(digits + rest.charAt(digits.length)) <= this.#groupCount
    )
      digits += rest.charAt(digits.length)
    this.#pieces.push({ back: 'group', id: Number(digits) })
    this.#at += 1 + digits.length
    return true
  }

  #group(): boolean {
    const rest = this.#signs.slice(this.#at, this.#at + 80).join('')
    const [flagged, on = '', off = '', closing] = /^\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])/.exec(rest) ?? []
    const before = this.#flags
    if (flagged !== undefined) {
      this.#at += flagged.length
      this.#flags = { ...before, ...flagsOf(on, true), ...flagsOf(off, false) }
      if (closing === ')') return false
      return this.#inside('(?:', before)
    }
    const [kind = '(', name] = /^\((?:\?(?:[=!>]|<[=!]|<([a-zA-Z][a-zA-Z0-9]*)>))?/.exec(rest) ?? []
    this.#at += kind.length
    if (kind === '(?>') return this.#atomicGroup(before)
    if (kind !== '(' && name === undefined) return this.#inside(kind, before)
    if (rest.startsWith('(?') && name === undefined) throw new Error('(? of a pattern has no meaning.')
    this.#groupCount += 1
    if (name !== undefined) this.#names[this.#groupCount] = name
    return this.#inside({ open: 'group', id: this.#groupCount }, before)
  }

  #inside(open: Piece, before: Flags): true {
    this.#pieces.push(open)
    this.#alternatives()
    if (this.#signs[this.#at] !== ')') throw new Error('A ( of a pattern has no ).')
    this.#flags = before
    return this.#take(')')
  }

  /** What was found ahead is taken as it is: nothing goes back into it. */
  #atomicGroup(before: Flags): true {
    const id = (this.#atomicCount += 1)
    this.#pieces.push('(?:(?=')
    this.#inside({ open: 'atomic', id }, before)
    this.#pieces.push(')', { back: 'atomic', id }, ')')
    return true
  }

  #quantifier(from: number): void {
    const rest = this.#signs.slice(this.#at, this.#at + 30).join('')
    const [all, quantifier = '', mode] = /^([*+?]|\{\d+(?:,\d*)?\})([?+]?)/.exec(rest) ?? []
    if (all === undefined) return
    this.#at += all.length
    const atom = this.#pieces.splice(from)
    // What is no character may not be repeated as it is.
    const repeated: readonly Piece[] = ['(?:', ...atom, ')', quantifier]
    if (mode !== '+') {
      this.#pieces.push(...repeated, mode ?? '')
      return
    }
    const id = (this.#atomicCount += 1)
    this.#pieces.push('(?:(?=', { open: 'atomic', id }, ...repeated, '))', { back: 'atomic', id }, ')')
  }
}

function flagsOf(letters: string, value: boolean): Partial<Flags> {
  const unknown = letters.replaceAll(/[imsxdu]/g, '')
  if (unknown !== '') throw new Error(`The flag ${unknown} of a pattern is not known.`)
  return Object.fromEntries(
    Array.from(letters).flatMap((letter) => ('imsx'.includes(letter) ? [[letter, value]] : [])),
  )
}
