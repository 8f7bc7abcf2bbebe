import { createSign } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { LostAnswer } from '../remote/failure.ts'

const keyFile = z.looseObject({
  client_email: z.string().min(1),
  private_key: z.string().includes('PRIVATE KEY'),
  token_uri: z.url({ protocol: /^https?$/ }).default('https://oauth2.googleapis.com/token'),
})
const answer = z.object({ access_token: z.string(), expires_in: z.coerce.number() })
const refusal = z.object({ error: z.string() })
const scope = 'https://www.googleapis.com/auth/devstorage.read_write'
const tokenSeconds = 3_600
/** Tokens are renewed so long before they end. */
const renewedMs = 5 * 60_000

/**
 * Tokens of a service account, by its key.
 * @see https://developers.google.com/identity/protocols/oauth2/service-account
 * @throws AppError 'store.refused' when the key cannot be read
 */
export function serviceAccount(text: string): (signal: AbortSignal) => Promise<string> {
  const { client_email: email, private_key: privateKey, token_uri: tokenUri } = readKey(text)
  let current: { readonly token: string; readonly until: number } | undefined

  function assertion(): string {
    const now = Math.floor(Date.now() / 1000)
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = { iss: email, scope, aud: tokenUri, iat: now, exp: now + tokenSeconds }
    const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
    try {
      return `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')}`
    } catch {
      throw unreadable() // The library's words could show a part of the key.
    }
  }

  return async (signal) => {
    if (current && current.until - Date.now() > renewedMs) return current.token
    const response = await fetch(tokenUri, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: assertion(),
      }),
      signal,
    })
    const body: unknown = await response.json().catch(() => undefined) // Its status says enough.
    const given = answer.safeParse(body)
    if (response.ok && given.success) {
      const { access_token: token, expires_in: seconds } = given.data
      current = { token, until: Date.now() + seconds * 1000 }
      return token
    }
    if (response.status === 429 || response.status >= 500) throw new LostAnswer(`HTTP ${response.status}`)
    const said = refusal.safeParse(body).data?.error ?? `HTTP ${response.status}`
    throw new AppError('store.refused', `Google gives the service account ${email} no token (${said}).`, {
      hint: 'Look whether the account is enabled and the key was not deleted.',
    })
  }
}

function readKey(text: string): z.infer<typeof keyFile> {
  try {
    return keyFile.parse(JSON.parse(text))
  } catch {
    throw unreadable()
  }
}

function unreadable(): AppError {
  return new AppError('store.refused', 'The key of the service account cannot be read.', {
    hint: 'Give the whole JSON file as Google made it.',
  })
}
