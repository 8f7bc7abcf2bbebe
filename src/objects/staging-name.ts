import { AppError } from '#base/errors.ts'
import type { StageToken } from './object-store.ts'

/** Ends every staging name: objects may not be called so, and a listing leaves such files out. */
const pattern = /^\..*\.stage-[0-9a-f-]{36}$/su
const tokenPattern = /^[0-9a-f-]{36}$/
/** So that a name as long as the file system allows can be staged. */
const keptCharacters = 40

export function isStagingName(base: string): boolean {
  return pattern.test(base)
}

/** `.<name>.stage-<token>`, the name cut when it is long. */
export function stagingName(base: string, token: StageToken): string {
  if (!tokenPattern.test(token.id))
    throw new AppError('request.invalid', 'The token is not one of this store.')
  return `.${Array.from(base).slice(0, keptCharacters).join('')}.stage-${token.id}`
}
