import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { TextFile } from './protocol.ts'
import type { TextForm } from './text-files.ts'

/** What is compressed lies outside. */
const heapMebibytesMax = 256

export type ToTexts =
  /** `reader`: the end of a pipe, which is the thread's from now on. */
  | { readonly copy: number; readonly op: 'write'; readonly reader: number; readonly form: TextForm }
  | { readonly copy: number; readonly op: 'stop' }

export type FromTexts = { readonly copy: number } & (
  | { readonly kind: 'reading' }
  | { readonly kind: 'rows'; readonly rowCount: number }
  | { readonly kind: 'files'; readonly files: TextFile[] }
  | { readonly kind: 'failure'; readonly error: unknown }
)

/** Files that are made of lines. When it ends, however that comes, nobody reads the lines any more. */
export interface TextWriting extends AsyncDisposable {
  /** Rejects with what went wrong. */
  readonly files: Promise<TextFile[]>
}

interface Copy {
  readonly reader: number
  isReading: boolean
  readonly onRows: (rowCount: number) => void
  readonly resolve: (files: TextFile[]) => void
  readonly reject: (error: unknown) => void
}

/** The thread that makes files of lines, for all copies of a child; started with the first, and again when it died. */
export class TextThread {
  #worker: Worker | undefined
  readonly #copies = new Map<number, Copy>()
  #lastCopy = 0

  /** @param reader the end of a pipe, which is taken whatever happens */
  write(reader: number, form: TextForm, onRows: (rowCount: number) => void): TextWriting {
    const copy = ++this.#lastCopy
    const files = new Promise<TextFile[]>((resolve, reject) => {
      this.#copies.set(copy, { reader, isReading: false, onRows, resolve, reject })
    })
    const ended = Promise.allSettled([files]) // What went wrong is met by who waits for the files, if anybody does.
    this.#post({ copy, op: 'write', reader, form })
    return {
      files,
      [Symbol.asyncDispose]: async () => {
        if (this.#copies.has(copy)) this.#post({ copy, op: 'stop' })
        await ended
      },
    }
  }

  #post(message: ToTexts): void {
    this.#worker ??= this.#start()
    this.#worker.postMessage(message, [])
  }

  #start(): Worker {
    const worker = new Worker(join(import.meta.dirname, 'write-texts.ts'), {
      resourceLimits: { maxOldGenerationSizeMb: heapMebibytesMax },
    })
    worker.unref()
    worker.on('message', (message: FromTexts) => this.#onMessage(message))
    // Out of memory, or a fault of ours: `exit` follows.
    worker.on('error', () => {})
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined
      for (const { reader, isReading, reject } of this.#copies.values()) {
        if (!isReading) closeSync(reader)
        reject(new Error('The thread that writes texts is gone.'))
      }
      this.#copies.clear()
    })
    return worker
  }

  #onMessage(message: FromTexts): void {
    const copy = this.#copies.get(message.copy)
    if (!copy) return
    if (message.kind === 'reading') copy.isReading = true
    else if (message.kind === 'rows') copy.onRows(message.rowCount)
    else {
      this.#copies.delete(message.copy)
      if (message.kind === 'files') copy.resolve(message.files)
      else copy.reject(message.error)
    }
  }
}
