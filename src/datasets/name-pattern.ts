import { AppError } from '#base/errors.ts'

/**
 * SQL's LIKE for a pattern of names: `^` and `$` are the ends, `.*` is anything, all else is itself. Nothing that could
 * run long is understood.
 * @throws AppError 'request.invalid'
 */
export function likeOf(pattern: string): string {
  const isFromStart = pattern.startsWith('^')
  const isToEnd = pattern.endsWith('$')
  const inner = pattern.slice(isFromStart ? 1 : 0, isToEnd ? -1 : undefined)
  const parts = inner.split('.*')
  if (inner.length > 255 || parts.some((part) => /[\\()[\]{}|+*?^$]/.test(part))) {
    throw new AppError(
      'request.invalid',
      `property: ${JSON.stringify(pattern.slice(0, 80))} is no pattern of names.`,
      {
        hint: 'Write text with ^ and $ for the ends and .* for anything.',
      },
    )
  }
  const literal = parts.map((part) => part.replaceAll('%', '\\%').replaceAll('_', '\\_')).join('%')
  return `${isFromStart ? '' : '%'}${literal}${isToEnd ? '' : '%'}`
}

/** Of a name that is here, what `likeOf` asks the database for. */
export function isNamed(name: string, pattern: string): boolean {
  const [isFromStart, isToEnd] = [pattern.startsWith('^'), pattern.endsWith('$')]
  const parts = pattern.slice(isFromStart ? 1 : 0, isToEnd ? -1 : undefined).split('.*')
  const last = parts.length - 1
  let at = 0
  for (const [index, part] of parts.entries()) {
    const found = index === last && isToEnd ? name.length - part.length : name.indexOf(part, at)
    if (found < at || !name.startsWith(part, found)) return false
    if (index === 0 && isFromStart && found !== 0) return false
    at = found + part.length
  }
  return true
}
