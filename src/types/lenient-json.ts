/**
 * The first value of a text as JSON that every reader takes; undefined where there is none. Spark passes over what follows
 * the value, and takes single quotes and NaN; flags allow more: `u` names without quotes, `c` comments, `z` zeros before a
 * number, `b` a backslash before any sign, `k` control characters. With `d` NaN and the like become some number with a
 * point, else texts.
 */
export function lenientJson(text: string, flags: string): string | undefined {
  try {
    return new Reader(text, flags).value()
  } catch (error) {
    if (error instanceof NoJson) return undefined
    throw error
  }
}

class NoJson extends Error {}

const depthMax = 1000

class Reader {
  readonly #text: string
  readonly #flags: string
  #at = 0
  #depth = 0

  constructor(text: string, flags: string) {
    this.#text = text
    this.#flags = flags
  }

  value(): string {
    this.#space()
    const sign = this.#text.charAt(this.#at)
    if (sign === '{') return this.#inside('}', () => `${this.#name()}:${this.value()}`)
    if (sign === '[') return this.#inside(']', () => this.value())
    if (sign === '"' || sign === "'") return this.#string(sign)
    return this.#word()
  }

  #inside(end: string, item: () => string): string {
    if (++this.#depth > depthMax) throw new NoJson()
    const open = this.#text.charAt(this.#at)
    this.#at += 1
    const items: string[] = []
    for (;;) {
      this.#space()
      if (items.length === 0 && this.#takes(end)) break
      items.push(item())
      this.#space()
      if (this.#takes(end)) break
      if (!this.#takes(',')) throw new NoJson()
    }
    this.#depth -= 1
    return `${open}${items.join(',')}${end}`
  }

  #name(): string {
    const sign = this.#text.charAt(this.#at)
    let name: string
    if (sign === '"' || sign === "'") name = this.#string(sign)
    else {
      if (!this.#flags.includes('u')) throw new NoJson()
      const bare = this.#match(/[\p{L}\p{N}_$@#*+-]+/uy)
      if (bare === undefined) throw new NoJson()
      name = JSON.stringify(bare)
    }
    this.#space()
    if (!this.#takes(':')) throw new NoJson()
    return name
  }

  #string(quote: string): string {
    let text = ''
    for (this.#at += 1; ; this.#at += 1) {
      const sign = this.#text.charAt(this.#at)
      if (sign === '') throw new NoJson()
      if (sign === quote) break
      if (sign === '\\') text += this.#escaped()
      else if (sign < ' ' && !this.#flags.includes('k')) throw new NoJson()
      else text += sign
    }
    this.#at += 1
    return JSON.stringify(text)
  }

  #escaped(): string {
    this.#at += 1
    const sign = this.#text.charAt(this.#at)
    if (sign === 'u') {
      const digits = this.#text.slice(this.#at + 1, this.#at + 5)
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new NoJson()
      this.#at += 4
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    const place = 'bfnrt'.indexOf(sign)
    if (place >= 0 && sign !== '') return '\b\f\n\r\t'.charAt(place)
    if (sign === '' || !(`"\\/'`.includes(sign) || this.#flags.includes('b'))) throw new NoJson()
    return sign
  }

  /** A number, true, false, null, or what is no number; that is written as a text. */
  #word(): string {
    const word = this.#match(/[-+\w.]+/y) ?? ''
    if (/^(?:true|false|null)$/.test(word)) return word
    if (/^(?:NaN|[-+]?INF|[-+]?Infinity)$/.test(word)) {
      return this.#flags.includes('d') ? '0.5' : JSON.stringify(word)
    }
    const number = this.#flags.includes('z') ? word.replace(/^(-?)0+(?=\d)/, '$1') : word
    if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(number)) throw new NoJson()
    return number
  }

  #space(): void {
    this.#match(this.#flags.includes('c') ? /(?:[ \t\n\r]|\/\*.*?\*\/|\/\/[^\n]*)*/sy : /[ \t\n\r]*/y)
  }

  #takes(sign: string): boolean {
    if (this.#text.charAt(this.#at) !== sign) return false
    this.#at += 1
    return true
  }

  #match(expression: RegExp): string | undefined {
    expression.lastIndex = this.#at
    const [found] = expression.exec(this.#text) ?? []
    this.#at += found?.length ?? 0
    return found
  }
}
