import type { FastifyRequest } from 'fastify'
import type { App } from './app.ts'

/** A body that is read at once has at most some megabytes. */
const bodyMsMaxDefault = 120_000

/** What a stranger who never sends it to its end may keep is a connection, of which there are only so many. */
export interface LateBodies {
  readonly bodyMsMax?: number | undefined
}

/**
 * Ends connections whose request does not come to its end in time, whether it waits for it or was answered before it.
 * Bodies that are taken as streams may take longer while somebody reads them.
 */
export function endLateBodies(app: App, { bodyMsMax = bodyMsMaxDefault }: LateBodies): void {
  function watch({ raw }: FastifyRequest): NodeJS.Timeout {
    // A request that was destroyed has no connection any more.
    const timer = setTimeout(
      () => void (raw.complete || raw.destroyed || raw.socket.destroy()),
      bodyMsMax,
    ).unref()
    raw.once('close', () => clearTimeout(timer))
    return timer
  }

  app.decorateRequest('bodyTimer', null)
  app.addHook('onRequest', (request, _reply, done) => {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
    if (length !== '0' || encoding !== undefined) request.bodyTimer = watch(request)
    done()
  })
  app.addHook('onResponse', (request, _reply, done) => {
    // What was read as a stream, up to the answer.
    if (!request.raw.complete && request.bodyTimer === null) watch(request)
    done()
  })
}

/** In this scope bodies may come as slowly as they do, once it is known who sends them. */
export function letBodiesTakeLong(app: App): void {
  app.addHook('preHandler', (request, _reply, done) => {
    clearTimeout(request.bodyTimer ?? undefined)
    request.bodyTimer = null
    done()
  })
}
