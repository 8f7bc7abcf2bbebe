/**
 * Java's regular expressions as RE2 has them, of those that `isEngines` lets pass.
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function enginePattern(pattern: string): string {
  let isInClass = false
  const isDotAll = /\(\?[a-z]*s/.test(pattern)
  return pattern.replaceAll(
    /\\Q.*?(?:\\E|$)|\\u([\da-fA-F]{4})|\\0([0-3]?[0-7]{1,2})|\\c([@-_])|\\(.)|\(\?<(?![=!])|\(\?([imsu]+)|[.[\]]/gs,
    (all, code?: string, octal?: string, control?: string, escaped?: string, flags?: string) => {
      if (all === '[' || all === ']') {
        isInClass = all === '['
        return all
      }
      if (all === '.') return isInClass || isDotAll ? all : anyInLine
      if (all.startsWith('\\Q')) return all
      if (code !== undefined) return `\\x{${code}}`
      if (octal !== undefined) return `\\x{${Number.parseInt(octal, 8).toString(16)}}`
      if (control !== undefined) return `\\x{${(control.charCodeAt(0) ^ 64).toString(16)}}`
      if (escaped !== undefined) return escapes[escaped] ?? all
      if (isInClass) return all
      // Where it ignores the case RE2 does so of all letters.
      return flags === undefined ? '(?P<' : `(?${flags.replace('u', '')}`
    },
  )
}

/** Java's lines end in more ways than RE2's. */
const anyInLine = '[^\\n\\r\\x{85}\\x{2028}\\x{2029}]'

const escapes: Readonly<Record<string, string>> = {
  h: '[ \\t\\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}]',
  R: '(?:\\r\\n|[\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}])',
  Z: '\\n?\\z',
  e: '\\x1B',
}

/** `$1` and `${1}` name groups, a backslash takes the next sign as it is. RE2 has `\1`. */
export function engineReplacement(replacement: string): string {
  return replacement.replaceAll(/\\(.)|\$(\d)|\\/gs, (all, escaped?: string, group?: string) => {
    if (group !== undefined) return `\\${group}`
    return escaped === '\\' || escaped === undefined ? '\\\\' : escaped
  })
}

/**
 * Whether RE2 has all that a pattern asks for: not look-around, back references, atomic groups, possessive quantifiers,
 * classes within classes, and properties but the general categories of Unicode.
 */
export function isEngines(pattern: string): boolean {
  const plain = pattern.replaceAll('\\\\', '')
  const ignoresCase = /\(\?[ms]*i(?![msi]*u)/.test(plain)
  // Of its own Java ignores the case of US-ASCII only.
  if (ignoresCase && (/\P{ASCII}/u.test(plain) || /\\[xu0pP]/.test(plain))) return false
  return !/\\[1-9kGXN]|\\[pP](?![LMNPSZC]|\{[LMNPSZC][a-z]?\})|\(\?(?:[=!>]|<[=!]|[imsu]*[dxU]|u\)|u:)|[*+?}]\+|&&|(?<!\\)\[[^\]]*(?<!\\)\[|\{\d{4}/.test(
    plain,
  )
}

/** How many groups a pattern has that are numbered. Each sign is looked at once: patterns come from anybody. */
export function groupCount(pattern: string): number {
  let count = 0
  let isInClass = false
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at]
    if (sign === '\\') {
      const end = pattern[at + 1] === 'Q' ? pattern.indexOf('\\E', at + 2) : at
      if (end < 0) break
      at = end + 1
    } else if (isInClass) isInClass = sign !== ']'
    else if (sign === '[') {
      isInClass = true
      // A first `]` is of the class.
      if (pattern[at + 1] === '^') at++
      if (pattern[at + 1] === ']') at++
    } else if (sign === '(' && /^\((?!\?)|^\(\?<(?![=!])/.test(pattern.slice(at, at + 4))) count++
  }
  return count
}

/** Whether a group may be left out of a match: the engine gives NULL for it, and Java the empty text. */
export function mayLackGroups(pattern: string): boolean {
  return /\)[*?{]|\|/.test(pattern.replaceAll(/\\./gs, ''))
}

/** Java's `$` is also before the line's end that ends the text. */
export function withLastLine(pattern: string): string {
  return /(?<!\\)(?:\\\\)*\$$/.test(pattern) && !/\(\?[a-z]*m/.test(pattern)
    ? `${pattern.slice(0, -1)}\\n?\\z`
    : pattern
}

/** Whether a pattern certainly finds no empty text. */
export function neverEmpty(pattern: string): boolean {
  return (
    pattern !== '' &&
    !/[*?|^$]|\{0|\\[bBAzZQE]/.test(pattern.replaceAll('\\|', '').replaceAll(/\[[^\]]*\]/g, 'c'))
  )
}
