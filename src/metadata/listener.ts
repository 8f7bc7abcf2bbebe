import { Client, type ClientConfig } from 'pg'
import { type Backoff, backoffMs } from '#base/backoff.ts'
import type { Logger } from '#base/log.ts'
import { quoteIdentifier } from '#base/sql-text.ts'

type OnNotify = (payload: string) => void

const reconnect: Backoff = { firstMs: 50, maxMs: 2_000, jitter: 0.5 }

/** One connection that hears every channel listened to, and comes back after it was lost. */
export class Listener implements AsyncDisposable {
  readonly #config: ClientConfig
  readonly #logger: Logger
  readonly #heard = new Map<string, Set<OnNotify>>()
  #connecting: Promise<Client> | undefined
  #timer: NodeJS.Timeout | undefined
  #attempt = 0
  #isClosed = false

  constructor(config: ClientConfig, logger: Logger) {
    this.#config = config
    this.#logger = logger
  }

  async listen(channel: string, onNotify: OnNotify): Promise<AsyncDisposable> {
    const hearers = this.#heard.get(channel) ?? new Set()
    this.#heard.set(channel, hearers)
    // Each call has an entry of its own, so that the same function may listen twice.
    const hearer: OnNotify = (payload) => onNotify(payload)
    hearers.add(hearer)
    try {
      const client = await this.#client()
      await client.query(`listen ${quoteIdentifier(channel)}`)
    } catch (error) {
      hearers.delete(hearer)
      throw error
    }
    return {
      // The channel stays listened to: an UNLISTEN could overtake another hearer's LISTEN.
      [Symbol.asyncDispose]: async () => {
        hearers.delete(hearer)
      },
    }
  }

  #client(): Promise<Client> {
    this.#connecting ??= this.#connect().catch((error: unknown) => {
      this.#connecting = undefined
      throw error
    })
    return this.#connecting
  }

  async #connect(): Promise<Client> {
    const client = new Client({ ...this.#config, keepAlive: true })
    client.on('notification', ({ channel, payload }) => this.#tell(channel, payload ?? ''))
    client.on('error', () => {}) // `end` follows and is where we come back from.
    client.once('end', () => this.#lost())
    try {
      await client.connect()
      for (const channel of this.#heard.keys()) await client.query(`listen ${quoteIdentifier(channel)}`)
    } catch (error) {
      client.removeAllListeners('end')
      await client.end().catch(() => {}) // It never was connected: nothing is lost.
      throw error
    }
    this.#attempt = 0
    return client
  }

  #tell(channel: string, payload: string): void {
    for (const hearer of this.#heard.get(channel) ?? []) hearer(payload)
  }

  #lost(): void {
    this.#connecting = undefined
    if (this.#isClosed || this.#timer) return
    this.#attempt += 1
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        void this.#comeBack()
      },
      backoffMs(reconnect, this.#attempt),
    )
  }

  async #comeBack(): Promise<void> {
    if (this.#isClosed) return
    try {
      await this.#client()
    } catch (error) {
      this.#logger.log('warn', 'metadata.listen.retry', { attempt: this.#attempt, error })
      this.#lost()
      return
    }
    // What was notified meanwhile is lost: everybody looks once.
    for (const channel of this.#heard.keys()) this.#tell(channel, '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const connecting = this.#connecting
    this.#connecting = undefined
    await connecting?.then((client) => client.end()).catch(() => {}) // Already gone is what we want.
  }
}
