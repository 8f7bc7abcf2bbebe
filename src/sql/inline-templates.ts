import { AppError } from '#base/errors.ts'

const parts = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\[\s\S])*'|"[^"]*"|`[^`]*`|#([\p{L}_][\p{L}\p{N}_]*)/gu
const depthMax = 20
const charactersMax = 1_000_000

/** Names that stand in the text as `#NAME`, outside of comments and quotes. */
export function inlinedNames(text: string): string[] {
  const names = [...text.matchAll(parts)].flatMap(([, name]) => (name === undefined ? [] : [name]))
  return [...new Set(names)]
}

/**
 * Puts the texts of templates in the place of their names. A `#` before a name that no template has stays as it is: in a
 * block it begins a comment.
 * @throws AppError 'query.parameters' for templates that hold themselves, 'request.too_large'
 */
export function inlineTemplates(text: string, templates: ReadonlyMap<string, string>): string {
  return inlined(text, { templates, within: [] })
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
  if (filled.length <= charactersMax) return filled
  throw new AppError(
    'request.too_large',
    `With its templates the text has more than ${charactersMax} characters.`,
  )
}
