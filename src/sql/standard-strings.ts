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
  const doubled = withInserted(text, '\\', backslashes)
  return {
    text: doubled.text,
    placeOf: ({ offset }) => ({ position: positionAt(text, doubled.offsetOf(offset)), template: undefined }),
  }
}

/**
 * What stands in PostgreSQL's words for a text whose `'…'` take a backslash for an escape: `E` in front of each that has one.
 * Undefined: it has none, and is the same in both.
 */
export function postgresStrings(text: string): ChangedText | undefined {
  const begins = literalsWithBackslashes(text, { isStandard: false }).map(({ offset }) => offset)
  return begins.length === 0 ? undefined : withInserted(text, 'E', begins)
}

export interface ChangedText {
  readonly text: string
  /** Where what stands at an offset stood. */
  readonly offsetOf: (offset: number) => number
}

/** A sign of one character in front of what is at each place. */
function withInserted(text: string, sign: string, places: readonly number[]): ChangedText {
  let [changed, read] = ['', 0]
  for (const at of places) {
    changed += `${text.slice(read, at)}${sign}`
    read = at
  }
  return {
    text: changed + text.slice(read),
    // The sign for the place at index i stands i further on.
    offsetOf: (offset) => {
      const firstBehind = places.findIndex((at, index) => at + index >= offset)
      return offset - (firstBehind < 0 ? places.length : firstBehind)
    },
  }
}
