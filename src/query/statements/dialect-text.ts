import { must } from '#base/assert.ts'
import { AppError, type TextPosition } from '#base/errors.ts'
import type { SqlFrontEnd } from '#sql/compile.ts'
import type { ParsedStatement } from '#sql/statement.ts'

/** A name of the dialect, each part in back-quotes. */
export function quotedName(parts: readonly string[]): string {
  return parts.map((part) => `\`${part.replaceAll('`', '``')}\``).join('.')
}

/**
 * Reads a statement that we wrote ourselves, perhaps with a piece of the user's in it, which was read before.
 * @param position where its failures are said to be, as it stands nowhere in the user's text
 */
export function parsedAs<K extends ParsedStatement['kind']>(
  sql: SqlFrontEnd,
  text: string,
  kind: K,
  position: TextPosition,
): Extract<ParsedStatement, { readonly kind: K }> {
  const [scanned, ...more] = atOnePlace(position, () => sql.split(text))
  const parsed = atOnePlace(position, () => sql.parse(must(scanned, 'the text has a statement')))
  if (more.length > 0 || parsed.kind !== kind) throw new Error(`Broken invariant: ${text} is one ${kind}.`)
  return parsed as Extract<ParsedStatement, { readonly kind: K }>
}

function atOnePlace<T>(position: TextPosition, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof AppError ? movedTo(error, position) : error
  }
}

/** The same failure at another place, or at none. */
export function movedTo(error: AppError, position: TextPosition | undefined): AppError {
  const { code, message, hint, detail } = error
  return new AppError(code, message, { cause: error, position, hint, detail })
}
