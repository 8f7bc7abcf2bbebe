import { AppError } from '#base/errors.ts'
import { stretches } from './scan/names-in.ts'

const charactersMax = 1_000_000
const placeholder = /\$\$|\$([\p{L}_][\p{L}\p{N}_]*)/gu
/** There `$$` begins and ends nothing. */
const placeholderInQuotes = /\$([\p{L}_][\p{L}\p{N}_]*)/gu

/**
 * Fills the `$key` placeholders of a text with their values, textually: inside quotes and names too, as stored
 * queries use them, but not inside comments. Keys may be given as `key` or `$key`. `$1` and `$$` are left alone.
 * @throws AppError 'query.parameters' naming the placeholder without a value, 'request.too_large'
 */
export function fillTemplate(text: string, parameters: Readonly<Record<string, string>>): string {
  const values = new Map(
    Object.entries(parameters).map(([key, value]) => [key.startsWith('$') ? key.slice(1) : key, value]),
  )
  const filled = boundedText()
  let read = 0
  for (const { kind, from, to } of stretches(text)) {
    fill(filled, text.slice(read, from), { values, pattern: placeholder })
    const stretch = text.slice(from, to)
    if (kind === 'comment') filled.add(stretch)
    else fill(filled, stretch, { values, pattern: placeholderInQuotes })
    read = to
  }
  fill(filled, text.slice(read), { values, pattern: placeholder })
  return filled.text()
}

function fill(
  filled: BoundedText,
  part: string,
  { values, pattern }: { readonly values: ReadonlyMap<string, string>; readonly pattern: RegExp },
): void {
  let read = 0
  for (const { 0: all, 1: key, index } of part.matchAll(pattern)) {
    filled.add(part.slice(read, index))
    filled.add(key === undefined ? all : valueOf(key, values))
    read = index + all.length
  }
  filled.add(part.slice(read))
}

interface BoundedText {
  /** @throws AppError 'request.too_large' */
  add(part: string): void
  text(): string
}

/** Refused before it is made: many placeholders of one long value are more than memory holds. */
function boundedText(): BoundedText {
  const parts: string[] = []
  let room = charactersMax
  return {
    add: (part) => {
      room -= part.length
      if (room < 0) {
        throw new AppError('request.too_large', `The text has more than ${charactersMax} characters.`)
      }
      parts.push(part)
    },
    text: () => parts.join(''),
  }
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
