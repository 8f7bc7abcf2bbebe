import type { AppError } from '#base/errors.ts'

export class CorruptAnswer extends Error {
  override readonly name = 'CorruptAnswer'
}

/** No answer, or no further piece of it, in time; or a body that ends early or is of another kind. */
export class LostAnswer extends Error {
  override readonly name = 'LostAnswer'
}

/** What one kind of store makes of an error: `F` is what can be told from it. */
export interface Failures<F> {
  /** Undefined for errors that are none of the store's: ours, or a broken invariant. */
  of(error: unknown): F | undefined
  /** Whether the same request may fare better in a moment. */
  isPassing(failure: F): boolean
  /** In the words of who uses the store: which object, what happened, what to do; never a secret. */
  error(failure: F, place: { readonly location: string; readonly name: string }): AppError
}
