import type { SecretStore } from '#access/secret-store.ts'
import type { OrganizationId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { EntityRow } from '#metadata/exports.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { credentialsExpireAt } from './credential-expiry.ts'
import type { DestinationAuth } from './destination-auth.ts'

/** What a connection's row keeps of how to log in: the secret itself is sealed elsewhere. */
export interface StoredAuth {
  readonly specName: string
  readonly params: Readonly<Record<string, unknown>>
  readonly secretId: string
  /** Whose the secret is, with the row's sandbox. */
  readonly organizationId: OrganizationId
  /** Day of the last change of what is secret. */
  readonly authorizedDate: string
  /** Who made it, and knows what is secret; absent in older ones: who made the connection. */
  readonly authorizedBy?: PrincipalId
  /** Absent where the credentials don't say when they end. */
  readonly expiresAt?: string
}

const purpose = 'destination'

export function storedAuth(document: Readonly<Record<string, unknown>>): StoredAuth | undefined {
  return document['auth'] as StoredAuth | undefined
}

/** Seals what is secret of it. */
export async function sealAuth(
  secrets: SecretStore,
  tx: Transaction,
  auth: DestinationAuth,
  owner: {
    readonly organizationId: OrganizationId
    readonly sandboxId: SandboxId
    readonly principalId: PrincipalId
    readonly now: Date
  },
): Promise<StoredAuth> {
  const { organizationId, sandboxId, principalId, now } = owner
  const value = JSON.stringify(auth.secret ?? {})
  const secretId = await secrets.put(tx, { organizationId, sandboxId, purpose, value })
  const { specName, params } = auth
  const authorizedDate = now.toISOString().slice(0, 10)
  return {
    specName,
    params,
    secretId,
    organizationId,
    authorizedDate,
    authorizedBy: principalId,
    ...expiryOf(auth),
  }
}

export function expiryOf(auth: DestinationAuth): Pick<StoredAuth, 'expiresAt'> {
  const expiresAt = credentialsExpireAt(auth)
  return expiresAt === undefined ? {} : { expiresAt }
}

/** @throws AppError 'admin.unknown' when the connection was deleted meanwhile, 'secret.unreadable' */
export async function openAuth(
  secrets: SecretStore,
  row: Pick<EntityRow, 'document' | 'sandbox_id'>,
): Promise<DestinationAuth | undefined> {
  const stored = storedAuth(row.document)
  if (!stored) return undefined
  const { specName, params, secretId, organizationId } = stored
  const value = await secrets.read(secretId, { organizationId, sandboxId: row.sandbox_id })
  return { specName, params, secret: JSON.parse(value) as Record<string, string> }
}

export async function forgetAuth(
  secrets: SecretStore,
  tx: Transaction,
  row: Pick<EntityRow, 'document' | 'sandbox_id'>,
): Promise<void> {
  const stored = storedAuth(row.document)
  if (!stored) return
  const { secretId, organizationId } = stored
  await secrets.remove(tx, secretId, { organizationId, sandboxId: row.sandbox_id })
}
