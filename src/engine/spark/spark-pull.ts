import { setTimeout } from 'node:timers/promises'
import { assert } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { untilAborted } from '#base/until-aborted.ts'
import type { Chunk, OpenOptions, Pull, PullLimit } from '../engine.ts'
import { stopReason } from '../stop-reason.ts'
import type { EncodingThread, ThreadRows } from './encoding-thread.ts'
import { appErrorOf, readFailure } from './failure.ts'
import type { Operation } from './operation.ts'

/** How long whoever disposes of a statement waits for its end. */
const disposeMs = 2_000

/** The rows of one operation, encoded as they are pulled. */
export class SparkPull implements Pull {
  readonly #operation: Operation
  readonly #rows: ThreadRows
  readonly #signal: AbortSignal
  readonly #onEnd: () => void
  #isDone = false
  #isPulling = false
  #leaving: Promise<void> | undefined

  /** @param onEnd called once, when Spark has let go of it */
  constructor(
    { operation, thread }: { readonly operation: Operation; readonly thread: EncodingThread },
    { encoding, columns, signal }: Pick<OpenOptions, 'encoding' | 'columns' | 'signal'>,
    onEnd: () => void,
  ) {
    this.#operation = operation
    this.#rows = thread.open({ encoding, columns }, () => operation.next())
    this.#signal = signal
    this.#onEnd = onEnd
    if (signal.aborted) void this.#leave()
    else signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  async pull(limit: PullLimit): Promise<Chunk> {
    assert(!this.#isPulling, 'one pull at a time')
    if (this.#isDone) return { bytes: new Uint8Array(), rowCount: 0, state: 'done' }
    this.#isPulling = true
    try {
      const pulled = this.#rows.pull(limit.rowCountMax, limit.bytesMax)
      const { rowCount, bytes, isLast } = await untilAborted(pulled, this.#signal, stopReason)
      this.#isDone = isLast
      if (isLast) void this.#leave()
      return { bytes, rowCount, state: isLast ? 'done' : 'more' }
    } catch (error) {
      void this.#leave()
      if (this.#signal.aborted) throw stopReason(this.#signal)
      throw error instanceof AppError ? error : appErrorOf(readFailure(error))
    } finally {
      this.#isPulling = false
    }
  }

  readonly #onAbort = (): void => void this.#leave()

  async #leave(): Promise<void> {
    this.#rows.close()
    this.#leaving ??= this.#operation.stop().finally(() => {
      this.#signal.removeEventListener('abort', this.#onAbort)
      this.#onEnd()
    })
    await this.#leaving
  }

  /** Ends the statement. What Spark has not ended soon goes on ending by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    const soon = new AbortController()
    // The wait that is given up is nobody's failure.
    const wait = setTimeout(disposeMs, undefined, { signal: soon.signal }).catch(() => {})
    await Promise.race([this.#leave(), wait])
    soon.abort()
  }
}
