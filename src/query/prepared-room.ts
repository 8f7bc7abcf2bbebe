import { AppError } from '#base/errors.ts'

/** Of one session, by SQL and by the protocol each: parsed, a text takes some ten times its room. */
const charactersMax = 16 * 1024 * 1024

/** @throws AppError 'query.limit' when texts of so many characters are too much to keep prepared */
export function requirePreparedRoom(characters: number): void {
  if (characters <= charactersMax) return
  throw new AppError(
    'query.limit',
    `The prepared statements of a session have at most ${charactersMax} characters together.`,
    { hint: 'Close those you no longer need.' },
  )
}
