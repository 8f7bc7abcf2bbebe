import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Permission, Principal } from '#access/access.ts'
import type { Caller } from '#datasets/datasets.ts'

/** Fastify with our schemas as types. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** Whose error bodies and headers a route has. */
export type Api =
  | 'access'
  | 'catalog'
  | 'flowservice'
  | 'iceberg'
  | 'identity'
  | 'policy'
  | 'query'
  | 'sandbox'
  | 'schemaregistry'
  | 'sluice'

type Permissions = readonly [...Permission[], Permission]

/** Who may use a route: said by every route, or it cannot be registered. */
export type Guard =
  | { readonly isPublic: true }
  | {
      readonly isPublic?: false
      /** One of them is enough. Undefined: whoever has signed in and may enter the sandbox. */
      readonly permissions: Permissions | undefined
      readonly api: Api
    }

export interface RegisteredRoute {
  readonly method: string
  readonly url: string
  readonly guard: Guard
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route there is, for who wants to be sure that none is forgotten. */
    readonly registeredRoutes: RegisteredRoute[]
  }
  interface FastifyContextConfig {
    readonly guard?: Guard
  }
  interface FastifyRequest {
    /** Set by the gateway before any handler of a guarded route. */
    caller: Caller | null
    /** Set by the gateway where the address, not a header, names the sandbox. */
    principal: Principal | null
    /** Ends the connection while the body is late. */
    bodyTimer: NodeJS.Timeout | null
  }
}

/** `config` of a route anybody may ask. */
export const open = { guard: { isPublic: true } } as const

/** `config` of a route for all who have signed in; what they get is theirs. */
export function signedIn(api: Api): { readonly guard: Guard } {
  return { guard: { permissions: undefined, api } }
}

/** `config` of a route that needs a permission, or one of several, in the sandbox asked for. */
export function guarded(api: Api, ...permissions: Permissions): { readonly guard: Guard } {
  return { guard: { permissions, api } }
}
