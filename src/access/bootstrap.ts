import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { newOrganizationId, newUuidId, type OrganizationId, type PrincipalId } from '#base/ids.ts'
import {
  findFirstOrganization,
  insertOrganization,
  lockBootstrap,
  selectOrganizations,
} from '#metadata/access.ts'
import { findClient, replaceSecrets } from '#metadata/credentials.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { addMember } from '#metadata/roles.ts'
import type { Access, Credentials } from './access.ts'
import { readCredentials, writeCredentials } from './credentials-file.ts'
import { scramVerifierOf } from './scram.ts'
import { hashSecret, isSecret, newSecret } from './secrets.ts'
import { ensureShippedRoles } from './shipped-roles.ts'

interface BootstrapOptions {
  readonly metadata: Metadata
  /** Kept for its owner only. */
  readonly credentialsFile: string
  readonly clock: Clock
}

const rotateHint =
  'Put the file back, or make new credentials, which end the old ones: sluice credentials --rotate'

/**
 * The file is written before the organisation is committed: a crash between leaves a file whose credentials the
 * next start takes, never an organisation whose secrets nobody knows.
 */
export async function bootstrap({
  metadata,
  credentialsFile: path,
  clock,
}: BootstrapOptions): Promise<Credentials> {
  return await metadata.transaction(async (tx) => {
    await lockBootstrap(tx)
    const first = await findFirstOrganization(tx)
    const found = await readCredentials(path)
    if (first) {
      if (!found) {
        throw new AppError('home.unusable', `The credentials ${path} of this database are lost.`, {
          hint: rotateHint,
        })
      }
      await refuseOthers({ tx, path, credentials: found, organizationId: first.id, now: clock.now() })
      for (const { id } of await selectOrganizations(tx)) await ensureShippedRoles(tx, id, clock.now())
      return found
    }
    const credentials = found ?? newCredentials(newOrganizationId())
    if (!found) await writeCredentials(path, credentials, { replaces: false })
    await makeOrganization(tx, { name: 'Sluice', credentials, now: clock.now() })
    return credentials
  })
}

/**
 * Another organisation with the sandbox `prod` and an administrator, whose credentials are told here and nowhere else.
 */
export async function createOrganization(tx: Transaction, name: string, now: Date): Promise<Credentials> {
  const organizationId = newOrganizationId()
  const sqlUser = `admin-${organizationId.slice(0, 8).toLowerCase()}`
  const credentials = { ...newCredentials(organizationId), sqlUser }
  await makeOrganization(tx, { name, credentials, now })
  return credentials
}

async function makeOrganization(
  tx: Transaction,
  options: { readonly name: string; readonly credentials: Credentials; readonly now: Date },
): Promise<void> {
  const { name, credentials, now } = options
  const { organizationId } = credentials
  const principalId = newUuidId('principal')
  await insertOrganization(tx, {
    organization: { id: organizationId, name, created_at: now },
    sandboxId: newUuidId('sandbox'),
    principal: { id: principalId, name: 'Administrator', created_at: now },
  })
  await addMember(tx, await ensureShippedRoles(tx, organizationId, now), principalId)
  await storeSecrets({ tx, credentials, principalId, now })
}

/** New secrets for the first administrator; the old ones, and tokens issued for them, end at once. On record. */
export async function rotateCredentials({
  metadata,
  credentialsFile: path,
  clock,
  audit,
  by,
}: BootstrapOptions & {
  readonly audit: Access['audit']
  /** Absent: who can read the home. */
  readonly by: PrincipalId | undefined
}): Promise<Credentials> {
  return await metadata.transaction(async (tx) => {
    await lockBootstrap(tx)
    const first = await findFirstOrganization(tx)
    if (!first)
      throw new AppError('home.unusable', 'There are no credentials yet.', { hint: 'Start Sluice once.' })
    const credentials = newCredentials(first.id)
    await storeSecrets({ tx, credentials, principalId: first.administrator, now: clock.now() })
    const { administrator } = first
    await audit(
      {
        principalId: by ?? administrator,
        sandboxId: undefined,
        action: 'rotate',
        assetType: 'Credentials',
        assetId: administrator,
        status: 'Allow',
      },
      tx,
    )
    // Last before the commit: when the commit fails the file is wrong, is refused by name, and rotating again mends it.
    await writeCredentials(path, credentials, { replaces: true })
    return credentials
  })
}

function newCredentials(organizationId: OrganizationId): Credentials {
  return {
    organizationId,
    clientId: randomBytes(16).toString('hex'),
    clientSecret: newSecret(),
    sqlUser: 'admin',
    sqlPassword: newSecret(),
  }
}

async function storeSecrets(options: {
  readonly tx: Transaction
  readonly credentials: Credentials
  readonly principalId: PrincipalId
  readonly now: Date
}): Promise<void> {
  const { tx, credentials, principalId, now } = options
  const verifier = await scramVerifierOf(credentials.sqlPassword)
  await replaceSecrets(tx, {
    clientId: credentials.clientId,
    principalId,
    secretId: randomUUID(),
    secretHash: hashSecret(credentials.clientSecret),
    login: {
      sql_user: credentials.sqlUser,
      principal_id: principalId,
      iterations: verifier.iterations,
      salt: verifier.salt,
      stored_key: verifier.storedKey,
      server_key: verifier.serverKey,
      created_at: now,
      expires_at: null,
      previous_stored_key: null,
      previous_server_key: null,
      previous_until: null,
      used_at: null,
    },
    now,
  })
}

async function refuseOthers(options: {
  readonly tx: Transaction
  readonly path: string
  readonly credentials: Credentials
  readonly organizationId: OrganizationId
  readonly now: Date
}): Promise<void> {
  const { tx, path, credentials, organizationId, now } = options
  const client = await findClient(tx, credentials.clientId, now)
  const isKnown =
    credentials.organizationId === organizationId &&
    client !== undefined &&
    client.secretHashes.some((hash) => isSecret(credentials.clientSecret, hash))
  if (!isKnown) {
    throw new AppError('home.unusable', `The credentials ${path} are not those of this database.`, {
      hint: rotateHint,
    })
  }
}
