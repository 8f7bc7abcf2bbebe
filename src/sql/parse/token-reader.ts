import { AppError, type TextPosition } from '#base/errors.ts'
import type { ScannedStatement } from '../compile.ts'
import { tokenText, type Token } from '../scan/token.ts'
import type { Identifier } from './syntax.ts'

/** Deepest nesting of expressions and queries; deeper text is a mistake or an attack on the stack. */
const depthMax = 400

/** Words that end an expression or begin a clause, so that they are not taken for an alias without AS. */
const reserved = new Set(
  `SELECT FROM WHERE GROUP HAVING QUALIFY ORDER LIMIT OFFSET UNION INTERSECT EXCEPT MINUS ON USING JOIN INNER LEFT RIGHT
   FULL CROSS NATURAL SEMI ANTI WINDOW LATERAL AND OR NOT IN IS LIKE ILIKE RLIKE REGEXP BETWEEN CASE WHEN THEN ELSE END AS
   SNAPSHOT DIV DISTINCT EXISTS NULL TRUE FALSE CAST WITH INTO SET ASC DESC NULLS OVER EXCEPTION FOR WITHAPPROXIMATE`.split(
    /\s+/,
  ),
)

/** Of them those that begin nothing where a name must stand: columns are called so. */
const possibleNames = new Set(
  'OFFSET ASC DESC SET OVER NULLS SNAPSHOT EXCEPTION FOR DIV RLIKE REGEXP QUALIFY'.split(' '),
)

/** Reads tokens one after another. Words are matched without case. */
export class TokenReader {
  readonly #tokens: readonly Token[]
  readonly #end: Token
  readonly #statement: ScannedStatement
  #index = 0
  #depth = 0

  constructor(tokens: readonly Token[], statement: ScannedStatement) {
    this.#tokens = tokens
    this.#statement = statement
    const end = tokens.at(-1)
    if (!end) throw new Error('A list of tokens ends with the end token.')
    this.#end = end
  }

  get current(): Token {
    return this.peek(0)
  }

  get at(): TextPosition {
    return this.current.at
  }

  get index(): number {
    return this.#index
  }

  get tokens(): readonly Token[] {
    return this.#tokens
  }

  /** The text from an offset up to the token that comes next. */
  textSince(offset: number): string {
    const { text, start } = this.#statement
    return text.slice(offset - start.offset, this.at.offset - start.offset).trim()
  }

  peek(distance: number): Token {
    return this.#tokens[this.#index + distance] ?? this.#end
  }

  next(): Token {
    const token = this.current
    this.#index++
    return token
  }

  /** Goes back to where `index` was. */
  rewind(index: number): void {
    this.#index = index
  }

  isWord(...words: readonly string[]): boolean {
    return isWordToken(this.current, words)
  }

  /** Whether these words follow one after another. */
  areWords(...words: readonly string[]): boolean {
    return words.every((word, distance) => isWordToken(this.peek(distance), [word]))
  }

  /** Whether these symbols follow one after another. */
  areSymbols(...symbols: readonly string[]): boolean {
    return symbols.every((symbol, distance) => {
      const token = this.peek(distance)
      return token.kind === 'symbol' && token.text === symbol
    })
  }

  isSymbol(...symbols: readonly string[]): boolean {
    const token = this.current
    return token.kind === 'symbol' && symbols.includes(token.text)
  }

  takeWord(...words: readonly string[]): boolean {
    if (!this.isWord(...words)) return false
    this.#index++
    return true
  }

  takeWords(...words: readonly string[]): boolean {
    if (!this.areWords(...words)) return false
    this.#index += words.length
    return true
  }

  takeSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false
    this.#index++
    return true
  }

  expectWord(...words: readonly string[]): void {
    if (!this.takeWord(...words)) throw this.unexpected(words.join(' or '))
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected(symbol)
  }

  expectEnd(): void {
    while (this.takeSymbol(';'));
    if (this.current.kind !== 'end') throw this.unexpected('the end of the statement')
  }

  /** A name: a word that is not reserved, or anything in back-quotes or double quotes. */
  identifier(what: string): Identifier {
    const token = this.current
    if (token.kind === 'quoted' || (token.kind === 'word' && this.#canName(token.upper))) {
      this.#index++
      return { name: token.text, at: token.at }
    }
    throw this.unexpected(what)
  }

  #canName(upper: string): boolean {
    if (upper === 'ORDER' || upper === 'GROUP') return !isWordToken(this.peek(1), ['BY'])
    return !reserved.has(upper) || possibleNames.has(upper)
  }

  /** After a dot every word is a name, reserved ones too, and so is a number. */
  fieldName(): Identifier {
    const token = this.current
    if (token.kind === 'quoted' || token.kind === 'word' || token.kind === 'number') {
      this.#index++
      return { name: token.text, at: token.at }
    }
    throw this.unexpected('the name of a field')
  }

  /** A name if one stands here that can be an alias without AS. */
  optionalAlias(): string | undefined {
    const token = this.current
    if (this.#beginsTarget() || this.areWords('FETCH', 'FIRST') || this.areWords('FETCH', 'NEXT'))
      return undefined
    if (token.kind === 'quoted' || (token.kind === 'word' && !reserved.has(token.upper))) {
      this.#index++
      return token.text
    }
    return undefined
  }

  /** `TO 'path'`, `TO STDOUT` or `TO STDIN`, which ends the query of a COPY. */
  #beginsTarget(): boolean {
    const next = this.peek(1)
    return this.isWord('TO') && (next.kind === 'string' || isWordToken(next, ['STDOUT', 'STDIN']))
  }

  list<T>(item: () => T): T[] {
    const items = [item()]
    while (this.takeSymbol(',')) items.push(item())
    return items
  }

  inParentheses<T>(content: () => T): T {
    this.expectSymbol('(')
    const result = content()
    this.expectSymbol(')')
    return result
  }

  nested<T>(content: () => T): T {
    if (++this.#depth > depthMax) {
      throw new AppError('query.syntax', `The statement is nested more than ${depthMax} levels deep.`, {
        position: this.at,
      })
    }
    try {
      return content()
    } finally {
      this.#depth--
    }
  }

  unexpected(expected: string): AppError {
    return new AppError('query.syntax', `Expected ${expected}, but found ${tokenText(this.current)}.`, {
      position: this.at,
    })
  }
}

function isWordToken(token: Token, words: readonly string[]): boolean {
  return token.kind === 'word' && words.includes(token.upper)
}
