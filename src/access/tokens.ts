import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { PrincipalId } from '#base/ids.ts'
import {
  deleteExpiredTokens,
  deleteToken,
  findClient,
  findToken,
  insertToken,
  recordAssertion,
} from '#metadata/credentials.ts'
import type { Db, Metadata } from '#metadata/metadata.ts'
import type { Access, IssuedToken, Principal } from './access.ts'
import { readAssertion } from './assertion.ts'
import { hashSecret, isSecret, newSecret } from './secrets.ts'
import type { SignIns } from './sign-ins.ts'

/** As the reference platform's token endpoint says it. */
const tokenSeconds = 86_399
/** An expired token is still known for so long, so that its use can be told of whom it was. */
const expiredKeptMs = 86_400_000
/** Compared with when the client is unknown, so that the answer takes as long. */
const nobodysHash = hashSecret(newSecret())

interface TokensOptions {
  readonly metadata: Metadata
  readonly clock: Clock
  readonly signIns: SignIns
  readonly audit: Access['audit']
}

type Tokens = Pick<Access, 'authenticateToken' | 'issueToken' | 'exchangeAssertion' | 'revokeToken'>

export function createTokens({ metadata, clock, signIns, audit }: TokensOptions): Tokens {
  const { db } = metadata

  /** @throws AppError 'access.unauthenticated', 'access.too_many' */
  async function clientOf(client: { readonly clientId: string; readonly clientSecret: string }) {
    const signIn = await signIns.begin(client.clientId)
    const known = await findClient(db, client.clientId, clock.now())
    const hashes = known?.secretHashes ?? []
    const isRight = (hashes.length === 0 ? [nobodysHash] : hashes).some((hash) =>
      isSecret(client.clientSecret, hash),
    )
    if (known && isRight) return { ...known, signIn }
    await signIn.refused('client secret', known && principalOf(known.principal))
    throw wrongClient()
  }

  async function newToken(tx: Db, principalId: PrincipalId, clientId: string): Promise<IssuedToken> {
    const accessToken = newSecret()
    const now = clock.now()
    await deleteExpiredTokens(tx, new Date(now.getTime() - expiredKeptMs))
    await insertToken(tx, {
      token_hash: hashSecret(accessToken),
      principal_id: principalId,
      client_id: clientId,
      issued_at: now,
      expires_at: new Date(now.getTime() + tokenSeconds * 1000),
    })
    return { accessToken, expiresInSeconds: tokenSeconds }
  }

  return {
    authenticateToken: async (token) => {
      const row = await findToken(db, hashSecret(token))
      const principal = row && { ...principalOf(row), clientId: row.client_id }
      if (row && principal && row.expires_at > clock.now()) return principal
      await signIns.record(principal ? 'expired token' : 'unknown token', principal)
      throw new AppError('access.unauthenticated', 'The bearer token is unknown or has expired.', {
        hint: 'Fetch a new one from the token endpoint with your client id and secret.',
      })
    },
    issueToken: async (given) => {
      const client = await clientOf(given)
      client.signIn.succeeded()
      return await newToken(db, client.principal.id, given.clientId)
    },
    exchangeAssertion: async (given) => {
      const client = await clientOf(given)
      const principal = principalOf(client.principal)
      const now = clock.now()
      const assertion = readAssertion(given.assertion, {
        publicKeys: client.publicKeys,
        organizationId: principal.organizationId,
        clientId: given.clientId,
        now,
      })
      const isNew =
        assertion !== undefined &&
        (await recordAssertion(
          db,
          { assertion_hash: hashSecret(given.assertion), expires_at: assertion.expiresAt },
          now,
        ))
      if (!isNew) {
        await client.signIn.refused(assertion ? 'used assertion' : 'assertion', principal)
        throw new AppError('access.unauthenticated', 'The assertion is not good.', {
          hint: 'Sign a new one (RS256) with a key registered for the client; each is good for one token.',
        })
      }
      client.signIn.succeeded()
      return await newToken(db, principal.id, given.clientId)
    },
    revokeToken: async (token) => {
      await metadata.transaction(async (tx) => {
        const principalId = await deleteToken(tx, hashSecret(token))
        if (principalId === undefined) return
        await audit(
          {
            principalId,
            sandboxId: undefined,
            action: 'delete',
            assetType: 'Credential',
            assetId: 'token',
            status: 'Allow',
          },
          tx,
        )
      })
    },
  }
}

function wrongClient(): AppError {
  return new AppError('access.unauthenticated', 'The client id or the client secret is wrong.', {
    hint: 'See them with: sluice credentials',
  })
}

export function principalOf(row: {
  readonly id: PrincipalId
  readonly organization_id: Principal['organizationId']
  readonly name: string
}): Principal {
  return { id: row.id, organizationId: row.organization_id, name: row.name }
}
