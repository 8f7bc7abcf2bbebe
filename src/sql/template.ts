import { AppError } from '#base/errors.ts'

/**
 * As the lexer has them: behind ESCAPE a backslash alone is no escape. A line that begins with `#` is a comment, unless
 * that might be a template.
 */
const parts =
  /--[^\n]*|(?<=(?:^|\n)[^\S\n]*)#(?![\p{L}_])[^\n]*|\/\*[\s\S]*?\*\/|(?<=\bescape\s{0,20})'\\'(?!')|'(?:[^'\\]|\\[\s\S])*'|"[^"]*"|`[^`]*`|\$\$|\$[\p{L}_][\p{L}\p{N}_]*/giu
const placeholder = /\$([\p{L}_][\p{L}\p{N}_]*)/gu

/**
 * Fills the `$key` placeholders of a text with their values, textually: inside quotes and names too, as stored
 * queries use them, but not inside comments. Keys may be given as `key` or `$key`. `$1` and `$$` are left alone.
 * @throws AppError 'query.parameters' naming the placeholder without a value
 */
export function fillTemplate(text: string, parameters: Readonly<Record<string, string>>): string {
  const values = new Map(
    Object.entries(parameters).map(([key, value]) => [key.startsWith('$') ? key.slice(1) : key, value]),
  )
  return text.replaceAll(parts, (part) =>
    /^(?:--|\/\*|#)/.test(part)
      ? part
      : part.replaceAll(placeholder, (_all, key: string) => valueOf(key, values)),
  )
}

function valueOf(key: string, values: ReadonlyMap<string, string>): string {
  const value = values.get(key)
  if (value !== undefined) return value
  throw new AppError(
    'query.parameters',
    `The query has a placeholder $${key}, but no value was given for it.`,
    {
      hint: `Pass a value for ${key}.`,
      detail: { key },
    },
  )
}
