import { once } from 'node:events'
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
  readonly onRows: (rowCount: number) => void
  readonly resolve: (files: TextFile[]) => void
  readonly reject: (error: unknown) => void
}

/** The thread that makes files of lines, for all copies of a child. */
export class TextThread {
  readonly #onDeath: (error: unknown) => void
  readonly #copies = new Map<number, Copy>()
  #worker: Promise<Worker> | undefined
  #lastCopy = 0

  /** @param onDeath told that the thread is gone, perhaps twice: then the engine may wait for ever for somebody who reads */
  constructor(onDeath: (error: unknown) => void) {
    this.#onDeath = onDeath
  }

  /** Resolves when all its code is loaded, which is done once. */
  async load(): Promise<void> {
    await this.#begun()
  }

  /** @param reader the end of a pipe, which is taken whatever happens */
  async write(reader: number, form: TextForm, onRows: (rowCount: number) => void): Promise<TextWriting> {
    const worker = await this.#begun()
    const say = (message: ToTexts): void => worker.postMessage(message, [])
    const copy = ++this.#lastCopy
    const files = new Promise<TextFile[]>((resolve, reject) => {
      this.#copies.set(copy, { onRows, resolve, reject })
    })
    const ended = Promise.allSettled([files]) // What went wrong is met by who waits for the files, if anybody does.
    say({ copy, op: 'write', reader, form })
    return {
      files,
      [Symbol.asyncDispose]: async () => {
        if (this.#copies.has(copy)) say({ copy, op: 'stop' })
        await ended
      },
    }
  }

  #begun(): Promise<Worker> {
    return (this.#worker ??= this.#start())
  }

  async #start(): Promise<Worker> {
    const worker = new Worker(join(import.meta.dirname, 'write-texts.ts'), {
      resourceLimits: { maxOldGenerationSizeMb: heapMebibytesMax },
    })
    worker.on('error', this.#onDeath)
    worker.on('exit', () => this.#onDeath(new Error('The thread that writes texts has ended.')))
    await once(worker, 'message') // Ready.
    worker.unref()
    worker.on('message', (message: FromTexts) => this.#onMessage(message))
    return worker
  }

  #onMessage(message: FromTexts): void {
    const copy = this.#copies.get(message.copy)
    if (!copy) return
    if (message.kind === 'rows') return copy.onRows(message.rowCount)
    this.#copies.delete(message.copy)
    if (message.kind === 'files') copy.resolve(message.files)
    else copy.reject(message.error)
  }
}
