import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { LostAnswer } from '../remote/failure.ts'
import type { ServicePrincipal } from './azure-config.ts'

const answer = z.object({ access_token: z.string(), expires_in: z.coerce.number() })
const refusal = z.object({ error: z.string() })
interface Token {
  readonly token: string
  readonly expiresOnTimestamp: number
}

/** What the SDK asks for tokens. */
export interface TokenGiver {
  getToken(scopes: string | string[], options?: { readonly abortSignal?: unknown }): Promise<Token>
}

/** Tokens are renewed so long before they end. */
const renewedMs = 5 * 60_000
const answerMsMax = 30_000

/**
 * Tokens of a service principal, by its secret.
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
export function servicePrincipal(principal: ServicePrincipal): TokenGiver {
  const { tenant, clientId, clientSecret, authority = 'https://login.microsoftonline.com' } = principal
  let current: Token | undefined

  async function ask(scope: string, signal: AbortSignal): Promise<Token> {
    const response = await fetch(`${authority}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope,
      }),
      signal,
    }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw new LostAnswer('No token was given.', { cause: error })
    })
    const body: unknown = await response.json().catch(() => undefined) // Its status says enough.
    const given = answer.safeParse(body)
    if (response.ok && given.success) {
      const { access_token: token, expires_in: seconds } = given.data
      return { token, expiresOnTimestamp: Date.now() + seconds * 1000 }
    }
    if (response.status === 429 || response.status >= 500) throw new LostAnswer(`HTTP ${response.status}`)
    const said = refusal.safeParse(body).data?.error ?? `HTTP ${response.status}`
    throw new AppError('store.refused', `${authority} gives the service principal no token (${said}).`, {
      hint: 'Look whether tenant, id and secret are right and the secret has not expired.',
    })
  }

  return {
    getToken: async (scopes, options) => {
      if (current && current.expiresOnTimestamp - Date.now() > renewedMs) return current
      const late = AbortSignal.timeout(answerMsMax)
      const signal = options?.abortSignal ? AbortSignal.any([late, options.abortSignal as AbortSignal]) : late
      current = await ask([scopes].flat().join(' '), signal)
      return current
    },
  }
}
