import { AppError } from '#base/errors.ts'

/** A part of a pattern of Java's DateTimeFormatter: a letter and how often it stands, or text. */
export type PatternPart =
  | { readonly letter: string; readonly count: number }
  | { readonly text: string }
  /** `[`: what follows up to `]` may be absent when reading. */
  | { readonly optional: readonly PatternPart[] }

/**
 * @see https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html
 * @throws AppError 'query.value' where the pattern is none
 */
export function parsePattern(pattern: string): readonly PatternPart[] {
  const stack: PatternPart[][] = [[]]
  for (const [token] of pattern.matchAll(/'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z]|'/gs)) {
    const parts = stack.at(-1) ?? []
    if (token === '[') {
      stack.push([])
    } else if (token === ']') {
      if (stack.length === 1) throw wrong(pattern, 'a ] has no [ before it')
      stack.pop()
      stack.at(-1)?.push({ optional: parts })
    } else if (token === "'") {
      throw wrong(pattern, 'a quoted text does not end')
    } else if (token.startsWith("'")) {
      parts.push({ text: token === "''" ? "'" : token.slice(1, -1).replaceAll("''", "'") })
    } else if (/^[A-Za-z]/.test(token)) {
      parts.push({ letter: token.charAt(0), count: token.length })
    } else {
      parts.push({ text: token })
    }
  }
  // A [ that nothing ends goes on to the end of the pattern.
  return stack.reduceRight((inner, outer) => [...outer, { optional: inner }])
}

export function unknownLetter({ letter, count }: { letter: string; count: number }, use: string): AppError {
  return new AppError('query.value', `${letter.repeat(count)} cannot be used in a pattern to ${use}.`, {
    hint: "Put text into single quotes, doubled inside a literal: 'yyyy''T''HH'.",
  })
}

function wrong(pattern: string, why: string): AppError {
  return new AppError('query.value', `${JSON.stringify(pattern)} is no pattern of dates: ${why}.`)
}
