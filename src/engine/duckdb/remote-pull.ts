import { assert } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { untilAborted } from '#base/until-aborted.ts'
import {
  atOnce,
  type Chunk,
  type EngineStatement,
  type OpenOptions,
  type Pull,
  type PullLimit,
} from '../engine.ts'
import { readChunk } from './frames.ts'
import { stopReason } from '../stop-reason.ts'
import type { Place } from './place.ts'
import type { Pool } from './pool.ts'

/** Runs the work in a place of its own; when the child dies under it, once more in another. */
export async function retriedOnce<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    if (!isCrash(error)) throw error
    return await attempt()
  }
}

/** Runs the work in a place, which is given up when the work fails. */
export async function inPlace<T>(
  pool: Pool,
  signal: AbortSignal,
  work: (place: Place) => Promise<T>,
  { isNext = false }: { readonly isNext?: boolean } = {},
): Promise<T> {
  const place = await pool.enter(signal, { isNext })
  try {
    return await work(place)
  } catch (error) {
    const left = place.leave()
    if (!signal.aborted) await left
    throw error
  }
}

export async function openPull(pool: Pool, statement: EngineStatement, options: OpenOptions): Promise<Pull> {
  const { signal, inTurn = atOnce } = options
  const open = (): Promise<Place> =>
    inPlace(pool, signal, (place) => inTurn(() => begin(place, statement, options)))
  // In the midst of a pull, which has its turn: nobody may be before it.
  const openAgain = (): Promise<Place> =>
    inPlace(pool, signal, (place) => begin(place, statement, options), { isNext: true })
  return new RemotePull(await retriedOnce(open), openAgain, signal)
}

async function begin(
  place: Place,
  statement: EngineStatement,
  { encoding, columns, signal }: OpenOptions,
): Promise<Place> {
  const request = { op: 'open', statement: place.wireStatement(statement), encoding, columns } as const
  await untilAborted(place.ask(request, { signal }), signal, stopReason)
  return place
}

class RemotePull implements Pull {
  readonly #signal: AbortSignal
  readonly #open: () => Promise<Place>
  #place: Place
  /** Whether the caller has seen anything of the result: from then on a crash cannot be hidden. */
  #hasGiven = false
  #isRetried = false
  #isDone = false
  #isPulling = false

  constructor(place: Place, open: () => Promise<Place>, signal: AbortSignal) {
    this.#place = place
    this.#open = open
    this.#signal = signal
    signal.addEventListener('abort', this.#leave, { once: true })
  }

  async pull(limit: PullLimit): Promise<Chunk> {
    assert(!this.#isPulling, 'one pull at a time')
    if (this.#isDone) return { bytes: new Uint8Array(), rowCount: 0, state: 'done' }
    this.#isPulling = true
    try {
      return await this.#pull(limit)
    } catch (error) {
      if (!isCrash(error) || this.#hasGiven || this.#isRetried) throw error
      this.#isRetried = true
      const opening = this.#open() // In line before the old place is free for others.
      opening.catch(() => {}) // Met below.
      await this.#place.leave()
      this.#place = await opening
      return await this.#pull(limit)
    } finally {
      this.#isPulling = false
    }
  }

  async #pull(limit: PullLimit): Promise<Chunk> {
    const request = {
      op: 'pull',
      rowCountMax: Math.min(limit.rowCountMax, Number.MAX_SAFE_INTEGER),
      bytesMax: Math.min(limit.bytesMax, Number.MAX_SAFE_INTEGER),
      goesOn: limit.goesOn ?? false,
    } as const
    const frame = await untilAborted(
      this.#place.ask(request, { signal: this.#signal }),
      this.#signal,
      stopReason,
    )
    const { rowCount, isLast, bytes } = readChunk(frame.body)
    this.#hasGiven = true
    this.#isDone = isLast
    if (isLast) {
      this.#signal.removeEventListener('abort', this.#leave)
      this.#place.ended()
    }
    return { bytes, rowCount, state: isLast ? 'done' : 'more', isOwn: true }
  }

  readonly #leave = (): void => {
    this.#signal.removeEventListener('abort', this.#leave)
    void this.#place.leave()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave()
    await this.#place.leave()
  }
}

function isCrash(error: unknown): boolean {
  return error instanceof AppError && error.code === 'engine.crashed'
}
