/** A `#NAME` in a text, and where its `#` stands. */
export interface NameInText {
  readonly name: string
  readonly at: number
}

/**
 * Every `#NAME` outside of comments and quotes; what is not ended ends with the text. Any text may come, also a very long
 * one that is no SQL: each character is looked at once.
 */
export function namesIn(text: string): NameInText[] {
  const begin = /--|\/\*|['"`#]/g
  const names: NameInText[] = []
  for (let found = begin.exec(text); found; found = begin.exec(text)) {
    const at = found.index
    switch (found[0]) {
      case '--':
        begin.lastIndex = after(text, '\n', at)
        break
      case '/*':
        begin.lastIndex = after(text, '*/', at + 2)
        break
      case "'":
        begin.lastIndex = isEscape(text, at) ? at + 3 : afterLiteral(text, at + 1)
        break
      case '#': {
        const name = nameAt(text, at + 1)
        if (name !== '') names.push({ name, at })
        begin.lastIndex = at + 1 + name.length
        break
      }
      default:
        begin.lastIndex = after(text, found[0], at + 1)
    }
  }
  return names
}

function after(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from)
  return at < 0 ? text.length : at + end.length
}

/** `ESCAPE '\'`: behind that word a backslash alone is no escape. */
function isEscape(text: string, at: number): boolean {
  return (
    /^'\\'(?!')/.test(text.slice(at, at + 4)) &&
    /\bescape\s{0,20}$/i.test(text.slice(Math.max(0, at - 30), at))
  )
}

/** A backslash takes the next sign as it is. */
function afterLiteral(text: string, from: number): number {
  const sign = /['\\]/g
  sign.lastIndex = from
  for (let found = sign.exec(text); found; found = sign.exec(text)) {
    if (found[0] === "'") return sign.lastIndex
    sign.lastIndex += 1
  }
  return text.length
}

function nameAt(text: string, from: number): string {
  const name = /[\p{L}_][\p{L}\p{N}_]*/uy
  name.lastIndex = from
  return name.exec(text)?.[0] ?? ''
}
