import { AppError, type TextPosition } from '#base/errors.ts'
import { isOfTransaction } from './bare-begin.ts'
import type { Token } from './token.ts'

/** Longest first, so that the first that fits is right. */
const symbols = '<=> !~~* !~~ !~* !~ ~~* ~~ ~* -> == <> != <= >= || :: =>'.split(' ')
const singleSymbols = '()[],.;+-*/%^&|~!<>=:?{}'

/** At most so many characters in one request; the limit of the reference platform. */
const textLengthMax = 1_000_000

const wordStart = /[\p{L}_]/u
const word = /[\p{L}\p{N}_]+/uy
const number = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:BD|bd|[LlDdFfSsYy](?![\p{L}\p{N}_]))?/uy
const blank = /\s+/uy

/**
 * Turns a text into tokens.
 * @throws AppError 'query.syntax' for a quote or comment without end and for characters SQL does not have
 */
export function tokenize(text: string, start: TextPosition = { offset: 0, line: 1, column: 1 }): Token[] {
  if (text.length > textLengthMax) {
    throw new AppError(
      'query.syntax',
      `The request has ${text.length} characters; at most ${textLengthMax} are read.`,
    )
  }
  return [...new Lexer(text, start).tokens()]
}

/** A plain `'…'` with backslashes: where it begins, and where they are. */
export interface LiteralWithBackslashes {
  readonly offset: number
  readonly backslashes: readonly number[]
}

/**
 * Those of a text, up to what is no SQL.
 * @param isStandard a backslash is a backslash in them, not an escape, so that they end elsewhere
 */
export function literalsWithBackslashes(
  text: string,
  { isStandard }: { readonly isStandard: boolean },
): readonly LiteralWithBackslashes[] {
  if (!text.includes('\\') || text.length > textLengthMax) return []
  const lexer = new Lexer(text, { offset: 0, line: 1, column: 1 }, isStandard)
  try {
    for (const token of lexer.tokens()) if (token.kind === 'end') break
  } catch (error) {
    if (!(error instanceof AppError)) throw error // It is told of where the text is read.
  }
  return lexer.literals
}

class Lexer {
  readonly #text: string
  readonly #start: TextPosition
  #offset = 0
  /** Where counting of lines has come to; tokens ask in order, so that each line is counted once. */
  #counted = 0
  #line: number
  #lineStart: number
  #insideBlock = false
  /** Behind a bare BEGIN, to the end of the text: where the block ends only its statements tell. */
  #isBehindBareBegin = false
  #lineHasToken = false
  #isBehindEscape = false
  readonly #isStandard: boolean
  readonly literals: LiteralWithBackslashes[] = []

  constructor(text: string, start: TextPosition, isStandard = false) {
    this.#text = text
    this.#start = start
    this.#isStandard = isStandard
    this.#line = start.line
    this.#lineStart = 1 - start.column
  }

