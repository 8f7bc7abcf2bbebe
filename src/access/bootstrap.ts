import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { newOrganizationId, newUuidId, type OrganizationId, type PrincipalId } from '#base/ids.ts'
import {
  findClient,
  findFirstOrganization,
  insertOrganization,
  lockBootstrap,
  replaceSecrets,
} from '#metadata/access.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { type Credentials, permissions } from './access.ts'
import { readCredentials, writeCredentials } from './credentials-file.ts'
import { scramVerifierOf } from './scram.ts'
import { hashSecret, isSecret, newSecret } from './secrets.ts'

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
      await refuseOthers({ tx, path, credentials: found, organizationId: first.id })
      return found
    }
    const credentials = found ?? newCredentials(newOrganizationId())
    if (!found) await writeCredentials(path, credentials, { replaces: false })
    const principalId = newUuidId('principal')
    const created_at = clock.now()
    await insertOrganization(tx, {
      organization: { id: credentials.organizationId, name: 'Sluice', created_at },
      sandbox: {
        id: newUuidId('sandbox'),
        organization_id: credentials.organizationId,
        name: 'prod',
        created_at,
      },
      principal: {
        id: principalId,
        organization_id: credentials.organizationId,
        name: 'Administrator',
        created_at,
        disabled_at: null,
      },
      roleId: randomUUID(),
      permissions,
    })
    await storeSecrets({ tx, credentials, principalId, now: created_at })
    return credentials
  })
}

/** New secrets for the first administrator; the old ones, and tokens issued for them, end at once. */
export async function rotateCredentials({
  metadata,
  credentialsFile: path,
  clock,
}: BootstrapOptions): Promise<Credentials> {
  return await metadata.transaction(async (tx) => {
    await lockBootstrap(tx)
    const first = await findFirstOrganization(tx)
    if (!first)
      throw new AppError('home.unusable', 'There are no credentials yet.', { hint: 'Start Sluice once.' })
    const credentials = newCredentials(first.id)
    await storeSecrets({ tx, credentials, principalId: first.administrator, now: clock.now() })
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
    client: {
      client_id: credentials.clientId,
      principal_id: principalId,
      secret_hash: hashSecret(credentials.clientSecret),
      created_at: now,
    },
    login: {
      sql_user: credentials.sqlUser,
      principal_id: principalId,
      iterations: verifier.iterations,
      salt: verifier.salt,
      stored_key: verifier.storedKey,
      server_key: verifier.serverKey,
      created_at: now,
    },
  })
}

async function refuseOthers(options: {
  readonly tx: Transaction
  readonly path: string
  readonly credentials: Credentials
  readonly organizationId: OrganizationId
}): Promise<void> {
  const { tx, path, credentials, organizationId } = options
  const client = await findClient(tx, credentials.clientId)
  const isKnown =
    credentials.organizationId === organizationId &&
    client !== undefined &&
    isSecret(credentials.clientSecret, client.secret_hash)
  if (!isKnown) {
    throw new AppError('home.unusable', `The credentials ${path} are not those of this database.`, {
      hint: rotateHint,
    })
  }
}
