import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto'

/** What a client must show to cancel a statement of another connection. */
export interface CancelKey {
  readonly processId: number
  readonly secret: Buffer
}

/** The open sessions' keys. */
export class CancelKeys {
  readonly #sessions = new Map<number, { readonly secret: Buffer; readonly cancel: () => void }>()

  register(cancel: () => void): CancelKey & Disposable {
    let processId = randomInt(1, 2 ** 31)
    while (this.#sessions.has(processId)) processId = randomInt(1, 2 ** 31)
    const secret = randomBytes(4)
    this.#sessions.set(processId, { secret, cancel })
    return { processId, secret, [Symbol.dispose]: () => this.#sessions.delete(processId) }
  }

  /** A wrong key does nothing and says nothing. */
  cancel({ processId, secret }: CancelKey): void {
    const session = this.#sessions.get(processId)
    if (session && session.secret.length === secret.length && timingSafeEqual(session.secret, secret)) {
      session.cancel()
    }
  }
}
