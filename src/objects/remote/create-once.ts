import { AppError } from '#base/errors.ts'
import { type Asking, askOnce, type Remote, waitAgain } from './ask.ts'

export interface OneCreation<F> {
  /** Creates the object only where there is none. */
  readonly write: (signal: AbortSignal) => Promise<unknown>
  /** Whose object has the name now: 'created' is ours. */
  readonly look: () => Promise<'created' | 'exists' | 'absent'>
  /** The store says that the name is taken. */
  readonly isTaken: (failure: F) => boolean
  /** What was to become the object is not there any more: it was, or never can be. */
  readonly isGone: (failure: F) => boolean
}

/**
 * Carries out a write that creates the object only where there is none. An answer may get lost after the deed; and then
 * the next try, or that of something in between, is told that the name is taken: by us. So whoever is told so looks
 * whose mark the object bears.
 * @throws AppError 'store.unreachable' when nothing could be learnt: the object may be there, or appear
 */
export async function createOnce<F>(
  remote: Remote<F>,
  asking: Asking,
  { write, look, isTaken, isGone }: OneCreation<F>,
): Promise<'created' | 'exists'> {
  const { failures, policy, location } = remote
  for (let tries = 1; ; tries += 1) {
    try {
      await askOnce(remote, asking, write)
      return 'created'
    } catch (error) {
      const failure = failures.of(error)
      if (!failure) throw error
      const isRefused = isTaken(failure) || isGone(failure)
      const isLast = tries >= policy.triesMax
      if (isRefused || (isLast && failures.isPassing(failure))) {
        const found = await look()
        if (found !== 'absent') return found
      }
      // Deleted since it was refused: then there is room. An upload that is gone cannot be completed any more.
      if (isLast || isGone(failure) || !(failures.isPassing(failure) || isRefused)) {
        throw failures.error(failure, { location, name: asking.name })
      }
      await waitAgain(remote, tries, asking.signal)
    }
  }
}

export function existsError({ location }: { readonly location: string }, name: string): AppError {
  return new AppError('object.exists', `${JSON.stringify(name)} is at ${location} with other bytes.`, {
    hint: 'Nothing was overwritten. Look who wrote it; names are never used twice.',
  })
}

export function missing({ location }: { readonly location: string }, name: string): AppError {
  return new AppError('object.missing', `There is no object ${JSON.stringify(name)} at ${location}.`)
}

/** Of an object created whole: enough for a manifest of 10 000 files. */
export const smallObjectBytesMax = 8 * 1024 * 1024

export function checkSmall(name: string, bytes: Uint8Array): void {
  if (bytes.length <= smallObjectBytesMax) return
  throw new AppError(
    'request.too_large',
    `${JSON.stringify(name)} has ${bytes.length} bytes; an object created whole has at most ${smallObjectBytesMax}.`,
  )
}
