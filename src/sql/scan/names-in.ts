/** A `#NAME` in a text, and where its `#` stands. */
export interface NameInText {
  readonly name: string
  readonly at: number
}

/** Every `#NAME` outside of comments and quotes; a line that begins with `#` and no name that is known is a comment. */
export function namesIn(text: string, isKnown: IsKnown = () => true): NameInText[] {
  const names: NameInText[] = []
  for (const { kind, from, to } of stretches(text, isKnown)) {
    if (kind === 'name') names.push({ name: text.slice(from + 1, to), at: from })
  }
  return names
}

/** Names that lines begin with. A quote in the comment that another such line is does not hide them. */
export function namesOfLines(text: string): string[] {
  return [...text.matchAll(/(?:^|\n)[^\S\n]*#([\p{L}_][\p{L}\p{N}_]*)/gu)].map(([, name = '']) => name)
}

type IsKnown = (name: string) => boolean

/** The text without the comments, blanks and `;` that it ends with: something else can follow it. */
export function withoutTail(text: string): string {
  let [end, read] = [0, 0]
  for (const { kind, from, to } of [...stretches(text), { kind: 'comment', from: text.length, to: 0 }]) {
    let last = from
    while (last > read && /[\s;]/.test(text[last - 1]!)) last -= 1
    if (last > read) end = last
    if (kind !== 'comment') end = to
    read = to
  }
  return text.slice(0, end)
}

/** What in a text is no plain code; `from` to `to`, end exclusive. */
export interface Stretch {
  readonly kind: 'comment' | 'quoted' | 'name'
  readonly from: number
  readonly to: number
}

/**
 * What is not ended ends with the text. Any text may come, also a very long one that is no SQL: each character is looked at
 * once.
 */
export function* stretches(text: string, isKnown: IsKnown = () => true): Generator<Stretch> {
  const begin = /--|\/\*|['"`#]/g
  for (let found = begin.exec(text); found; found = begin.exec(text)) {
    const stretch = stretchAt(text, found[0], { from: found.index, isKnown })
    if (stretch) yield stretch
    begin.lastIndex = stretch?.to ?? found.index + 1
  }
}

function stretchAt(
  text: string,
  begin: string,
  { from, isKnown }: { readonly from: number; readonly isKnown: IsKnown },
): Stretch | undefined {
  switch (begin) {
    case '--':
      return { kind: 'comment', from, to: after(text, '\n', from) }
    case '/*':
      return { kind: 'comment', from, to: after(text, '*/', from + 2) }
    case "'":
      return { kind: 'quoted', from, to: isEscape(text, from) ? from + 3 : afterLiteral(text, from + 1) }
    case '#': {
      const name = nameAt(text, from + 1)
      if ((name === '' || !isKnown(name)) && beginsLine(text, from)) {
        return { kind: 'comment', from, to: after(text, '\n', from) }
      }
      return name === '' ? undefined : { kind: 'name', from, to: from + 1 + name.length }
    }
    default:
      return { kind: 'quoted', from, to: after(text, begin, from + 1) }
  }
}

function beginsLine(text: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && text[before] !== '\n' && /\s/.test(text[before]!)) before -= 1
  return before < 0 || text[before] === '\n'
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
