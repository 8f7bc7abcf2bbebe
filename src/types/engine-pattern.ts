/**
 * A regular expression of JSON Schema in the dialect of the engine, whose matcher takes time linear in the text. It is
 * searched for anywhere in the text, and has the meaning of ECMAScript's `u` flag.
 * @returns why not, where only a backtracking matcher could do it
 */
export function enginePattern(pattern: string): { readonly pattern: string } | { readonly problem: string } {
  let out = ''
  let isInClass = false
  /** The most repetitions that counts ask for, one inside the other: outside, and in each open group. */
  const repeats: number[] = [1]
  let last = 1
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at)
    const taken = isInClass ? classPart(rest) : part(rest)
    if (taken.problem !== undefined) return { problem: taken.problem }
    const { text, out: written } = taken
    if (text === '[' && !isInClass) isInClass = true
    else if (text === ']' && isInClass) isInClass = false
    const count = isInClass ? undefined : countOf(text)
    if (count !== undefined) {
      const total = last * Math.max(count, 1)
      if (total > repeatsMax) return { problem: `more than ${repeatsMax} repetitions are not supported` }
      repeats[repeats.length - 1] = Math.max(repeats.at(-1) ?? 1, total)
    } else if (!isInClass && text.startsWith('(')) repeats.push(1)
    else if (!isInClass && text === ')') {
      last = repeats.pop() ?? 1
      repeats[repeats.length - 1] = Math.max(repeats.at(-1) ?? 1, last)
    } else last = 1
    out += written
    at += text.length
  }
  return { pattern: out }
}

/** Of the engine's matcher. */
const repeatsMax = 1_000

interface Part {
  readonly text: string
  readonly out: string
  readonly problem?: string
}

function part(rest: string): Part {
  if (rest.startsWith('\\')) return escapePart(rest)
  if (/^\(\?<?[=!]/.test(rest)) return refused('look-around is not supported')
  const named = /^\(\?<[^>]*>/.exec(rest)?.[0]
  if (named !== undefined) return { text: named, out: '(?:' }
  if (rest.startsWith('[^]')) return { text: '[^]', out: '(?s:.)' }
  if (rest.startsWith('[]')) return refused('an empty class matches nothing')
  const counted = /^\{\d+(?:,\d*)?\}/.exec(rest)?.[0] ?? (rest.startsWith('[^') ? '[' : (rest[0] ?? ''))
  return same(counted)
}

function classPart(rest: string): Part {
  if (rest.startsWith('\\')) return escapePart(rest)
  return rest.startsWith('[') ? { text: '[', out: '\\[' } : same(rest[0] ?? '')
}

function escapePart(rest: string): Part {
  if (/^\\(?:[1-9]|k)/.test(rest)) return refused('back-references are not supported')
  const pair = /^\\u(d[89ab][\da-f]{2})\\u(d[c-f][\da-f]{2})/i.exec(rest)
  if (pair) {
    const character = String.fromCharCode(
      Number.parseInt(pair[1] ?? '', 16),
      Number.parseInt(pair[2] ?? '', 16),
    )
    return { text: pair[0], out: hex(character.codePointAt(0) ?? 0) }
  }
  const unicode = /^\\u(?:\{([\da-f]+)\}|([\da-f]{4}))/i.exec(rest)
  if (unicode) return { text: unicode[0], out: hex(Number.parseInt(unicode[1] ?? unicode[2] ?? '', 16)) }
  const control = /^\\c([a-z])/i.exec(rest)
  if (control) return { text: control[0], out: hex((control[1] ?? '').charCodeAt(0) % 32) }
  if (rest.startsWith('\\0')) return { text: '\\0', out: hex(0) }
  const property = /^\\p\{([^}]*)\}/i.exec(rest)
  if (property) {
    if (/^[A-Z][a-z]?$/.test(property[1] ?? '')) return same(property[0])
    return refused('of Unicode properties the general categories are supported, as in \\p{Lu}')
  }
  return same(rest.slice(0, 2))
}

function countOf(text: string): number | undefined {
  const [whole, least, , most] = /^\{(\d+)(,(\d*))?\}$/.exec(text) ?? []
  return whole === undefined ? undefined : Math.max(Number(least), Number(most || 0))
}

function hex(code: number): string {
  return `\\x{${code.toString(16)}}`
}

function same(text: string): Part {
  return { text, out: text }
}

function refused(problem: string): Part {
  return { text: '', out: '', problem }
}
