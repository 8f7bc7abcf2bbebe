import { AppError, type TextPosition } from '#base/errors.ts'

/** More are a table, which can be loaded and joined. */
export const arrayElementsMax = 100_000

/** @throws AppError 'query.limit' */
export function refuseManyElements(count: number, position?: TextPosition): void {
  if (count <= arrayElementsMax) return
  throw new AppError('query.limit', `An array that is sent has at most ${arrayElementsMax} elements.`, {
    position,
    hint: 'Load them into a table, and join it.',
  })
}

/**
 * The elements of `{1,NULL,"a b"}`, as PostgreSQL writes an array of one dimension; undefined: it is none. Blanks around
 * elements do not count, a backslash takes away the next character's meaning.
 * @throws AppError 'query.limit'
 */
export function elementsOfArrayText(text: string): (string | null)[] | undefined {
  const elements: (string | null)[] = []
  let at = behindBlanks(text, 0)
  if (text[at] !== '{') return undefined
  at = behindBlanks(text, at + 1)
  if (text[at] === '}') return behindBlanks(text, at + 1) === text.length ? elements : undefined
  for (;;) {
    const isQuoted = text[at] === '"'
    const end = isQuoted ? endOfQuoted(text, at + 1) : endOfPlain(text, at)
    if (end === undefined || (end === at && !isQuoted)) return undefined
    const written = isQuoted ? text.slice(at + 1, end) : text.slice(at, end)
    const isNull = !isQuoted && written.toUpperCase() === 'NULL'
    elements.push(isNull ? null : written.replaceAll(/\\([\s\S])/g, '$1'))
    refuseManyElements(elements.length)
    at = behindBlanks(text, isQuoted ? end + 1 : end)
    if (text[at] === '}') return behindBlanks(text, at + 1) === text.length ? elements : undefined
    if (text[at] !== ',') return undefined
    at = behindBlanks(text, at + 1)
  }
}

function behindBlanks(text: string, from: number): number {
  const blanks = /\s*/y
  blanks.lastIndex = from
  blanks.exec(text)
  return blanks.lastIndex
}

/** Where the quote is that ends it; undefined: there is none. */
function endOfQuoted(text: string, from: number): number | undefined {
  const sign = /["\\]/g
  sign.lastIndex = from
  for (let found = sign.exec(text); found; found = sign.exec(text)) {
    if (found[0] === '"') return found.index
    sign.lastIndex += 1
  }
  return undefined
}

/** Behind its last character that is no blank; where it begins, if it has none. */
function endOfPlain(text: string, from: number): number | undefined {
  const sign = /\s+|\\|["{},]/g
  sign.lastIndex = from
  let end = from
  let read = from
  for (let found = sign.exec(text); found; found = sign.exec(text)) {
    if (found.index > read) end = found.index
    if (found[0] === '\\') {
      sign.lastIndex += 1
      end = sign.lastIndex
    } else if (/^["{},]/.test(found[0])) return end
    read = sign.lastIndex
  }
  return undefined
}
