import { AppError } from '#base/errors.ts'
import { askOnce, type Asking, type Connection, waitAgain } from './connection.ts'
import { failureOf, isPassing, isRefusedCondition, isUploadGone, storeError } from './failure.ts'
import { headObject } from './head-object.ts'

/** Object metadata that says which writing made the object. */
export const writeMark = 'sluice-write'
/** Object metadata: SHA-256 of the bytes, where they were known before. */
export const hashMark = 'sluice-sha256'

/**
 * Carries out a write that creates the object only where there is none. An answer may get lost after the deed; and then
 * the next try, or that of something in between, is told that the name is taken: by us. So whoever is told so looks
 * whose mark the object bears.
 * @throws AppError 'store.unreachable' when nothing could be learnt: the object may be there, or appear
 */
export async function createOnce(
  connection: Connection,
  asking: Asking & { readonly key: string; readonly mark: string },
  write: (signal: AbortSignal) => Promise<unknown>,
): Promise<'created' | 'exists'> {
  const { key, mark, signal } = asking
  const look = async (): Promise<'created' | 'exists' | 'absent'> => {
    const found = await headObject(connection, asking, key)
    if (!found) return 'absent'
    return found.marks[writeMark] === mark ? 'created' : 'exists'
  }
  for (let tries = 1; ; tries += 1) {
    try {
      await askOnce(connection, asking, write)
      return 'created'
    } catch (error) {
      const failure = failureOf(error)
      if (!failure) throw error
      const isTaken = isRefusedCondition(failure) || isUploadGone(failure)
      const isLast = tries >= connection.policy.triesMax
      if (isTaken || (isLast && isPassing(failure))) {
        const found = await look()
        if (found !== 'absent') return found
      }
      const error_ = storeError(failure, { location: connection.location, name: asking.name })
      // Deleted since it was refused: then there is room. An upload that is gone cannot be completed any more.
      if (isLast || isUploadGone(failure) || !(isPassing(failure) || isTaken)) throw error_
      await waitAgain(connection, tries, signal)
    }
  }
}

export function existsError({ location }: Connection, name: string): AppError {
  return new AppError('object.exists', `${JSON.stringify(name)} is at ${location} with other bytes.`, {
    hint: 'Nothing was overwritten. Look who wrote it; names are never used twice.',
  })
}
