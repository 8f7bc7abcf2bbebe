import type { Duplex } from 'node:stream'
import type { Frame, Framer } from './framer.ts'

/** How far we read ahead of what is being answered. Reading on is what tells that a client is gone. */
const aheadBytesMax = 64 * 1024

/** The messages of a socket, one at a time. */
export class Input {
  readonly #framer: Framer
  readonly #closing = new AbortController()
  #socket: Duplex | undefined
  #wake: (() => void) | undefined
  #detach: () => void = () => {}

  constructor(framer: Framer) {
    this.#framer = framer
  }

  /** Aborted when the client is gone. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  /** Whether bytes came that nobody took. */
  get hasBytes(): boolean {
    return this.#framer.byteCount > 0
  }

  attach(socket: Duplex): void {
    const onData = (chunk: Buffer): void => {
      this.#framer.push(chunk)
      if (this.#framer.byteCount >= aheadBytesMax && this.#wake === undefined) socket.pause()
      this.#wake?.()
    }
    const onEnd = (): void => {
      this.#closing.abort()
      this.#wake?.()
    }
    this.#socket = socket
    socket.on('data', onData).on('end', onEnd).on('close', onEnd)
    this.#detach = () => socket.off('data', onData).off('end', onEnd).off('close', onEnd)
  }

  /** Stops reading, so that the socket can be given to somebody else. */
  detach(): void {
    this.#socket?.pause()
    this.#detach()
  }

  /** The next message if it is here already. @throws AppError 'connection.protocol' */
  take(): Frame | undefined {
    return this.#framer.take()
  }

  /** The next message; undefined when the client is gone or `until` aborts first. @throws AppError 'connection.protocol' */
  async next(until?: AbortSignal): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#framer.take()
      if (frame) return frame
      if (this.closed.aborted || until?.aborted) return undefined
      await this.#more(until)
    }
  }

  async #more(until: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        until?.removeEventListener('abort', done)
        this.#wake = undefined
        resolve()
      }
      this.#wake = done
      until?.addEventListener('abort', done, { once: true })
      this.#socket?.resume()
    })
  }
}
