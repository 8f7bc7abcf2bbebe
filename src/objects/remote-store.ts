import type { ObjectStore, Staged } from './object-store.ts'

/**
 * A store on another machine that large files can live in: they are created in one step, for names that are never used
 * twice and that nobody follows before they are told of elsewhere.
 */
export interface RemoteStore extends ObjectStore {
  /**
   * Creates an object of any size, only if the name is free. It is visible once it is whole; a failure leaves nothing
   * visible. After 'store.unreachable' it may still appear, whole.
   * @throws AppError 'object.exists', 'request.too_large'
   */
  create(
    name: string,
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal },
  ): Promise<Staged>

  /**
   * Removes what writers that were killed left unfinished, invisible and paid for. Writers give up before
   * `unfinishedAgeMsMin`, so that only dead ones' is found. Returns how many were removed.
   */
  sweepUnfinished(options: { readonly now: Date; readonly signal: AbortSignal }): Promise<number>
}
