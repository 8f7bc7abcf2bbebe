import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { AppError } from '#base/errors.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Field } from '#types/data-type.ts'
import type { Rows } from '../encoded-rows.ts'
import { type FromThread, ownBytes, type ToThread } from './encoding-messages.ts'

/** A few batches of each statement, and what is made of them. */
const heapMebibytesMax = 1024

/** One result that is encoded elsewhere. */
export interface ThreadRows {
  /** One at a time; never after the last ones. @throws AppError, or what fetching a batch failed with */
  pull(rowCountMax: number, bytesMax: number): Promise<Rows>
  close(): void
}

interface Waiting {
  readonly fetch: () => Promise<Uint8Array | undefined>
  answer: { readonly resolve: (rows: Rows) => void; readonly reject: (error: unknown) => void } | undefined
}

/** The thread that encodes the rows of all statements of an engine; started with the first, and again when it died. */
export class EncodingThread implements AsyncDisposable {
  #worker: Worker | undefined
  readonly #results = new Map<number, Waiting>()
  #lastStatement = 0

  /** @param fetch the next batch as an Arrow stream; undefined behind the last one */
  open(
    result: { readonly encoding: Encoding; readonly columns: readonly Field[] },
    fetch: () => Promise<Uint8Array | undefined>,
  ): ThreadRows {
    this.#lastStatement += 1
    const statement = this.#lastStatement
    const waiting: Waiting = { fetch, answer: undefined }
    this.#results.set(statement, waiting)
    this.#post({ statement, op: 'open', encoding: result.encoding, columns: result.columns })
    return {
      pull: (rowCountMax, bytesMax) =>
        new Promise((resolve, reject) => {
          if (!this.#results.has(statement)) return reject(threadGone())
          waiting.answer = { resolve, reject }
          this.#post({ statement, op: 'pull', rowCountMax, bytesMax })
        }),
      close: () => {
        if (this.#results.delete(statement)) this.#post({ statement, op: 'close' })
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate()
  }

  #post(message: ToThread, transfer: ArrayBuffer[] = []): void {
    this.#worker ??= this.#start()
    this.#worker.postMessage(message, transfer)
  }

  #start(): Worker {
    const worker = new Worker(join(import.meta.dirname, 'encode-rows.ts'), {
      resourceLimits: { maxOldGenerationSizeMb: heapMebibytesMax },
    })
    worker.unref()
    worker.on('message', (message: FromThread) => void this.#onMessage(message))
    // Out of memory, or a fault of ours: whatever it held is lost, and `exit` follows.
    worker.on('error', () => {})
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined
      for (const { answer } of this.#results.values()) answer?.reject(threadGone())
      this.#results.clear()
    })
    return worker
  }

  async #onMessage(message: FromThread): Promise<void> {
    const { statement } = message
    const waiting = this.#results.get(statement)
    if (!waiting) return // Closed meanwhile.
    switch (message.kind) {
      case 'need':
        try {
          const bytes = await waiting.fetch()
          const own = bytes && ownBytes(bytes)
          if (this.#results.has(statement))
            this.#post({ statement, op: 'batch', bytes: own }, own ? [own.buffer] : [])
        } catch (error) {
          waiting.answer?.reject(error)
        }
        return
      case 'rows':
        waiting.answer?.resolve(message.rows)
        return
      case 'failure':
        waiting.answer?.reject(new AppError(message.code, message.message, { cause: message.cause }))
    }
  }
}

function threadGone(): AppError {
  return new AppError('engine.crashed', 'The thread that prepares the results of Spark has ended.', {
    hint: 'Try again. If it happens with this statement only, read fewer or shorter columns.',
  })
}
