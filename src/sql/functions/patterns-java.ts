/**
 * Java's regular expressions as RE2 has them. What RE2 cannot do stays as it is, and the engine names it.
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function enginePattern(pattern: string): string {
  return pattern.replaceAll(/\\(.)|\(\?<(?![=!])/gs, (all, escaped?: string) => {
    if (escaped === undefined) return '(?P<'
    return escapes[escaped] ?? all
  })
}

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
