import { stringOf } from './build.ts'
import type { BoundExpression } from './bound.ts'

/**
 * A pattern of PostgreSQL (`text ~ pattern`) as one of Java: a dot is any character there, also the end of a line, and case
 * is ignored of all letters. In constants the classes and words that only POSIX has are translated as well.
 * @see https://www.postgresql.org/docs/16/functions-matching.html#FUNCTIONS-POSIX-REGEXP
 */
export function javaPattern(
  pattern: BoundExpression,
  {
    hasCase,
    call,
  }: {
    readonly hasCase: boolean
    readonly call: (name: string, ...values: readonly BoundExpression[]) => BoundExpression
  },
): BoundExpression {
  const flags = hasCase ? '(?s)' : '(?isu)'
  return pattern.kind === 'literal' && typeof pattern.value === 'string'
    ? stringOf(flags + translated(pattern.value))
    : call('||', stringOf(flags), pattern)
}

const classes: Readonly<Record<string, string>> = {
  alnum: '\\p{L}\\p{N}',
  alpha: '\\p{L}',
  blank: ' \\t',
  cntrl: '\\p{Cc}',
  digit: '\\d',
  lower: '\\p{Ll}',
  punct: '\\p{P}\\p{S}',
  space: '\\s',
  upper: '\\p{Lu}',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
}

const escapes: Readonly<Record<string, string>> = {
  y: '\\b',
  Y: '\\B',
  m: '\\b(?=\\w)',
  M: '\\b(?<=\\w)',
  Z: '\\z',
}

function translated(pattern: string): string {
  return pattern.replaceAll(/\\(.)|\[:(\w+):\]/gs, (all, escaped?: string, name?: string) => {
    if (name !== undefined) return classes[name] ?? all
    return escapes[escaped ?? ''] ?? all
  })
}
