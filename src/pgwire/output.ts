import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { giveBack } from '#base/give-back.ts'

/** Small messages are gathered up to about a packet. */
const gatherBytesMax = 16 * 1024

/** Writes to a socket no faster than the client reads. */
export class Output {
  readonly #closed: AbortSignal
  #socket: Duplex
  #gathered: Uint8Array[] = []
  #byteCount = 0
  #isFull = false

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
    if (this.#byteCount >= gatherBytesMax) this.#send()
  }

  /** The same for bytes whose memory is free once they are on their way. */
  give(bytes: Uint8Array): void {
    if (bytes.byteLength < gatherBytesMax) return this.write(bytes)
    this.#send()
    this.#sendOne(bytes, () => giveBack(bytes))
  }

  /** Waits until the client has taken enough for more to be made. @throws the closing signal's reason */
  async room(signal: AbortSignal = this.#closed): Promise<void> {
    signal.throwIfAborted()
    if (!this.#isFull) return
    if (this.#socket.writableNeedDrain) await once(this.#socket, 'drain', { signal })
    this.#isFull = false
  }

  /** Sends what was gathered and waits for room. */
  async flush(): Promise<void> {
    this.#send()
    await this.room()
  }

  /** Sends what was gathered without waiting. */
  #send(): void {
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
    this.#send()
    this.#socket.end()
  }
}
