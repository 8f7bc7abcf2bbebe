import { type InlinedText, positionAt } from './inline-templates.ts'

/**
 * A text whose `'…'` take a backslash for a backslash, as PostgreSQL's do, in the dialect's form: each of them doubled.
 * Undefined: it has none, and is the same in both.
 */
export function standardStrings(text: string): InlinedText | undefined {
  const backslashes = backslashesIn(text)
  if (backslashes.length === 0) return undefined
  let [doubled, read] = ['', 0]
  for (const at of backslashes) {
    doubled += `${text.slice(read, at)}\\`
    read = at
  }
  return {
    text: doubled + text.slice(read),
    placeOf: ({ offset }) => {
      // The one at index i stands i further on, and is two characters.
      const firstBehind = backslashes.findIndex((at, index) => at + index >= offset)
      const added = firstBehind < 0 ? backslashes.length : firstBehind
      return { position: positionAt(text, offset - added), template: undefined }
    },
  }
}

/** Where backslashes stand in plain literals; each character is looked at once, as the text may be long and no SQL. */
function backslashesIn(text: string): number[] {
  if (!text.includes('\\')) return []
  const begin = /--|\/\*|["`']|(?<![\p{L}\p{N}_])[er]'/giu
  const found: number[] = []
  const skip = (pattern: RegExp): void => {
    pattern.lastIndex = begin.lastIndex
    begin.lastIndex = pattern.exec(text) ? pattern.lastIndex : text.length
  }
  for (let start = begin.exec(text); start; start = begin.exec(text)) {
    switch (start[0].toLowerCase()) {
      case '--':
        skip(/\n/g)
        break
      case '/*':
        begin.lastIndex = afterComment(text, begin.lastIndex)
        break
      case "e'":
        begin.lastIndex = afterEscapes(text, begin.lastIndex)
        break
      case "r'":
        skip(/'/g)
        break
      case "'": {
        const from = begin.lastIndex
        skip(/'/g)
        for (let at = from; at < begin.lastIndex; at++) if (text[at] === '\\') found.push(at)
        break
      }
      default:
        skip(start[0] === '"' ? /"/g : /`/g)
    }
  }
  return found
}

/** Comments nest. */
function afterComment(text: string, from: number): number {
  const sign = /\/\*|\*\//g
  sign.lastIndex = from
  let depth = 1
  for (let found = sign.exec(text); found; found = sign.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1
    if (depth === 0) return sign.lastIndex
  }
  return text.length
}

/** Behind a literal with escapes: neither `\'` nor `''` is its end. */
function afterEscapes(text: string, from: number): number {
  const sign = /['\\]/g
  sign.lastIndex = from
  for (let found = sign.exec(text); found; found = sign.exec(text)) {
    if (found[0] === "'" && text[sign.lastIndex] !== "'") return sign.lastIndex
    sign.lastIndex += 1
  }
  return text.length
}
