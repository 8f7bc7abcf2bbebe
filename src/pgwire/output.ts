import type { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { giveBack } from '#base/give-back.ts'

/** Small messages are gathered up to about a packet. */
const gatherBytesMax = 16 * 1024
/** How long one client may keep the others waiting: what is computed without waiting for anything gives nobody a turn. */
const turnMs = 10

/** Writes to a socket no faster than the client reads. */
export class Output {
  readonly #closed: AbortSignal
  #socket: Duplex
  #gathered: Uint8Array[] = []
  #byteCount = 0
  #isFull = false
  #turnBegan = performance.now()

  constructor(socket: Duplex, closed: AbortSignal) {
    this.#socket = socket
    this.#closed = closed
  }

  set socket(socket: Duplex) {
    this.#socket = socket
  }

  /** Keeps or sends bytes; after many of them call `room`. */
  write(bytes: Uint8Array): void {
    this.#gathered.push(bytes)
    this.#byteCount += bytes.byteLength
    if (this.#byteCount >= gatherBytesMax) this.send()
  }

  /** The same for bytes whose memory is free once they are on their way. */
  give(bytes: Uint8Array): void {
    if (bytes.byteLength < gatherBytesMax) return this.write(bytes)
    this.send()
    this.#sendOne(bytes, () => giveBack(bytes))
  }

  /**
   * Waits until the client has taken enough for more to be made, and lets others have their turn.
   * @throws the closing signal's reason
   */
  async room(signal: AbortSignal = this.#closed): Promise<void> {
    signal.throwIfAborted()
    if (this.#isFull) {
      if (this.#socket.writableNeedDrain) await this.#drained(signal)
      this.#isFull = false
    }
    if (performance.now() - this.#turnBegan < turnMs) return
    await setImmediate()
    this.#turnBegan = performance.now()
    signal.throwIfAborted()
  }

  /** An error of the socket is not heard here: `close` follows it and aborts the signal. */
  async #drained(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = (): void => resolve()
    this.#socket.once('drain', done)
    signal.addEventListener('abort', done)
    await promise
    this.#socket.off('drain', done)
    signal.removeEventListener('abort', done)
    signal.throwIfAborted()
  }

  /** Sends what was gathered and waits for room. */
  async flush(): Promise<void> {
    this.send()
    await this.room()
  }

  /** Sends what was gathered without waiting. */
  send(): void {
    if (this.#byteCount === 0) return
    const bytes = this.#gathered.length === 1 ? this.#gathered[0]! : Buffer.concat(this.#gathered)
    this.#gathered = []
    this.#byteCount = 0
    this.#sendOne(bytes)
  }

  #sendOne(bytes: Uint8Array, onSent?: () => void): void {
    if (this.#socket.writable && !this.#socket.write(bytes, onSent)) this.#isFull = true
  }

  /** Sends what was gathered and closes our side. */
  end(): void {
    this.send()
    this.#socket.end()
  }
}
