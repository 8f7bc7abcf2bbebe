import { AsyncLocalStorage } from 'node:async_hooks'

/** Where a request came from, for records of what was done in it. */
export interface RequestContext {
  readonly requestId: string
  readonly address: string | undefined
}

const storage = new AsyncLocalStorage<RequestContext>()

/** Everything begun in the work knows the context. */
export function withRequestContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work)
}

/** Undefined outside of requests: in jobs, say. */
export function requestContext(): RequestContext | undefined {
  return storage.getStore()
}