  *tokens(): Generator<Token> {
    let [isFirst, isBehindBegin] = [true, false]
    for (;;) {
      this.#skipBlanksAndComments()
      if (this.#offset >= this.#text.length) break
      const token = this.#next()
      yield token
      this.#lineHasToken = true
      this.#isBehindEscape = token.kind === 'word' && token.upper === 'ESCAPE'
      if (isBehindBegin && isOfTransaction(token)) this.#isBehindBareBegin = false
      isBehindBegin = isFirst && token.kind === 'word' && token.upper === 'BEGIN'
      if (isBehindBegin) this.#isBehindBareBegin = true
      isFirst = token.kind === 'symbol' && token.text === ';'
    }
    yield { kind: 'end', at: this.#position(this.#text.length) }
  }

  #next(): Token {
    const text = this.#text
    const at = this.#position(this.#offset)
    const character = text[this.#offset] ?? ''
    if (character === "'") return { kind: 'string', text: this.#plain(at), at }
    if (/e/i.test(character) && text[this.#offset + 1] === "'") {
      this.#offset++
      return { kind: 'string', text: this.#string(at, unescapeAsPostgres), at }
    }
    if (character === '"' || character === '`') {
      const name = this.#quoted(character, at)
      if (name === '' && character === '`') {
        throw new AppError('query.syntax', 'A name must not be empty.', { position: at })
      }
      // Double quotes hold a name if there is one, else a text: nothing is called ''.
      return name === ''
        ? { kind: 'string', text: name, at }
        : { kind: 'quoted', quote: character, text: name, at }
    }
    if (character === '$') return this.#dollar(at)
    if (character === '@') {
      this.#offset++
      const name = this.#match(word)
      if (!name)
        throw new AppError('query.syntax', 'Expected the name of a variable after @.', { position: at })
      return { kind: 'variable', text: name, at }
    }
    if (/\d/.test(character) || (character === '.' && /\d/.test(text[this.#offset + 1] ?? ''))) {
      if (character !== '.' || !this.#followsValue()) {
        const digits = this.#match(number)
        if (digits) {
          this.#refuseWordBehind(digits, at)
          return { kind: 'number', text: digits, at }
        }
      }
    }
    if (/r/i.test(character) && /['"]/.test(text[this.#offset + 1] ?? '')) {
      return { kind: 'string', text: this.#raw(at), at }
    }
    if (wordStart.test(String.fromCodePoint(text.codePointAt(this.#offset) ?? 0))) {
      const name = this.#match(word) ?? ''
      return { kind: 'word', text: name, upper: name.toUpperCase(), at }
    }
    const symbol = symbols.find((symbol) => text.startsWith(symbol, this.#offset))
    if (symbol) {
      this.#offset += symbol.length
      return { kind: 'symbol', text: symbol, at }
    }
    if (singleSymbols.includes(character)) {
      this.#offset++
      return { kind: 'symbol', text: character, at }
    }
    throw this.#unknown(character, at)
  }

  #unknown(character: string, at: TextPosition): AppError {
    this.#offset++
    const template = character === '#' ? this.#match(word) : undefined
    return template === undefined
      ? new AppError('query.syntax', `SQL has no character ${JSON.stringify(character)} here.`, {
          position: at,
        })
      : new AppError('query.syntax', `There is no template #${template}.`, {
          position: at,
          hint: 'Templates are called as they are named, by letters, digits and _. A comment begins with -- or, inside a block, with # on its own line.',
        })
  }

  /**
   * `0x1F` and `1_000` would be numbers with an alias, which nobody means. Behind a dot a name may begin with digits; `1e'…'`
   * is a number and a text.
   */
  #refuseWordBehind(digits: string, at: TextPosition): void {
    const offset = this.#offset
    if (this.#text[offset - digits.length - 1] === '.') return
    const behind = this.#match(word)
    const isOfText = ["'", '"'].includes(this.#text[this.#offset] ?? '')
    this.#offset = offset
    if (behind === undefined || isOfText) return
    throw new AppError('query.syntax', `${digits}${behind} is no number.`, {
      position: at,
      hint: 'A name that begins with a digit stands in back-quotes.',
    })
  }

  /** Whether a dot here is the dot of a path (`a.1`), not the beginning of a number. */
  #followsValue(): boolean {
    return /[\p{L}\p{N}_\])`"]/u.test(this.#text[this.#offset - 1] ?? '')
  }

  #dollar(at: TextPosition): Token {
    if (this.#text[this.#offset + 1] === '$') {
      this.#offset += 2
      this.#insideBlock = !this.#insideBlock
      return { kind: 'dollars', at }
    }
    this.#offset++
    const name = this.#match(word)
    if (name && /^\d{1,4}$/.test(name) && Number(name) > 0)
      return { kind: 'parameter', index: Number(name), at }
    throw new AppError(
      'query.syntax',
      name ? `The parameter $${name} has no value.` : 'Expected the number or name of a parameter after $.',
      { position: at },
    )
  }

  #plain(at: TextPosition): string {
    const offset = this.#offset
    // `ESCAPE '\'`, as many clients write it: what escapes is one character, so this one is no escape itself.
    if (this.#isBehindEscape && /^'\\'(?!')/.test(this.#text.slice(offset, offset + 4))) {
      this.#offset += 3
      return '\\'
    }
    const backslashes: number[] = []
    const value = this.#string(at, (text, index) => {
      backslashes.push(index - 1)
      return this.#isStandard ? ['\\', 0] : unescape(text, index)
    })
    if (backslashes.length > 0) this.literals.push({ offset, backslashes })
    return value
  }

  /** `''` is a quote, and a backslash an escape: as in Spark, or behind `E` as in PostgreSQL. */
  #string(at: TextPosition, unescaped: typeof unescape): string {
    let value = ''
    for (let index = this.#offset + 1; index < this.#text.length; index++) {
      const character = this.#text[index]
      if (character === "'") {
        if (this.#text[index + 1] !== "'") {
          this.#offset = index + 1
          return value
        }
        value += "'"
        index++
      } else if (character === '\\' && index + 1 < this.#text.length) {
        const [escaped, length] = unescaped(this.#text, index + 1)
        value += escaped
        index += length
      } else {
        value += character
      }
    }
    throw new AppError('query.syntax', "This string has no closing quote (').", { position: at })
  }

  /** `r'…'` and `r"…"`: a backslash is a backslash. */
  #raw(at: TextPosition): string {
    const quote = this.#text[this.#offset + 1] ?? ''
    const end = this.#text.indexOf(quote, this.#offset + 2)
    if (end < 0)
      throw new AppError('query.syntax', `This string has no closing quote (${quote}).`, { position: at })
    const value = this.#text.slice(this.#offset + 2, end)
    this.#offset = end + 1
    return value
  }

  #quoted(quote: string, at: TextPosition): string {
    let value = ''
    for (let index = this.#offset + 1; index < this.#text.length; index++) {
      const character = this.#text[index]
      if (character !== quote) {
        value += character
      } else if (this.#text[index + 1] === quote) {
        value += quote
        index++
      } else {
        this.#offset = index + 1
        return value
      }
    }
    throw new AppError('query.syntax', `This name has no closing quote (${quote}).`, { position: at })
  }

  #skipBlanksAndComments(): void {
    for (;;) {
      const blanks = this.#match(blank)
      if (blanks?.includes('\n')) this.#lineHasToken = false
      if (this.#text.startsWith('--', this.#offset) || this.#isHashComment()) {
        const end = this.#text.indexOf('\n', this.#offset)
        this.#offset = end < 0 ? this.#text.length : end
      } else if (this.#text.startsWith('/*', this.#offset)) {
        this.#skipBlockComment()
      } else if (!blanks) {
        return
      }
    }
  }

  /** Inside a block a line that begins with `#` is a comment. */
  #isHashComment(): boolean {
    const isInside = this.#insideBlock || this.#isBehindBareBegin
    return isInside && !this.#lineHasToken && this.#text[this.#offset] === '#'
  }

  #skipBlockComment(): void {
    const at = this.#position(this.#offset)
    let depth = 0
    for (let index = this.#offset; index < this.#text.length; index++) {
      if (this.#text.startsWith('/*', index)) {
        depth++
        index++
      } else if (this.#text.startsWith('*/', index)) {
        depth--
        index++
        if (depth === 0) {
          this.#offset = index + 1
          return
        }
      }
    }
    throw new AppError('query.syntax', 'This comment has no end (*/).', { position: at })
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset
    const found = pattern.exec(this.#text)?.[0]
    if (found) this.#offset += found.length
    return found
  }

  #position(offset: number): TextPosition {
    for (let index = this.#counted; index < offset; index++) {
      if (this.#text[index] === '\n') {
        this.#line++
        this.#lineStart = index + 1
      }
    }
    this.#counted = Math.max(this.#counted, offset)
    return { offset: this.#start.offset + offset, line: this.#line, column: offset - this.#lineStart + 1 }
  }
}

const sparkCode = /([01][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})/y

/** What stands at `index`, behind a backslash, and how many characters it takes. */
function unescape(text: string, index: number): readonly [string, number] {
  const character = text[index] ?? ''
  const known: Readonly<Record<string, string>> = {
    '0': '\0',
    b: '\b',
    n: '\n',
    r: '\r',
    t: '\t',
    Z: '\u001a',
    // Kept for LIKE, where they take away a wildcard's meaning.
    '%': '\\%',
    _: '\\_',
  }
  sparkCode.lastIndex = index
  const [found, octal, short, long] = sparkCode.exec(text) ?? []
  if (found !== undefined) {
    const code = octal === undefined ? Number.parseInt(short ?? long ?? '', 16) : Number.parseInt(octal, 8)
    if (code <= 0x10ffff)
      return [short === undefined ? String.fromCodePoint(code) : String.fromCharCode(code), found.length]
  }
  return [known[character] ?? character, 1]
}

const postgresEscapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const postgresCode = /([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})/y

/** The same in `E'…'`, in which clients of PostgreSQL put every text that has a backslash. */
function unescapeAsPostgres(text: string, index: number): readonly [string, number] {
  const character = text[index] ?? ''
  postgresCode.lastIndex = index
  const [found, octal, ...hex] = postgresCode.exec(text) ?? []
  if (found === undefined) return [postgresEscapes[character] ?? character, 1]
  const code = octal === undefined ? Number.parseInt(hex.find(Boolean) ?? '', 16) : Number.parseInt(octal, 8)
  return [code > 0x10ffff ? character : String.fromCodePoint(code), found.length]
}
