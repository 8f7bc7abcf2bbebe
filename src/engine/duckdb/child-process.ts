import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { AppError } from '#base/errors.ts'
import { giveBack } from '#base/give-back.ts'
import type { Logger } from '#base/log.ts'
import { type Frame, frameKinds, frameReader, jsonFrame } from './frames.ts'
import { type ChildSettings, pipes, readyNumber, type Request, type WireFailure } from './protocol.ts'
import { watchMemory } from './watch-memory.ts'

interface Waiting {
  readonly resolve: (frame: Frame) => void
  readonly reject: (error: Error) => void
  readonly onProgress: ((rowCount: number) => void) | undefined
}

const entry = join(import.meta.dirname, 'child.ts')
const stderrLineCharactersMax = 2000

/** The server's end of one engine child. */
export class EngineChild {
  readonly pid: number
  /** Resolves when the process is gone and all it had said is read. */
  readonly gone: Promise<void>
  readonly #process: ChildProcess
  readonly #requests: Writable
  readonly #waiting = new Map<number, Waiting[]>()
  #lastNumber = readyNumber
  #isGone = false
  /** What its end means for its statements. */
  #why = crashed

  /** Starts a child; the promise resolves when it takes statements. */
  static async start(options: {
    readonly settings: ChildSettings
    readonly threadPool: number
    /** A child that holds more is ended, with all its statements. */
    readonly memoryBytesMax: number
    readonly logger: Logger
  }): Promise<EngineChild> {
    const compiled = process.env['NODE_COMPILE_CACHE']
    const started = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', entry, JSON.stringify(options.settings)],
      {
        cwd: options.settings.scratchFolder,
        stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
        env: {
          HOME: options.settings.scratchFolder,
          TZ: 'UTC',
          // Each running statement blocks a thread of this pool.
          UV_THREADPOOL_SIZE: String(options.threadPool),
          ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }),
        },
      },
    )
    const child = new EngineChild(started, options)
    const ready = child.#wait(readyNumber)
    await ready
    return child
  }

  private constructor(
    started: ChildProcess,
    { memoryBytesMax, logger }: { readonly memoryBytesMax: number; readonly logger: Logger },
  ) {
    this.#process = started
    this.pid = started.pid ?? 0
    this.#requests = started.stdio[pipes.requests] as Writable
    const answers = started.stdio[pipes.answers] as Readable
    // Its end is told by `close` below.
    for (const stream of [this.#requests, answers]) stream.on('error', () => {})
    const read = frameReader((frame) => this.#onFrame(frame))
    answers.on('data', (piece: Buffer) => {
      try {
        read(piece)
      } catch (error) {
        // Nothing that it says from now on can be understood.
        logger.log('error', 'engine.nonsense', { pid: this.pid, error })
        answers.removeAllListeners('data').resume()
        started.kill('SIGKILL')
      }
      giveBack(piece)
    })
    started.stderr?.on('data', (text: Buffer) => {
      const line = text.toString().trim().slice(0, stderrLineCharactersMax)
      if (line !== '') logger.log('warn', 'engine.stderr', { pid: this.pid, text: line })
    })
    started.on('error', (error) => logger.log('error', 'engine.process_error', { error: error.message }))
    const watch = watchMemory(this.pid, memoryBytesMax, (bytes) => {
      logger.log('warn', 'engine.memory_exceeded', { pid: this.pid, bytes, memoryBytesMax })
      this.#why = tooMuchMemory
      started.kill('SIGKILL')
    })
    this.gone = new Promise((resolve) => {
      started.once('close', (code, signal) => {
        watch[Symbol.dispose]()
        logger.log('debug', 'engine.child_gone', { pid: this.pid, code, signal })
        this.#isGone = true
        this.#failAll()
        resolve()
      })
    })
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** A number for a statement of this child. */
  newNumber(): number {
    this.#lastNumber = (this.#lastNumber % 0xffff_ffff) + 1
    return this.#lastNumber
  }

  /** @throws AppError what the child answered, or 'engine.crashed' */
  async ask(number: number, request: Request, onProgress?: (rowCount: number) => void): Promise<Frame> {
    if (this.#isGone) throw crashed()
    const answer = this.#wait(number, onProgress)
    this.#send(number, request)
    return await answer
  }

  interrupt(number: number): void {
    if (!this.#isGone) this.#send(number, { op: 'interrupt' })
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.gone
  }

  #send(number: number, request: Request): void {
    // In one piece: each wakes the child.
    this.#requests.write(Buffer.concat(jsonFrame(number, frameKinds.request, request)))
  }

  #wait(number: number, onProgress?: (rowCount: number) => void): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(number) ?? []
      queue.push({ resolve, reject, onProgress })
      this.#waiting.set(number, queue)
    })
  }

  #onFrame(frame: Frame): void {
    const queue = this.#waiting.get(frame.statement)
    if (!queue) return
    if (frame.kind === frameKinds.progress) {
      const { rowCount } = JSON.parse(frame.body.toString()) as { rowCount: number }
      return queue[0]?.onProgress?.(rowCount)
    }
    const waiting = queue.shift()
    if (queue.length === 0) this.#waiting.delete(frame.statement)
    if (frame.kind !== frameKinds.failure) return waiting?.resolve(frame)
    const { code, message, hint, cause } = JSON.parse(frame.body.toString()) as WireFailure
    waiting?.reject(new AppError(code, message, { hint, cause }))
  }

  #failAll(): void {
    const all = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    for (const { reject } of all) reject(this.#why())
  }
}

function tooMuchMemory(): AppError {
  return new AppError(
    'engine.memory',
    'The statement, or one beside it, needed more memory than it may use.',
    {
      hint: 'Make smaller texts and lists, aggregate earlier, or raise engine.memoryBytes.',
    },
  )
}

function crashed(): AppError {
  return new AppError('engine.crashed', 'The engine process that ran the statement is gone.', {
    hint: 'Try again. If it happens with this statement only, lower engine.memoryBytes or read less at a time.',
  })
}
