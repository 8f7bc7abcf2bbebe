import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { Logger } from '#base/log.ts'

/** What a client must show to cancel a statement of another connection. */
export interface CancelKey {
  readonly processId: number
  readonly secret: Buffer
}

/** How the nodes in front of one database reach each other's sessions: a word that all of them hear. */
export interface CancelBell {
  ring(word: string): Promise<void>
  listen(onWord: (word: string) => void): Promise<AsyncDisposable>
}

/** Strangers may ask for cancels: so many are passed on at a time, and those beyond are forgotten, as PostgreSQL may do. */
const ringingMax = 4

/** The open sessions' keys. */
export class CancelKeys {
  readonly #sessions = new Map<number, { readonly secret: Buffer; readonly cancel: () => void }>()
  readonly #bell: CancelBell
  readonly #logger: Logger
  #ringing = 0

  constructor(bell: CancelBell, logger: Logger) {
    this.#bell = bell
    this.#logger = logger
  }

  /** From here on cancels are heard that were sent to other nodes. */
  async listen(): Promise<AsyncDisposable> {
    return await this.#bell.listen((word) => {
      const [processId, secret = ''] = word.split(':')
      this.#cancelHere({ processId: Number(processId), secret: Buffer.from(secret, 'hex') })
    })
  }

  register(cancel: () => void): CancelKey & Disposable {
    let processId = randomInt(1, 2 ** 31)
    while (this.#sessions.has(processId)) processId = randomInt(1, 2 ** 31)
    const secret = randomBytes(4)
    this.#sessions.set(processId, { secret, cancel })
    return { processId, secret, [Symbol.dispose]: () => this.#sessions.delete(processId) }
  }

  /** Stops the session here or at whichever node has it. A wrong key does nothing and says nothing. */
  async cancel(key: CancelKey): Promise<void> {
    if (this.#cancelHere(key) || this.#ringing >= ringingMax) return
    this.#ringing += 1
    try {
      await this.#bell.ring(`${key.processId}:${key.secret.toString('hex')}`)
    } catch (error) {
      this.#logger.log('warn', 'pgwire.cancel_unheard', { error })
    } finally {
      this.#ringing -= 1
    }
  }

  #cancelHere({ processId, secret }: CancelKey): boolean {
    const session = this.#sessions.get(processId)
    if (session?.secret.length !== secret.length || !timingSafeEqual(session.secret, secret)) return false
    session.cancel()
    return true
  }
}
