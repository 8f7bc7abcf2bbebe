import { randomUUID } from 'node:crypto'
import { must } from '#base/assert.ts'
import type { Connection, ResponseStream, SessionIdentity } from './connection.ts'
import { isDisconnected, isOperationLost, readFailure } from './failure.ts'
import type { ExecuteResponse, Plan } from './messages.ts'

const interruptOperation = 3
const reattachTriesMax = 6
const reattachDelayMs = 100
/** How long an interrupt waits for the first task at most: an earlier one would be passed over. Plans take time. */
const holdMs = 300_000
/** How long an operation that was interrupted may take to end. */
const stopMs = 30_000

/**
 * One plan that Spark carries out. Spark's streams end now and then without an end of the result (after some minutes,
 * after some bytes, when a connection breaks): the operation goes on, and is attached to again behind the last message
 * that came.
 */
export class Operation {
  readonly #connection: Connection
  readonly #identity: SessionIdentity
  readonly #plan: Plan
  readonly #operationId = randomUUID()
  #stream: ResponseStream
  #messages: AsyncIterator<ExecuteResponse>
  #reading: Promise<ExecuteResponse | undefined> | undefined
  #lastResponseId: string | undefined
  /** A task was begun, or a batch came: before that an interrupt is answered and yet passed over. */
  #hasStarted = false
  #hasEnded = false
  #stopping: Promise<void> | undefined
  #releasing: Promise<unknown> = Promise.resolve()
  readonly #observed = new Map<string, number>()
  /** Times that the stream was attached to again. */
  reattachCount = 0

  constructor(connection: Connection, identity: SessionIdentity, plan: Plan) {
    this.#connection = connection
    this.#identity = identity
    this.#plan = plan
    this.#stream = this.#execute()
    this.#messages = this.#stream[Symbol.asyncIterator]()
  }

  /** Whether Spark has begun with it. */
  get hasStarted(): boolean {
    return this.#hasStarted
  }

  /** The next batch as an Arrow stream of its own; undefined at the end. @throws as gRPC fails */
  async next(): Promise<Uint8Array | undefined> {
    let pieces: Uint8Array[] = []
    for (;;) {
      if (this.#stopping) throw new Error('The operation was stopped.')
      const message = await this.#read()
      if (!message) return undefined
      const { arrowBatch } = message
      if (!arrowBatch) continue
      const { chunkIndex = 0, numChunksInBatch = 1, data = new Uint8Array() } = arrowBatch
      if (chunkIndex === 0) pieces = []
      pieces.push(data)
      if (chunkIndex + 1 < numChunksInBatch) continue
      this.#letGo({ releaseUntil: { responseId: must(message.responseId, 'a message has an id') } })
      return pieces.length === 1 ? data : Buffer.concat(pieces)
    }
  }

  /** Goes on to the end. @returns the first number of each observation by its name. @throws as gRPC fails */
  async finish(): Promise<ReadonlyMap<string, number>> {
    while (await this.next()) {
      // What a command answers beside its end is of no use.
    }
    return this.#observed
  }

  /** Ends it, whatever it does. Resolves when Spark does nothing for it any more, or does not answer. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    await this.#stopping
  }

  async #stop(): Promise<void> {
    await until(AbortSignal.timeout(holdMs), () => this.#drain(() => this.#hasStarted))
    if (!this.#hasEnded) {
      const request = { ...this.#identity, interruptType: interruptOperation, operationId: this.#operationId }
      await this.#connection.call('Interrupt', request).catch(() => {}) // It ends by itself, or with the session.
      await until(AbortSignal.timeout(stopMs), () => this.#drain(() => false))
    }
    this.#stream.cancel()
    this.#letGo({ releaseAll: {} })
    await this.#releasing
  }

  /** Takes messages and drops them until it is so or nothing comes any more. */
  async #drain(isEnough: () => boolean): Promise<void> {
    try {
      while (!this.#hasEnded && !isEnough()) await this.#read()
    } catch {
      this.#hasEnded = true // Cancelled, or failed: over.
    }
  }

  /** One at a time: who asks meanwhile is told the same message. */
  async #read(): Promise<ExecuteResponse | undefined> {
    this.#reading ??= this.#readNext().finally(() => (this.#reading = undefined))
    return await this.#reading
  }

  async #readNext(): Promise<ExecuteResponse | undefined> {
    if (this.#hasEnded) return undefined
    for (let tries = 0; ;) {
      try {
        const { done, value } = await this.#messages.next()
        if (!done) return this.#received(value)
        this.#attach()
      } catch (error) {
        const failure = readFailure(error)
        const hasArrived = this.#lastResponseId !== undefined
        const isLost = isOperationLost(failure) && !hasArrived
        if (!(isDisconnected(failure) || isLost) || tries >= reattachTriesMax) {
          this.#hasEnded = true
          throw error
        }
        await new Promise((resolve) => setTimeout(resolve, reattachDelayMs * 2 ** tries))
        tries += 1
        // What never arrived is asked for again, under the same id.
        if (isLost) this.#follow(this.#execute())
        else this.#attach()
      }
      if (this.#hasEnded) return undefined
    }
  }

  #received(message: ExecuteResponse): ExecuteResponse | undefined {
    this.#lastResponseId = message.responseId || this.#lastResponseId
    for (const { name = '', values = [] } of message.observedMetrics ?? []) {
      this.#observed.set(name, values[0]?.long ?? 0)
    }
    const tasks = message.executionProgress?.stages ?? []
    if (message.arrowBatch || tasks.some(({ numTasks = 0 }) => numTasks > 0)) this.#hasStarted = true
    if (!message.resultComplete) return message
    this.#hasEnded = true
    this.#letGo({ releaseAll: {} })
    return undefined
  }

  #execute(): ResponseStream {
    return this.#connection.stream('ExecutePlan', {
      ...this.#identity,
      operationId: this.#operationId,
      plan: this.#plan,
      requestOptions: [
        { reattachOptions: { reattachable: true } },
        { resultChunkingOptions: { allowArrowBatchChunking: true } },
      ],
    })
  }

  #attach(): void {
    this.reattachCount += 1
    this.#follow(
      this.#connection.stream('ReattachExecute', {
        ...this.#identity,
        operationId: this.#operationId,
        ...(this.#lastResponseId === undefined ? {} : { lastResponseId: this.#lastResponseId }),
      }),
    )
  }

  #follow(stream: ResponseStream): void {
    this.#stream = stream
    this.#messages = stream[Symbol.asyncIterator]()
  }

  /** Lets Spark forget messages that came; it keeps them for a second reader. In order, and none is waited for. */
  #letGo(release: object): void {
    const request = { ...this.#identity, operationId: this.#operationId, ...release }
    this.#releasing = this.#releasing
      .then(() => this.#connection.call('ReleaseExecute', request))
      .catch(() => {}) // Forgotten already, or soon: nobody attaches any more.
  }
}

/** The work, or as much of it as there is time for. */
async function until(deadline: AbortSignal, work: () => Promise<void>): Promise<void> {
  if (deadline.aborted) return
  const ended = new Promise<void>((resolve) =>
    deadline.addEventListener('abort', () => resolve(), { once: true }),
  )
  await Promise.race([work(), ended])
}
