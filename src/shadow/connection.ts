import { connect, type Socket } from 'node:net'
import { AppError } from '#base/errors.ts'
import { must } from '#base/assert.ts'
import { cancelRequest, lengthOfNext, splitMessages, startup, terminate, type WireMessage } from './wire.ts'

/** Bytes of one answer. */
const answerBytesMax = 32 * 1024 * 1024
/** After a cancel PostgreSQL ends a statement at once, or the connection is ended. */
const cancelMs = 2_000

/** One connection to the shadow; asks one thing at a time. */
export class ShadowConnection {
  readonly #path: string
  readonly #socket: Socket
  #chunks: Buffer[] = []
  #byteCount = 0
  /** Bytes that make the next message whole. */
  #awaited = 0
  #key: Buffer | undefined
  #isOpen = true
  #hear: (message: WireMessage) => void = () => {}
  #end: (error: Error) => void = () => {}

  private constructor(path: string) {
    this.#path = path
    this.#socket = connect(path)
    this.#socket.on('data', (chunk) => this.#take(chunk))
    this.#socket.on('error', () => {}) // `close` follows.
    this.#socket.on('close', () => {
      this.#isOpen = false
      this.#end(
        new AppError('engine.unavailable', 'The server that answers questions to the catalogue ended.'),
      )
    })
  }

  /** @throws AppError 'engine.unavailable' */
  static async open(path: string, role: string, database: string): Promise<ShadowConnection> {
    const connection = new ShadowConnection(path)
    try {
      await connection.exchange(startup({ user: role, database, client_encoding: 'UTF8' }), {
        signal: AbortSignal.timeout(20_000),
      })
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /**
   * Sends messages that end with Sync and gives what comes up to ReadyForQuery. When the signal aborts, the statement
   * is cancelled from outside, and its reason thrown.
   */
  async exchange(
    messages: Buffer,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly WireMessage[]> {
    signal.throwIfAborted()
    const heard: WireMessage[] = []
    let byteCount = 0
    let ending: NodeJS.Timeout | undefined
    let tooLarge: AppError | undefined
    const cancel = (): void => {
      ending ??= setTimeout(() => this.close(), cancelMs)
      if (!this.#key) return this.close()
      const key = this.#key
      const socket = connect(this.#path, () => socket.end(cancelRequest(key)))
      socket.on('error', () => {}) // The timer ends what did not hear of it.
      socket.resume()
    }
    signal.addEventListener('abort', cancel, { once: true })
    try {
      await new Promise<void>((resolve, reject) => {
        this.#end = reject
        this.#hear = (message) => {
          byteCount += message.bytes.length
          if (byteCount > answerBytesMax && !tooLarge) {
            tooLarge = tooLargeAnswer()
            cancel()
          }
          if (message.type === 'K') this.#key = Buffer.from(message.bytes.subarray(5))
          if (message.type === 'Z') resolve()
          else if (!tooLarge && !signal.aborted) heard.push(message)
          else if (message.type === 'E') heard.push(message)
          // Refused while it begins: no ReadyForQuery follows.
          if (message.type === 'E' && !this.#key) {
            reject(
              new AppError(
                'engine.unavailable',
                'The server that answers questions to the catalogue refused.',
              ),
            )
          }
        }
        if (!this.#isOpen) reject(new AppError('engine.unavailable', 'The connection was closed.'))
        this.#socket.write(messages)
      })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw tooLarge ?? error
    } finally {
      clearTimeout(ending)
      signal.removeEventListener('abort', cancel)
      this.#hear = () => {}
      this.#end = () => {}
    }
    if (signal.aborted) throw signal.reason
    if (tooLarge) throw tooLarge
    return heard
  }

  close(): void {
    this.#isOpen = false
    if (!this.#socket.destroyed) this.#socket.end(terminate)
    setTimeout(() => this.#socket.destroy(), cancelMs).unref()
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#byteCount += chunk.length
    if (this.#byteCount < this.#awaited) return
    const { messages, rest } = splitMessages(
      this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#byteCount),
    )
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#byteCount = rest.length
    this.#awaited = lengthOfNext(rest)
    if (this.#awaited > answerBytesMax) {
      // One row that is larger than an answer may be: it is not waited for.
      this.#end(tooLargeAnswer())
      this.#chunks = []
      this.#socket.destroy()
    }
    for (const message of messages) this.#hear(message)
  }
}

function tooLargeAnswer(): AppError {
  return new AppError('query.limit', `An answer of the catalogue has at most ${answerBytesMax} bytes.`)
}

/** The one message of that type. */
export function theMessage(messages: readonly WireMessage[], type: string): WireMessage {
  return must(
    messages.find((message) => message.type === type),
    `PostgreSQL sends ${type}`,
  )
}
