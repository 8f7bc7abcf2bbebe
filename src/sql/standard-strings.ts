import { type InlinedText, positionAt } from './inline-templates.ts'
import { literalsWithBackslashes } from './scan/lexer.ts'

/**
 * A text whose `'…'` take a backslash for a backslash, as PostgreSQL's do, in the dialect's form: each of them doubled.
 * Undefined: it has none, and is the same in both.
 */
export function standardStrings(text: string): InlinedText | undefined {
  const backslashes = literalsWithBackslashes(text, { isStandard: true }).flatMap(
    ({ backslashes }) => backslashes,
  )
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

/** What stands in PostgreSQL's words for a text whose `'…'` take a backslash for an escape: `E` in front of each that has one. */
export interface EscapedText {
  readonly text: string
  /** Where what stands at an offset stood. */
  readonly offsetOf: (offset: number) => number
}

/** Undefined: no literal has a backslash, and the text is the same in both. */
export function postgresStrings(text: string): EscapedText | undefined {
  const begins = literalsWithBackslashes(text, { isStandard: false }).map(({ offset }) => offset)
  if (begins.length === 0) return undefined
  let [escaped, read] = ['', 0]
  for (const at of begins) {
    escaped += `${text.slice(read, at)}E`
    read = at
  }
  return {
    text: escaped + text.slice(read),
    offsetOf: (offset) => offset - begins.filter((at, index) => at + index < offset).length,
  }
}
