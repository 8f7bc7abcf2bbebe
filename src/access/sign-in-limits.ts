import { AppError } from '#base/errors.ts'

/** Wrong secrets for one name from one address in a window: people mistype, guesses need far more. */
export const failuresOfNameMax = 10
/** From one address for all names: many may share one, as behind a proxy. */
export const failuresOfAddressMax = 200
const windowMs = 60_000
/** Of both kinds together; of more the oldest are forgotten. */
const countersMax = 20_000

export interface Attempt {
  /** Client id or SQL user, as it was given. */
  readonly name: string
  readonly address: string
}

/**
 * Counts wrong sign-ins. Names are counted for each address apart: whoever floods a client's id with wrong secrets keeps
 * himself out, not the client.
 */
export interface SignInLimits {
  /** @throws AppError 'access.too_many', telling when to come again; right secrets wait too */
  check(attempt: Attempt): void
  failed(attempt: Attempt): void
  succeeded(attempt: Attempt): void
}

export function createSignInLimits(now: () => Date): SignInLimits {
  const counters = new Map<string, { readonly sinceMs: number; count: number }>()
  const keysOf = ({ name, address }: Attempt) =>
    [
      [`name ${address} ${name.slice(0, 256)}`, failuresOfNameMax],
      [`address ${address}`, failuresOfAddressMax],
    ] as const

  function living(key: string) {
    const counter = counters.get(key)
    if (counter && now().getTime() - counter.sinceMs < windowMs) return counter
    counters.delete(key)
    return undefined
  }

  return {
    check: (attempt) => {
      for (const [key, max] of keysOf(attempt)) {
        const counter = living(key)
        if (!counter || counter.count < max) continue
        const leftMs = counter.sinceMs + windowMs - now().getTime()
        throw tooMany(Math.max(1, Math.ceil(leftMs / 1000)))
      }
    },
    failed: (attempt) => {
      for (const [key] of keysOf(attempt)) {
        const counter = living(key)
        if (counter) counter.count += 1
        else counters.set(key, { sinceMs: now().getTime(), count: 1 })
      }
      for (const oldest of counters.keys()) {
        if (counters.size <= countersMax) break
        counters.delete(oldest)
      }
    },
    succeeded: (attempt) => {
      const [[ofName]] = keysOf(attempt)
      counters.delete(ofName)
    },
  }
}

function tooMany(retryAfterSeconds: number): AppError {
  return new AppError('access.too_many', 'Too many sign-ins failed.', {
    hint: `Try again in ${retryAfterSeconds} seconds, with the right secret.`,
    detail: { retryAfterSeconds },
  })
}
