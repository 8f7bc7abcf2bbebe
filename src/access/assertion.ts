import { createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'

/** How far ahead an assertion may end: it is kept so long to be refused the second time. */
const longestMs = 25 * 3_600_000
const lettersMax = 8_192

const header = z.object({ alg: z.literal('RS256') })
const claims = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.number(),
})

/**
 * A JSON Web Token, signed RS256 by a key of the client, issued by its organisation, meant for the client
 * (`…/c/<client id>`) and not over.
 * @see https://www.rfc-editor.org/rfc/rfc7519
 * @returns undefined for one that is not all of that
 */
export function readAssertion(
  text: string,
  expected: {
    readonly publicKeys: readonly string[]
    readonly organizationId: string
    readonly clientId: string
    readonly now: Date
  },
): { readonly expiresAt: Date } | undefined {
  const match = text.length <= lettersMax ? /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(text) : undefined
  const [, head = '', body = '', signature = ''] = match ?? []
  if (!header.safeParse(decoded(head)).success) return undefined
  const said = claims.safeParse(decoded(body))
  if (!said.success) return undefined
  const signed = Buffer.from(`${head}.${body}`)
  const proof = Buffer.from(signature, 'base64url')
  const isSigned = expected.publicKeys.some((pem) =>
    verify('RSA-SHA256', signed, createPublicKey(pem), proof),
  )
  const { iss, aud, exp } = said.data
  const expiresAt = new Date(exp * 1000)
  const leftMs = expiresAt.getTime() - expected.now.getTime()
  const isMeant = [aud].flat().some((audience) => audience.endsWith(`/c/${expected.clientId}`))
  const isRight = isSigned && isMeant && iss === expected.organizationId && leftMs > 0 && leftMs <= longestMs
  return isRight ? { expiresAt } : undefined
}

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return undefined // Not a token then.
  }
}
