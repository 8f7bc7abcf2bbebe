import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from '#base/backoff.ts'
import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import { machineBytes } from '#base/machine-bytes.ts'
import { addedBytesMax } from '#encode/byte-writer.ts'
import type { Ids } from '#base/run-as.ts'
import type { EngineStatement, EngineStatus } from '../engine.ts'
import { EngineChild } from './child-process.ts'
import { stopReason } from '../stop-reason.ts'
import { Place } from './place.ts'
import type { ChildSettings, Share } from './protocol.ts'
import { childScratch } from './scratch.ts'
import { Shares } from './shares.ts'

export interface PoolOptions {
  readonly kind: EngineStatement['pool']
  readonly children: number
  readonly statementsPerChild: number
  readonly threads: number
  readonly spareInstances: number
  /** Of all statements together. */
  readonly total: Share
  /** Beside that, of each child: for rows that it keeps. */
  readonly keptBytes: number
  readonly runAs: Ids | undefined
  readonly scratchFolder: string
  readonly logger: Logger
}

/** With less DuckDB can do little; rather fewer statements run at a time. */
const memoryBytesMin = 64 * 1024 * 1024
/**
 * What a child may hold beside what the engine counts: its program, and of each statement a batch on its way, in forms
 * that follow each other.
 */
const otherBytes = { ofChild: 1024 * 1024 * 1024, ofStatement: 6 * addedBytesMax }
const restartBackoff = { firstMs: 100, maxMs: 10_000, jitter: 0.2 }

interface Member {
  readonly child: EngineChild
  statements: number
}

interface Waiter {
  readonly enter: (place: Place) => void
  readonly fail: (error: AppError) => void
}

/** Children of one kind: started, given statements, and replaced when they die. */
export class Pool {
  readonly #options: PoolOptions
  readonly #shares: Shares
  readonly #members = new Set<Member>()
  readonly #waiters: Waiter[] = []
  readonly #keepers: Promise<void>[] = []
  readonly #stopping = new AbortController()
  #restarts = 0

  constructor(options: PoolOptions) {
    this.#options = options
    const places = Math.min(
      options.children * options.statementsPerChild,
      Math.max(1, Math.floor(options.total.memoryBytes / memoryBytesMin)),
    )
    this.#shares = new Shares(options.total, places)
  }

  /** Resolves when all children are ready. @throws AppError 'engine.unavailable' when one cannot start */
  async start(): Promise<void> {
    const { children } = this.#options
    const started = await Promise.allSettled(Array.from({ length: children }, () => this.#start()))
    for (const result of started) {
      if (result.status === 'fulfilled') this.#keepers.push(this.#keep(result.value))
    }
    const failed = started.find((result) => result.status === 'rejected')
    if (failed) throw unavailable(failed.reason)
  }

  /**
   * Waits for a place, before all others if `isNext`.
   * @throws AppError 'engine.unavailable' when no child can be started; the signal's reason
   */
  async enter(signal: AbortSignal, { isNext = false }: { readonly isNext?: boolean } = {}): Promise<Place> {
    if (signal.aborted) throw stopReason(signal)
    if (this.#stopping.signal.aborted) throw stopped()
    const place = this.#waiters.length === 0 || isNext ? this.#freePlace() : undefined
    if (place) return place
    return await new Promise<Place>((resolve, reject) => {
      const settle = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        signal.removeEventListener('abort', leave)
      }
      const waiter: Waiter = {
        enter: (place) => {
          settle()
          resolve(place)
        },
        fail: (error) => {
          settle()
          reject(error)
        },
      }
      const leave = (): void => waiter.fail(stopReason(signal))
      signal.addEventListener('abort', leave, { once: true })
      if (isNext) this.#waiters.unshift(waiter)
      else this.#waiters.push(waiter)
    })
  }

  status(): EngineStatus {
    const children = [...this.#members].map(({ child, statements }) => ({
      pid: child.pid,
      pool: this.#options.kind,
      statements,
    }))
    return { children, restarts: this.#restarts }
  }

  /** Kills the children that run statements. */
  async killBusy(): Promise<void> {
    const busy = [...this.#members].filter(({ statements }) => statements > 0)
    await Promise.all(busy.map(({ child }) => child.kill()))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#turnAway(stopped())
    await Promise.all([...this.#members].map(({ child }) => child.kill()))
    await Promise.all(this.#keepers)
  }

  async #start(): Promise<{ readonly child: EngineChild; readonly folder: string }> {
    const { runAs, scratchFolder, threads, total, keptBytes, spareInstances, statementsPerChild, logger } =
      this.#options
    const folder = await childScratch(scratchFolder, runAs)
    const settings: ChildSettings = {
      ...(runAs ? { runAs } : {}),
      threads,
      scratchFolder: folder,
      spareInstances,
      keptBytes,
    }
    try {
      const threadPool = 4 + 2 * statementsPerChild
      const otherBytesMax = Math.min(
        otherBytes.ofChild + otherBytes.ofStatement * statementsPerChild,
        Math.max(otherBytes.ofChild, machineBytes() / 4), // All of them may not have it at the same time.
      )
      const memoryBytesMax = total.memoryBytes + keptBytes + otherBytesMax
      const child = await EngineChild.start({ settings, threadPool, memoryBytesMax, logger })
      this.#members.add({ child, statements: 0 })
      this.#letIn()
      return { child, folder }
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** Has one child alive until the pool stops. */
  async #keep(first: { readonly child: EngineChild; readonly folder: string }): Promise<void> {
    for (let current = first; ;) {
      await current.child.gone
      for (const member of this.#members) if (member.child === current.child) this.#members.delete(member)
      await rm(current.folder, { recursive: true, force: true })
      if (this.#stopping.signal.aborted) return
      this.#restarts += 1
      this.#options.logger.log('warn', 'engine.child_lost', {
        pool: this.#options.kind,
        pid: current.child.pid,
      })
      const next = await this.#restart()
      if (!next) return
      current = next
    }
  }

  async #restart(): Promise<{ readonly child: EngineChild; readonly folder: string } | undefined> {
    const { signal } = this.#stopping
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const started = await this.#start()
        if (signal.aborted) await started.child.kill()
        return started
      } catch (error) {
        this.#options.logger.log('error', 'engine.start_failed', { error: String(error), attempt })
        if (this.#members.size === 0) this.#turnAway(unavailable(error))
        await sleep(backoffMs(restartBackoff, attempt), undefined, { signal }).catch(() => {})
      }
    }
    return undefined
  }

  #letIn(): void {
    for (const waiter of this.#waiters.slice()) {
      const place = this.#freePlace()
      if (!place) return
      waiter.enter(place)
    }
  }

  #turnAway(error: AppError): void {
    for (const waiter of this.#waiters.slice()) waiter.fail(error)
  }

  /** In the child that does the least. */
  #freePlace(): Place | undefined {
    if (this.#shares.isExhausted || this.#stopping.signal.aborted) return undefined
    const [member] = [...this.#members]
      .filter(({ child, statements }) => !child.isGone && statements < this.#options.statementsPerChild)
      .sort((one, other) => one.statements - other.statements)
    if (!member) return undefined
    const share = this.#shares.take()
    member.statements += 1
    return new Place(member.child, share, () => {
      share[Symbol.dispose]()
      member.statements -= 1
      this.#letIn()
    })
  }
}

function unavailable(cause: unknown): AppError {
  return new AppError('engine.unavailable', 'No engine process can be started.', {
    cause,
    hint: 'The log has what the process said.',
  })
}

function stopped(): AppError {
  return new AppError('engine.unavailable', 'The engine has been stopped.')
}
