import { native, remembering, type NativeFunction } from '../native.ts'
import { javaPattern, type JavaPattern } from './java-pattern.ts'

/** Regular expressions as Java has them: for patterns that the engine cannot run, or that stand in a column. */
export const regexFunctions: readonly NativeFunction[] = [
  native('native_regex_matches', ['text', 'text'], 'boolean', (text, pattern) => at(text, pattern) >= 0),
  native('native_regex_place', ['text', 'text'], 'integer', (text, pattern) => at(text, pattern) + 1),
  native('native_regex_count', ['text', 'text'], 'integer', (text, pattern) => {
    let count = 0
    for (const _match of matchesOf(text, javaPattern(pattern))) count += 1
    return count
  }),
  native('native_regex_extract', ['text', 'text', 'integer'], 'text', (text, pattern, group) => {
    const java = javaPattern(pattern)
    for (const match of matchesOf(text, java)) return match[groupOf(java, group)] ?? ''
    return ''
  }),
  native('native_regex_extract_all', ['text', 'text', 'integer'], 'texts', (text, pattern, group) => {
    const java = javaPattern(pattern)
    return Array.from(matchesOf(text, java), (match) => match[groupOf(java, group)] ?? '')
  }),
  native('native_regex_replace', ['text', 'text', 'text', 'integer'], 'text', (text, pattern, by, place) => {
    if (place < 1) throw new Error(`The position ${place} is none: the first is 1.`)
    // The text is cut as the engine counts: whole characters.
    const signs = place === 1 ? undefined : Array.from(text)
    if (signs && place > signs.length) return text
    const kept = signs ? signs.slice(0, place - 1).join('') : ''
    const java = javaPattern(pattern)
    const parts = replacement(by)
    return kept + text.slice(kept.length).replace(java.expression, (...found) => filled(parts, java, found))
  }),
  native('native_regex_split', ['text', 'text', 'integer'], 'texts', split),
]

function at(text: string, pattern: string): number {
  for (const { index } of matchesOf(text, javaPattern(pattern))) return index
  return -1
}

/** @throws Error for a group that there is not */
function groupOf({ groups }: JavaPattern, group: number): number {
  const number = groups[group]
  if (number !== undefined) return number
  throw new Error(`The pattern has ${groups.length - 1} groups: there is no group ${group}.`)
}

type Part = { readonly text: string } | { readonly digits: string } | { readonly name: string }

/** `$1` and `${name}` are groups, a backslash takes the next sign as it is. */
const replacement = remembering((by: string): readonly Part[] =>
  [...by.matchAll(/\\([^])|\$(\d+)|\$\{([a-zA-Z][a-zA-Z0-9]*)\}|([^\\$]+)|[\\$]/g)].map(
    ([all, escaped, digits, name, plain]) => {
      if (digits !== undefined) return { digits }
      if (name !== undefined) return { name }
      const text = escaped ?? plain
      if (text !== undefined) return { text }
      throw new Error(`${all} in a replacement names no group.`)
    },
  ),
)

function filled(parts: readonly Part[], java: JavaPattern, found: readonly unknown[]): string {
  return parts
    .map((part) => {
      if ('text' in part) return part.text
      if ('name' in part) throw new Error(`There is no group ${part.name}: number them.`)
      // As many digits as name a group: $12 may be group 1 and a 2.
      let { digits } = part
      while (digits.length > 1 && Number(digits) >= java.groups.length) digits = digits.slice(0, -1)
      return `${(found[groupOf(java, Number(digits))] as string | undefined) ?? ''}${part.digits.slice(digits.length)}`
    })
    .join('')
}

/** Without what is empty between the halves of a sign beyond the first 65,536, where anchors are found. */
function* matchesOf(text: string, { expression }: JavaPattern): Generator<RegExpExecArray> {
  for (const match of text.matchAll(expression)) {
    if (match[0] !== '' || (text.codePointAt(match.index - 1) ?? 0) <= 0xff_ff) yield match
  }
}

/** At most so many parts, of which the last keeps what is left; without a limit all of them, also empty ones at the end. */
function split(text: string, pattern: string, limit: number): string[] {
  if (pattern === '' && text !== '') {
    const signs = Array.from(text)
    const count = limit > signs.length || limit <= 0 ? signs.length : limit
    return [...signs.slice(0, count - 1), signs.slice(count - 1).join('')]
  }
  const parts: string[] = []
  let from = 0
  for (const match of matchesOf(text, javaPattern(pattern))) {
    if (limit > 0 && parts.length === limit - 1) break
    // Nothing found at the very beginning splits nothing off.
    if (match.index === 0 && match[0] === '') continue
    parts.push(text.slice(from, match.index))
    from = match.index + match[0].length
  }
  return [...parts, text.slice(from)]
}
