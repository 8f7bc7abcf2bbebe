import { AppError } from '#base/errors.ts'
import type { InlinedText } from '#sql/inline-templates.ts'
import { movedTo } from './statements/dialect-text.ts'

/** A failure at its place in the text as it was sent. */
export function placedIn(inlined: InlinedText | undefined, error: unknown): unknown {
  if (!inlined || !(error instanceof AppError) || !error.position) return error
  const { position, template } = inlined.placeOf(error.position)
  if (template === undefined) return movedTo(error, position)
  const { code, message, hint, detail } = error
  return new AppError(code, `In the template #${template}: ${message}`, {
    cause: error,
    position,
    hint,
    detail,
  })
}
