import { AppError, type TextPosition } from '#base/errors.ts'

const parts = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\[\s\S])*'|"[^"]*"|`[^`]*`|#([\p{L}_][\p{L}\p{N}_]*)/gu
const depthMax = 20
const charactersMax = 1_000_000

/** Names that stand in the text as `#NAME`, outside of comments and quotes. */
export function inlinedNames(text: string): string[] {
  const names = [...text.matchAll(parts)].flatMap(([, name]) => (name === undefined ? [] : [name]))
  return [...new Set(names)]
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
  const pieces: Piece[] = []
  let [filled, read] = ['', 0]
  for (const { 0: part, 1: name, index } of text.matchAll(parts)) {
    const template = name === undefined ? undefined : templates.get(name)
    if (name === undefined || template === undefined) continue
    filled += text.slice(read, index)
    const inner = inlined(part, { templates, within: [] })
    pieces.push({
      from: filled.length,
      to: filled.length + inner.length,
      at: index,
      length: part.length,
      name,
    })
    filled += inner
    read = index + part.length
  }
  filled += text.slice(read)
  if (filled.length > charactersMax) throw tooLong()
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

function positionAt(text: string, offset: number): TextPosition {
  const lines = text.slice(0, offset).split('\n')
  return { offset, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}

function tooLong(): AppError {
  return new AppError(
    'request.too_large',
    `With its templates the text has more than ${charactersMax} characters.`,
  )
}

function inlined(
  text: string,
  {
    templates,
    within,
  }: { readonly templates: ReadonlyMap<string, string>; readonly within: readonly string[] },
): string {
  const filled = text.replaceAll(parts, (part: string, name: string | undefined) => {
    const template = name === undefined ? undefined : templates.get(name)
    if (name === undefined || template === undefined) return part
    if (within.includes(name) || within.length >= depthMax) {
      throw new AppError(
        'query.parameters',
        `The template #${name} holds itself: ${[...within, name].join(' → ')}.`,
      )
    }
    return inlined(template, { templates, within: [...within, name] })
      .trim()
      .replace(/;+$/, '')
  })
  if (filled.length > charactersMax) throw tooLong()
  return filled
}
