import type { OrganizationId, PrincipalId } from '#base/ids.ts'
import type { AccessTables, ClientRow, PrincipalRow, SqlLoginRow } from './access-tables.ts'
import { endLandingKeys } from './landing-keys.ts'
import type { Db } from './metadata.ts'
import { preparedStatement } from './prepared.ts'
import { noRevision, type RevisionScope } from './revisions.ts'

export type { ClientRow, SqlLoginRow } from './access-tables.ts'

const rightsScope: RevisionScope = 'rights'

/** A token's principal, whether or not the token is still good: who asks decides and can say who it was. */
export async function findToken(
  db: Db,
  tokenHash: Buffer,
): Promise<(PrincipalRow & { readonly client_id: string; readonly expires_at: Date }) | undefined> {
  return await db
    .selectFrom('tokens')
    .innerJoin('principals', 'principals.id', 'tokens.principal_id')
    .innerJoin('clients', 'clients.client_id', 'tokens.client_id')
    .selectAll('principals')
    .select(['tokens.client_id', 'tokens.expires_at'])
    .where('tokens.token_hash', '=', tokenHash)
    .where('principals.disabled_at', 'is', null)
    .where('clients.revoked_at', 'is', null)
    .executeTakeFirst()
}

/** A client that is not revoked, of a principal alive, with what it may prove itself by now. */
export async function findClient(
  db: Db,
  clientId: string,
  now: Date,
): Promise<
  | {
      readonly principal: PrincipalRow
      readonly secretHashes: readonly Buffer[]
      readonly publicKeys: readonly string[]
    }
  | undefined
> {
  const principal = await db
    .selectFrom('clients')
    .innerJoin('principals', 'principals.id', 'clients.principal_id')
    .selectAll('principals')
    .where('clients.client_id', '=', clientId)
    .where('clients.revoked_at', 'is', null)
    .where('principals.disabled_at', 'is', null)
    .executeTakeFirst()
  if (!principal) return undefined
  const secrets = await db
    .selectFrom('client_secrets')
    .select('secret_hash')
    .where('client_id', '=', clientId)
    .where((check) => check.or([check('expires_at', 'is', null), check('expires_at', '>', now)]))
    .execute()
  const keys = await db
    .selectFrom('client_keys')
    .select('public_key')
    .where('client_id', '=', clientId)
    .where((check) => check.or([check('expires_at', 'is', null), check('expires_at', '>', now)]))
    .execute()
  return {
    principal,
    secretHashes: secrets.map((row) => row.secret_hash),
    publicKeys: keys.map((row) => row.public_key),
  }
}

export async function insertToken(db: Db, token: AccessTables['tokens']): Promise<void> {
  await db.insertInto('tokens').values(token).execute()
}

export async function deleteToken(db: Db, tokenHash: Buffer): Promise<PrincipalId | undefined> {
  const row = await db
    .deleteFrom('tokens')
    .where('token_hash', '=', tokenHash)
    .returning('principal_id')
    .executeTakeFirst()
  return row?.principal_id
}

export async function deleteExpiredTokens(db: Db, before: Date): Promise<void> {
  await db.deleteFrom('tokens').where('expires_at', '<=', before).execute()
}

/** False: the assertion has been used before. */
export async function recordAssertion(
  db: Db,
  assertion: AccessTables['used_assertions'],
  now: Date,
): Promise<boolean> {
  await db.deleteFrom('used_assertions').where('expires_at', '<=', now).execute()
  const row = await db
    .insertInto('used_assertions')
    .values(assertion)
    .onConflict((conflict) => conflict.doNothing())
    .returning('expires_at')
    .executeTakeFirst()
  return row !== undefined
}

export async function insertClient(
  db: Db,
  client: {
    readonly client_id: string
    readonly principal_id: PrincipalId
    readonly name: string
    readonly created_at: Date
  },
): Promise<void> {
  await db
    .insertInto('clients')
    .values({ ...client, revoked_at: null })
    .execute()
}

export async function insertClientSecret(db: Db, secret: AccessTables['client_secrets']): Promise<void> {
  await db.insertInto('client_secrets').values(secret).execute()
}

