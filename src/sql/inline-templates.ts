import { AppError, type TextPosition } from '#base/errors.ts'
import { namesIn, namesOfLines, withoutTail } from './scan/names-in.ts'

const depthMax = 20
const charactersMax = 1_000_000

/** Names that may be those of templates: which are decides what else in the text is a comment. */
export function inlinedNames(text: string): string[] {
  const [ifAll, ifNone] = [namesIn(text), namesIn(text, () => false)]
  return [...new Set([...ifAll, ...ifNone].map(({ name }) => name).concat(namesOfLines(text)))]
}

/** A text with its templates filled in, and where its places stand in the text as it was written. */
export interface InlinedText {
  readonly text: string
  /** What stands in a template stands, for whoever wrote the text, at its name. */
  placeOf(position: TextPosition): { readonly position: TextPosition; readonly template: string | undefined }
}

/**
 * Puts the texts of templates in the place of their names. A `#` before a name that no template has stays as it is: in a
 * block it begins a comment.
 * @throws AppError 'query.parameters' for templates that hold themselves, 'request.too_large'
 */
export function inlineTemplates(text: string, templates: ReadonlyMap<string, string>): InlinedText {
  const { text: filled, pieces } = fill(text, { templates, within: [] })
  return { text: filled, placeOf: (position) => placeIn(text, pieces, position.offset) }
}

/** Where a template's text stands, and where its name stood. */
interface Piece {
  readonly from: number
  readonly to: number
  readonly at: number
  readonly length: number
  readonly name: string
}

function placeIn(text: string, pieces: readonly Piece[], offset: number): ReturnType<InlinedText['placeOf']> {
  const before = pieces.filter(({ from }) => from <= offset)
  const last = before.at(-1)
  if (last && offset < last.to) return { position: positionAt(text, last.at), template: last.name }
  const grown = before.reduce((sum, { from, to, length }) => sum + to - from - length, 0)
  return { position: positionAt(text, offset - grown), template: undefined }
}

export function positionAt(text: string, offset: number): TextPosition {
  const lines = text.slice(0, offset).split('\n')
  return { offset, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}

function tooLong(): AppError {
  return new AppError(
    'request.too_large',
    `With its templates the text has more than ${charactersMax} characters.`,
  )
}

interface Filling {
  readonly templates: ReadonlyMap<string, string>
  /** The templates that this stands in. */
  readonly within: readonly string[]
}

function fill(text: string, { templates, within }: Filling): { text: string; pieces: readonly Piece[] } {
  const pieces: Piece[] = []
  let [filled, read] = ['', 0]
  for (const { name, at } of namesIn(text, (known) => templates.has(known))) {
    const template = templates.get(name)
    if (template === undefined) continue
    filled += text.slice(read, at)
    const length = name.length + 1
    const inner = filledIn(name, template, { templates, within })
    pieces.push({ from: filled.length, to: filled.length + inner.length, at, length, name })
    filled += inner
    read = at + length
    if (filled.length > charactersMax) throw tooLong()
  }
  filled += text.slice(read)
  if (filled.length > charactersMax) throw tooLong()
  return { text: filled, pieces }
}

function filledIn(name: string, template: string, { templates, within }: Filling): string {
  if (within.includes(name) || within.length >= depthMax) {
    throw new AppError(
      'query.parameters',
      `The template #${name} holds itself: ${[...within, name].join(' → ')}.`,
    )
  }
  return withoutTail(fill(template, { templates, within: [...within, name] }).text).trimStart()
}
