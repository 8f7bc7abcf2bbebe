import { createPublicKey, randomBytes } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import { newUuidId } from '#base/ids.ts'
import { insertPrincipal } from '#metadata/access.ts'
import {
  type ClientFigures,
  endAccessByClient,
  endClientSecrets,
  insertClient,
  insertClientKey,
  insertClientSecret,
  revokeClient,
  selectClients,
} from '#metadata/credentials.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { addMember, selectRoles } from '#metadata/roles.ts'
import type { Caller } from './access.ts'
import { type Admin, checkName, subjectIdOf, unknownThing } from './administration.ts'
import { hashSecret, newSecret } from './secrets.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** How long an old secret may work beside its successor. */
export const overlapHoursMax = 30 * 24
/** How long a secret may be good for. */
export const secretDaysMax = 3_650
const minRsaBits = 2_048

export interface ApiClient {
  readonly clientId: string
  readonly subjectId: string
  readonly name: string
  readonly createdAt: Date
  readonly isRevoked: boolean
  readonly secrets: readonly { readonly createdAt: Date; readonly expiresAt: Date | undefined }[]
}

export interface NewSecret {
  readonly clientId: string
  /** Told here and never again. */
  readonly clientSecret: string
  readonly expiresAt: Date | undefined
}

/** API clients of the asker's organisation: subjects of roles like users. For organisation administrators. */
export function createCredentialAdmin(admin: Admin) {
  const { metadata, clock } = admin

  async function living(tx: Transaction, asker: Caller, clientId: string): Promise<ClientFigures> {
    const { organizationId } = asker.principal
    const [client] = await selectClients(tx, { organizationId, clientId })
    if (client?.revoked_at === null) return client
    throw unknownThing('API client', clientId)
  }

  async function addSecret(tx: Transaction, clientId: string, days: number | undefined): Promise<NewSecret> {
    const clientSecret = newSecret()
    const now = clock.now()
    const expiresAt = days === undefined ? undefined : new Date(now.getTime() + days * dayMs)
    await insertClientSecret(tx, {
      id: admin.newId(),
      client_id: clientId,
      secret_hash: hashSecret(clientSecret),
      created_at: now,
      expires_at: expiresAt ?? null,
    })
    return { clientId, clientSecret, expiresAt }
  }

  return {
    clients: async (asker: Caller): Promise<ApiClient[]> => {
      await admin.require(asker)
      const { organizationId } = asker.principal
      return (await selectClients(metadata.db, { organizationId })).map(clientOf)
    },

    /** Roles by id or name; without any it may sign in and nothing else. */
    createClient: async (
      asker: Caller,
      wanted: {
        readonly name: string
        readonly roles: readonly string[]
        readonly expiresInDays?: number | undefined
      },
    ): Promise<NewSecret> => {
      await admin.require(asker)
      const { organizationId } = asker.principal
      const name = checkName('The name of an API client', wanted.name)
      const [principalId, clientId, now] = [
        newUuidId('principal'),
        randomBytes(16).toString('hex'),
        clock.now(),
      ]
      return await metadata.transaction(async (tx) => {
        const roles = await selectRoles(tx, { organizationId })
        const roleIds = wanted.roles.map((asked) => {
          const role = roles.find((candidate) => candidate.id === asked || candidate.name === asked)
          if (role) return role.id
          throw unknownThing('role', asked)
        })
        await insertPrincipal(tx, {
          id: principalId,
          organization_id: organizationId,
          name,
          email: null,
          kind: 'api-client',
          created_at: now,
        })
        await insertClient(tx, { client_id: clientId, principal_id: principalId, name, created_at: now })
        for (const roleId of roleIds) await addMember(tx, roleId, principalId)
        await admin.record(tx, asker, {
          action: 'create',
          assetType: 'API Client',
          assetId: clientId,
          detail: { roles: roleIds },
        })
        return await addSecret(tx, clientId, wanted.expiresInDays)
      })
    },

    /** A new secret; those before work on for the overlap. With an overlap of 0 tokens and keys of landing zones end at once too. */
    rotateClientSecret: async (
      asker: Caller,
      clientId: string,
      options: { readonly overlapHours: number; readonly expiresInDays?: number | undefined },
    ): Promise<NewSecret> => {
      await admin.require(asker)
      return await metadata.transaction(async (tx) => {
        await living(tx, asker, clientId)
        const at = new Date(clock.now().getTime() + options.overlapHours * hourMs)
        await endClientSecrets(tx, { clientId, at })
        if (options.overlapHours === 0) await endAccessByClient(tx, clientId)
        const detail = { overlapHours: options.overlapHours }
        await admin.record(tx, asker, {
          action: 'rotate',
          assetType: 'API Client',
          assetId: clientId,
          detail,
        })
        return await addSecret(tx, clientId, options.expiresInDays)
      })
    },

    /** A public key (PEM, RSA) for signed assertions, beside those there are. */
    addClientKey: async (
      asker: Caller,
      clientId: string,
      key: { readonly publicKey: string; readonly expiresInDays?: number | undefined },
    ): Promise<void> => {
      await admin.require(asker)
      const publicKey = rsaPublicKey(key.publicKey)
      const now = clock.now()
      await metadata.transaction(async (tx) => {
        await living(tx, asker, clientId)
        await insertClientKey(tx, {
          id: admin.newId(),
          client_id: clientId,
          public_key: publicKey,
          created_at: now,
          expires_at:
            key.expiresInDays === undefined ? null : new Date(now.getTime() + key.expiresInDays * dayMs),
        })
        const detail = { key: 'added' }
        await admin.record(tx, asker, {
          action: 'update',
          assetType: 'API Client',
          assetId: clientId,
          detail,
        })
      })
    },

    /** It, its tokens and its keys of landing zones end at once. */
    revokeClient: async (asker: Caller, clientId: string): Promise<void> => {
      await admin.require(asker)
      await metadata.transaction(async (tx) => {
        await living(tx, asker, clientId)
        if (asker.principal.clientId === clientId) {
          throw new AppError('admin.invalid', 'A client does not revoke itself.', {
            hint: 'Do it with the token of another one.',
          })
        }
        await revokeClient(tx, clientId, clock.now())
        await admin.record(tx, asker, { action: 'delete', assetType: 'API Client', assetId: clientId })
      })
    },
  }
}

function rsaPublicKey(pem: string): string {
  try {
    const key = createPublicKey(pem)
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
    if (key.asymmetricKeyType === 'rsa' && bits >= minRsaBits) {
      return key.export({ format: 'pem', type: 'spki' }).toString()
    }
  } catch {
    // Not a key at all: said below.
  }
  throw new AppError(
    'admin.invalid',
    `An RSA public key of ${minRsaBits} bits or more, as PEM, was expected.`,
  )
}

function clientOf(row: ClientFigures): ApiClient {
  return {
    clientId: row.client_id,
    subjectId: subjectIdOf(row.principal_id),
    name: row.name,
    createdAt: row.created_at,
    isRevoked: row.revoked_at !== null,
    secrets: row.secrets.map(({ created_at, expires_at }) => ({
      createdAt: created_at,
      expiresAt: expires_at ?? undefined,
    })),
  }
}
