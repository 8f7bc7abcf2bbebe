import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import { requestContext } from '#base/request-context.ts'
import type { Access, Principal } from './access.ts'
import { createSignInLimits } from './sign-in-limits.ts'

/** Refusals of strangers on record in a minute; a flood of them must not fill the disk. */
const strangersMax = 60
const minuteMs = 60_000
/** No refusal is said sooner: what it was refused for cannot be told by the time it took. */
const refusalMs = 150

/** Where everybody who proves who he is begins: limits, the record of refusals, and how long they take. */
export interface SignIns {
  /** @throws AppError 'access.too_many' */
  begin(name: string): Promise<SignIn>
  /** A refusal of what is no sign-in, as of a token. */
  record(what: string, principal?: Principal): Promise<void>
}

export interface SignIn {
  succeeded(): void
  /** Counted and on record; resolves when the refusal may be said. */
  refused(what: string, principal?: Principal): Promise<void>
}

export function createSignIns(options: {
  readonly clock: Clock
  readonly logger: Logger
  readonly audit: Access['audit']
}): SignIns {
  const { clock, logger, audit } = options
  const limits = createSignInLimits(() => clock.now())
  const strangers = { sinceMs: 0, count: 0 }

  async function record(what: string, principal?: Principal): Promise<void> {
    const nowMs = clock.now().getTime()
    if (nowMs - strangers.sinceMs > minuteMs) Object.assign(strangers, { sinceMs: nowMs, count: 0 })
    strangers.count += 1
    logger.log('info', 'access.refused', { what })
    if (!principal && strangers.count > strangersMax) return
    await audit({
      principalId: principal?.id,
      sandboxId: undefined,
      action: 'sign-in',
      assetType: 'Credential',
      assetId: what,
      status: 'Deny',
    })
  }

  return {
    begin: async (name) => {
      const beganMs = clock.now().getTime()
      const attempt = { name, address: requestContext()?.address ?? 'this machine' }
      try {
        limits.check(attempt)
      } catch (error) {
        await record('too many attempts')
        throw error
      }
      return {
        succeeded: () => limits.succeeded(attempt),
        refused: async (what, principal) => {
          limits.failed(attempt)
          await record(what, principal)
          const leftMs = beganMs + refusalMs - clock.now().getTime()
          if (leftMs > 0) await clock.sleep(leftMs)
        },
      }
    },
    record,
  }
}