export async function insertClientKey(db: Db, key: AccessTables['client_keys']): Promise<void> {
  await db.insertInto('client_keys').values(key).execute()
}

/** Secrets made before end at that time, unless they end sooner anyway. */
export async function endClientSecrets(
  db: Db,
  options: { readonly clientId: string; readonly at: Date },
): Promise<void> {
  const { clientId, at } = options
  await db
    .updateTable('client_secrets')
    .set({ expires_at: at })
    .where('client_id', '=', clientId)
    .where((check) => check.or([check('expires_at', 'is', null), check('expires_at', '>', at)]))
    .execute()
}

export interface ClientFigures extends ClientRow {
  readonly principal_name: string
  /** When each of its secrets ends. */
  readonly secrets: readonly {
    readonly id: string
    readonly created_at: Date
    readonly expires_at: Date | null
  }[]
}

export async function selectClients(
  db: Db,
  filter: { readonly organizationId: OrganizationId; readonly clientId?: string },
): Promise<ClientFigures[]> {
  const clients = await db
    .selectFrom('clients')
    .innerJoin('principals', 'principals.id', 'clients.principal_id')
    .selectAll('clients')
    .select('principals.name as principal_name')
    .where('principals.organization_id', '=', filter.organizationId)
    .$if(filter.clientId !== undefined, (query) => query.where('clients.client_id', '=', filter.clientId!))
    .orderBy('clients.created_at')
    .orderBy('clients.client_id')
    .execute()
  if (clients.length === 0) return []
  const secrets = await db
    .selectFrom('client_secrets')
    .select(['id', 'client_id', 'created_at', 'expires_at'])
    .where(
      'client_id',
      'in',
      clients.map((client) => client.client_id),
    )
    .orderBy('created_at')
    .execute()
  return clients.map((client) => ({
    ...client,
    secrets: secrets.filter((secret) => secret.client_id === client.client_id),
  }))
}

/** The client and all that it got by its secrets end; and who is nothing but this client, with his SQL logins and schedules. */
export async function revokeClient(db: Db, clientId: string, at: Date): Promise<void> {
  const client = await db
    .updateTable('clients')
    .set({ revoked_at: at })
    .where('client_id', '=', clientId)
    .where('revoked_at', 'is', null)
    .returning('principal_id')
    .executeTakeFirst()
  await endAccessByClient(db, clientId)
  if (!client) return
  await db
    .updateTable('principals')
    .set({ disabled_at: at })
    .where('id', '=', client.principal_id)
    .where('kind', '=', 'api-client')
    .where('disabled_at', 'is', null)
    .execute()
}

/** Its tokens end, and the keys of landing zones of whose it is: one was had for the other. */
export async function endAccessByClient(db: Db, clientId: string): Promise<void> {
  await db.deleteFrom('tokens').where('client_id', '=', clientId).execute()
  const client = await db
    .selectFrom('clients')
    .select('principal_id')
    .where('client_id', '=', clientId)
    .executeTakeFirst()
  if (client) await endLandingKeys(db, client.principal_id)
}

/** As of each of his clients. */
export async function endAccessOfPrincipal(db: Db, principalId: PrincipalId): Promise<void> {
  await db.deleteFrom('tokens').where('principal_id', '=', principalId).execute()
  await endLandingKeys(db, principalId)
}

export async function findSqlLogin(db: Db, sqlUser: string): Promise<SqlLoginRow | undefined> {
  return await db.selectFrom('sql_logins').selectAll().where('sql_user', '=', sqlUser).executeTakeFirst()
}

/** A login with whose it is, unless that principal is disabled. */
export async function findSqlLoginOf(
  db: Db,
  sqlUser: string,
): Promise<
  | {
      readonly login: SqlLoginRow
      readonly principal: Pick<PrincipalRow, 'id' | 'organization_id' | 'name'>
    }
  | undefined
> {
  const row = await db
    .selectFrom('sql_logins')
    .innerJoin('principals', 'principals.id', 'sql_logins.principal_id')
    .selectAll('sql_logins')
    .select(['principals.organization_id as of_organization', 'principals.name as of_name'])
    .where('sql_logins.sql_user', '=', sqlUser)
    .where('principals.disabled_at', 'is', null)
    .executeTakeFirst()
  if (!row) return undefined
  const { of_organization: organizationId, of_name: name, ...login } = row
  return { login, principal: { id: login.principal_id, organization_id: organizationId, name } }
}

