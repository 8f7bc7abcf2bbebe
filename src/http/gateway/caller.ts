import type { FastifyReply, FastifyRequest } from 'fastify'
import { must } from '#base/assert.ts'
import type { Principal } from '#access/access.ts'
import type { Caller } from '#datasets/datasets.ts'

/** Who asks, on a guarded route. */
export function callerOf(request: FastifyRequest): Caller {
  return must(request.caller, 'a guarded route has a caller')
}

/** Who asks, where the address names the sandbox. */
export function principalOf(request: FastifyRequest): Principal {
  return must(request.principal, 'a guarded route has a principal')
}

/** Aborted when the client is gone before the answer was. */
export function signalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new DOMException('The client is gone.', 'AbortError'))
  })
  return controller.signal
}
