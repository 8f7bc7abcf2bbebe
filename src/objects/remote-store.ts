import type { AppError } from '#base/errors.ts'
import type { FolderStore } from './folder-store.ts'
import type { Staged } from './object-store.ts'

/**
 * A store on another machine that large files can live in: they are created in one step, for names that are never used
 * twice and that nobody follows before they are told of elsewhere.
 */
export interface RemoteStore extends FolderStore {
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

  /**
   * Removes what lies in the folder since before then by the store's clock, and ends uploads begun before; whoever's
   * they are, and staged objects, too. What the store tells no time of stays. The name of the folder is without the slash
   * it ends with. Returns how many objects were removed; what cannot be is told to `onFailure` and passed over.
   * @throws AppError 'request.invalid', 'store.…' when the folder cannot be listed or nothing in it can be asked for
   */
  removeOlder(folder: string, options: RemovalOptions): Promise<number>
}

export interface RemovalOptions {
  readonly before: Date
  readonly signal: AbortSignal
  readonly onFailure: (error: AppError) => void
}
