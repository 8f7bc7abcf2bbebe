import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import { askOn, describeOn } from './ask.ts'
import type { ShadowConnection } from './connection.ts'
import { Databases } from './databases.ts'
import { loadGrammar } from './route.ts'
import { startShadowServer } from './server.ts'
import type { AskOptions, Shadow } from './shadow.ts'

/** Questions that are answered at a time; more wait their turn. */
const askedMax = 8
const waitingMax = 200
const questionMsMax = 30_000

export interface ShadowOptions {
  /** Holds nothing that cannot be lost; made anew by each start. */
  readonly folder: string
  readonly programsFolder: string
  readonly logger: Logger
  /** How long one question may take. */
  readonly questionMsMax?: number
}

/** Its PostgreSQL is started by the first question. */
export function createShadow(options: ShadowOptions): Shadow {
  const { logger } = options
  const all = new AsyncDisposableStack()
  const turns = turnsOf(askedMax, waitingMax)
  let starting: Promise<Databases> | undefined
  let isEnding = false

  const started = async (): Promise<Databases> => {
    if (isEnding) throw new AppError('server.stopping', 'Sluice is stopping.')
    starting ??= (async () => {
      const server = await startShadowServer(options)
      all.use(server)
      return all.use(new Databases(server, logger))
    })()
    try {
      return await starting
    } catch (cause) {
      starting = undefined // The next question tries again.
      logger.log('error', 'shadow.start_failed', { error: cause })
      throw new AppError('engine.unavailable', 'Questions to the catalogue cannot be answered now.', {
        cause,
        hint: 'The log of the server has the reason.',
      })
    }
  }
  const asking = async <T>(
    { shown, signal }: AskOptions,
    work: (connection: ShadowConnection, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    using _turn = await turns.take(signal)
    const timeout = new AbortController()
    const databases = await started()
    const timer = setTimeout(() => timeout.abort(tookTooLong()), options.questionMsMax ?? questionMsMax)
    try {
      return await databases.connected(shown, (connection) =>
        work(connection, AbortSignal.any([signal, timeout.signal])),
      )
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    ready: loadGrammar,
    describe: (question, described) =>
      asking(described, (connection, signal) => describeOn(connection, { ...described, question, signal })),
    ask: (question, asked) =>
      asking(asked, (connection, signal) => askOn(connection, { ...asked, question, signal })),
    [Symbol.asyncDispose]: async () => {
      isEnding = true
      await starting?.catch(() => {}) // Logged already.
      await all.disposeAsync()
    },
  }
}

function tookTooLong(): AppError {
  return new AppError('query.timeout', 'A question to the catalogue took too long and was stopped.')
}

/** Lets so many in at a time, in their order. */
function turnsOf(insideMax: number, queueMax: number) {
  let inside = 0
  const waiting: (() => void)[] = []
  return {
    async take(signal: AbortSignal): Promise<Disposable> {
      signal.throwIfAborted()
      if (inside >= insideMax) {
        if (waiting.length >= queueMax) {
          throw new AppError('limit.exceeded', `${queueMax} questions to the catalogue wait already.`)
        }
        // Whoever leaves hands the place on.
        await new Promise<void>((resolve, reject) => {
          waiting.push(resolve)
          const leave = (): void => {
            const place = waiting.indexOf(resolve)
            if (place < 0) return
            waiting.splice(place, 1)
            reject(signal.reason)
          }
          signal.addEventListener('abort', leave, { once: true })
        })
      } else inside += 1
      return {
        [Symbol.dispose]: () => {
          const next = waiting.shift()
          if (next) next()
          else inside -= 1
        },
      }
    },
  }
}
