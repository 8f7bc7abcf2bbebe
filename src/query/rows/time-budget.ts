import { AppError } from '#base/errors.ts'

/** The time a statement may run, counted only while it runs: a client that reads slowly does not use it up. */
export class TimeBudget {
  readonly #stopping = new AbortController()
  readonly #limitMs: number
  readonly #setting: string
  #leftMs: number

  /** `setting`: what raises it. */
  constructor(limitMs: number, setting: string) {
    this.#limitMs = limitMs
    this.#setting = setting
    this.#leftMs = limitMs
  }

  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  async spend<T>(work: () => Promise<T>): Promise<T> {
    const startedAtMs = performance.now()
    const timer = setTimeout(() => this.#stopping.abort(this.#overrun()), Math.max(1, this.#leftMs))
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      this.#leftMs -= performance.now() - startedAtMs
    }
  }

  #overrun(): AppError {
    return new AppError('query.timeout', `The statement ran longer than ${this.#limitMs / 1000} s.`, {
      hint: `Schedule it, ask for less, or raise ${this.#setting}.`,
    })
  }
}
