import { parentPort } from 'node:worker_threads'
import { must } from '#base/assert.ts'
import { toAppError } from '#base/errors.ts'
import type { Batch } from '#encode/value.ts'
import { EncodedRows } from '../encoded-rows.ts'
import { readArrow } from './arrow-batch.ts'
import { type FromThread, ownBytes, type ToThread } from './encoding-messages.ts'

// Entry of the thread that makes rows of what Spark sends, so that the server's own thread only forwards bytes.

const port = must(parentPort, 'this runs as a thread')

/** One statement's result. It asks for the next batch only when the one before is used up. */
class Result {
  readonly #statement: number
  readonly #rows: EncodedRows
  #batches: Batch[] = []
  #received: ((bytes: Uint8Array | undefined) => void) | undefined

  constructor({ statement, encoding, columns }: Extract<ToThread, { op: 'open' }>) {
    this.#statement = statement
    this.#rows = new EncodedRows(encoding, columns, () => this.#next())
  }

  async pull({ rowCountMax, bytesMax }: Extract<ToThread, { op: 'pull' }>): Promise<void> {
    const statement = this.#statement
    try {
      const rows = await this.#rows.pull(rowCountMax, bytesMax)
      const bytes = ownBytes(rows.bytes)
      post({ statement, kind: 'rows', rows: { ...rows, bytes } }, [bytes.buffer])
    } catch (error) {
      const { code, message } = toAppError(error)
      post({ statement, kind: 'failure', code, message, cause: String(error) })
    }
  }

  receive(bytes: Uint8Array | undefined): void {
    this.#received?.(bytes)
  }

  async #next(): Promise<Batch | undefined> {
    for (;;) {
      const batch = this.#batches.shift()
      if (batch && batch.rowCount > 0) return batch
      if (batch) continue
      const bytes = await new Promise<Uint8Array | undefined>((resolve) => {
        this.#received = resolve
        post({ statement: this.#statement, kind: 'need' })
      })
      if (!bytes) return undefined
      this.#batches = [...readArrow(bytes)]
    }
  }
}

const results = new Map<number, Result>()

function post(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer)
}

port.on('message', (message: ToThread) => {
  const { statement } = message
  switch (message.op) {
    case 'open':
      results.set(statement, new Result(message))
      return
    case 'pull':
      void results.get(statement)?.pull(message)
      return
    case 'batch':
      results.get(statement)?.receive(message.bytes)
      return
    case 'close':
      results.delete(statement)
  }
})