const rightsOfLogin = preparedStatement<{ readonly revision: string | null }>(`
  select (select revision from revisions where scope = '${rightsScope}') as revision
  from sql_logins join principals on principals.id = sql_logins.principal_id
  where sql_logins.sql_user = $1 and sql_logins.principal_id = $2 and principals.disabled_at is null
    and (sql_logins.expires_at is null or sql_logins.expires_at > $4)
    and (sql_logins.stored_key = $3 or (sql_logins.previous_stored_key = $3 and sql_logins.previous_until > $4))`)

/**
 * The revision of all rights, if the login is good at that time and its principal not disabled; else undefined. One look, as
 * it is asked before every statement.
 * @param login.storedKey of the password that the session was opened by
 */
export async function findRightsOfLogin(
  db: Db,
  login: { readonly sqlUser: string; readonly principalId: PrincipalId; readonly storedKey: Buffer },
  now: Date,
): Promise<string | undefined> {
  const [row] = await rightsOfLogin(db, [login.sqlUser, login.principalId, login.storedKey, now])
  return row && (row.revision ?? noRevision)
}

/** Takes the name's earlier login's place. */
export async function putSqlLogin(db: Db, login: SqlLoginRow): Promise<void> {
  const { sql_user: _, ...rest } = login
  await db
    .insertInto('sql_logins')
    .values(login)
    .onConflict((conflict) => conflict.column('sql_user').doUpdateSet(rest))
    .execute()
}

/** Of a login that ends by being unused: that it is used. */
export async function touchSqlLogin(db: Db, sqlUser: string, at: Date): Promise<void> {
  await db
    .updateTable('sql_logins')
    .set({ used_at: at })
    .where('sql_user', '=', sqlUser)
    .where('used_at', '<', at)
    .execute()
}

export async function selectSqlLogins(
  db: Db,
  filter: { readonly organizationId: OrganizationId; readonly principalId?: PrincipalId },
): Promise<
  (Pick<SqlLoginRow, 'sql_user' | 'created_at' | 'expires_at' | 'principal_id'> & {
    principal_name: string
  })[]
> {
  return await db
    .selectFrom('sql_logins')
    .innerJoin('principals', 'principals.id', 'sql_logins.principal_id')
    .select([
      'sql_logins.sql_user',
      'sql_logins.created_at',
      'sql_logins.expires_at',
      'sql_logins.principal_id',
      'principals.name as principal_name',
    ])
    .where('principals.organization_id', '=', filter.organizationId)
    .$if(filter.principalId !== undefined, (query) =>
      query.where('sql_logins.principal_id', '=', filter.principalId!),
    )
    .orderBy('sql_logins.sql_user')
    .execute()
}

export async function deleteSqlLogin(db: Db, sqlUser: string): Promise<void> {
  await db.deleteFrom('sql_logins').where('sql_user', '=', sqlUser).execute()
}

/** Takes the place of every client and login the principal had. */
export async function replaceSecrets(
  db: Db,
  secrets: {
    readonly clientId: string
    readonly principalId: PrincipalId
    readonly secretId: string
    readonly secretHash: Buffer
    readonly login: SqlLoginRow
    readonly now: Date
  },
): Promise<void> {
  const { clientId, principalId, now } = secrets
  await db.deleteFrom('clients').where('principal_id', '=', principalId).execute()
  await db.deleteFrom('sql_logins').where('principal_id', '=', principalId).execute()
  await endAccessOfPrincipal(db, principalId)
  await insertClient(db, {
    client_id: clientId,
    principal_id: principalId,
    name: 'Administrator',
    created_at: now,
  })
  await insertClientSecret(db, {
    id: secrets.secretId,
    client_id: clientId,
    secret_hash: secrets.secretHash,
    created_at: now,
    expires_at: null,
  })
  await db.insertInto('sql_logins').values(secrets.login).execute()
}
