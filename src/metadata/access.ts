import { type Selectable, sql } from 'kysely'
import type { OrganizationId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db } from './metadata.ts'

export interface AccessTables {
  organizations: { id: OrganizationId; name: string; created_at: Date }
  sandboxes: { id: SandboxId; organization_id: OrganizationId; name: string; created_at: Date }
  principals: {
    id: PrincipalId
    organization_id: OrganizationId
    name: string
    created_at: Date
    disabled_at: Date | null
  }
  roles: { id: string; organization_id: OrganizationId; name: string }
  role_permissions: { role_id: string; permission: string; sandbox_id: SandboxId | null }
  role_members: { role_id: string; principal_id: PrincipalId }
  clients: { client_id: string; principal_id: PrincipalId; secret_hash: Buffer; created_at: Date }
  tokens: { token_hash: Buffer; principal_id: PrincipalId; expires_at: Date }
  sql_logins: {
    sql_user: string
    principal_id: PrincipalId
    iterations: number
    salt: Buffer
    stored_key: Buffer
    server_key: Buffer
    created_at: Date
  }
  audit: AuditTable
}

interface AuditTable {
  at: Date
  organization_id: OrganizationId | null
  principal_id: PrincipalId | null
  sandbox_id: SandboxId | null
  action: string
  asset_type: string
  asset_id: string
  status: 'Allow' | 'Deny'
  detail: unknown
}

export type PrincipalRow = Selectable<AccessTables['principals']>
export type SandboxRow = Selectable<AccessTables['sandboxes']>

/** Any number that nobody else uses: who makes or replaces the first credentials does it alone. */
const bootstrapLock = 8_710_873_202

/** Until the end of the transaction. */
export async function lockBootstrap(db: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(${bootstrapLock}::bigint)`.execute(db)
}

/** Whether some role of the principal, alive, gives the permission in that sandbox of its organisation. */
export async function isPermitted(
  db: Db,
  question: { readonly principalId: PrincipalId; readonly permission: string; readonly sandboxId: SandboxId },
): Promise<boolean> {
  const row = await db
    .selectFrom('role_members as member')
    .innerJoin('principals as principal', 'principal.id', 'member.principal_id')
    .innerJoin('roles as role', 'role.id', 'member.role_id')
    .innerJoin('role_permissions as given', 'given.role_id', 'role.id')
    .innerJoin('sandboxes as sandbox', 'sandbox.organization_id', 'role.organization_id')
    .whereRef('principal.organization_id', '=', 'role.organization_id')
    .where('principal.disabled_at', 'is', null)
    .where('member.principal_id', '=', question.principalId)
    .where('given.permission', '=', question.permission)
    .where('sandbox.id', '=', question.sandboxId)
    .where((check) =>
      check.or([check('given.sandbox_id', 'is', null), check('given.sandbox_id', '=', question.sandboxId)]),
    )
    .select('role.id')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export async function findPrincipal(db: Db, id: PrincipalId): Promise<PrincipalRow | undefined> {
  return await db
    .selectFrom('principals')
    .selectAll()
    .where('id', '=', id)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
}

export async function findPrincipalByToken(
  db: Db,
  token: { readonly tokenHash: Buffer; readonly now: Date },
): Promise<PrincipalRow | undefined> {
  return await db
    .selectFrom('tokens')
    .innerJoin('principals', 'principals.id', 'tokens.principal_id')
    .selectAll('principals')
    .where('tokens.token_hash', '=', token.tokenHash)
    .where('tokens.expires_at', '>', token.now)
    .where('principals.disabled_at', 'is', null)
    .executeTakeFirst()
}

export async function findClient(
  db: Db,
  clientId: string,
): Promise<{ readonly principal_id: PrincipalId; readonly secret_hash: Buffer } | undefined> {
  return await db
    .selectFrom('clients')
    .innerJoin('principals', 'principals.id', 'clients.principal_id')
    .select(['clients.principal_id', 'clients.secret_hash'])
    .where('clients.client_id', '=', clientId)
    .where('principals.disabled_at', 'is', null)
    .executeTakeFirst()
}

export async function insertToken(db: Db, token: AccessTables['tokens']): Promise<void> {
  await db.insertInto('tokens').values(token).execute()
}

export async function deleteExpiredTokens(db: Db, now: Date): Promise<void> {
  await db.deleteFrom('tokens').where('expires_at', '<=', now).execute()
}

export async function findSqlLogin(
  db: Db,
  sqlUser: string,
): Promise<Selectable<AccessTables['sql_logins']> | undefined> {
  return await db.selectFrom('sql_logins').selectAll().where('sql_user', '=', sqlUser).executeTakeFirst()
}

export async function findSandboxByName(
  db: Db,
  sandbox: { readonly organizationId: OrganizationId; readonly name: string },
): Promise<SandboxRow | undefined> {
  return await db
    .selectFrom('sandboxes')
    .selectAll()
    .where('organization_id', '=', sandbox.organizationId)
    .where('name', '=', sandbox.name)
    .executeTakeFirst()
}

/** By name. */
export async function selectSandboxes(db: Db, organizationId: OrganizationId): Promise<SandboxRow[]> {
  return await db
    .selectFrom('sandboxes')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .orderBy('name')
    .execute()
}

export async function findSandbox(db: Db, id: SandboxId): Promise<SandboxRow | undefined> {
  return await db.selectFrom('sandboxes').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function insertAudit(db: Db, entry: Omit<AuditTable, 'organization_id'>): Promise<void> {
  await db
    .insertInto('audit')
    .values((build) => ({
      ...entry,
      detail: JSON.stringify(entry.detail),
      organization_id: build
        .selectFrom('principals')
        .select('organization_id')
        .where('id', '=', entry.principal_id),
    }))
    .execute()
}

/** The first organisation ever made, with the client and login of its administrator. */
export async function findFirstOrganization(
  db: Db,
): Promise<{ readonly id: OrganizationId; readonly administrator: PrincipalId } | undefined> {
  return await db
    .selectFrom('organizations')
    .innerJoin('roles', (join) =>
      join.onRef('roles.organization_id', '=', 'organizations.id').on('roles.name', '=', administratorRole),
    )
    .innerJoin('role_members', 'role_members.role_id', 'roles.id')
    .innerJoin('principals', 'principals.id', 'role_members.principal_id')
    .select(['organizations.id', 'principals.id as administrator'])
    .orderBy('organizations.created_at')
    .orderBy('principals.created_at')
    .limit(1)
    .executeTakeFirst()
}

export const administratorRole = 'administrator'

/** Takes the place of every client and login the principal had. */
export async function replaceSecrets(
  db: Db,
  secrets: {
    readonly client: AccessTables['clients']
    readonly login: AccessTables['sql_logins']
  },
): Promise<void> {
  const { principal_id } = secrets.client
  await db.deleteFrom('clients').where('principal_id', '=', principal_id).execute()
  await db.deleteFrom('sql_logins').where('principal_id', '=', principal_id).execute()
  await db.deleteFrom('tokens').where('principal_id', '=', principal_id).execute()
  await db.insertInto('clients').values(secrets.client).execute()
  await db.insertInto('sql_logins').values(secrets.login).execute()
}

export interface NewOrganization {
  readonly organization: AccessTables['organizations']
  readonly sandbox: AccessTables['sandboxes']
  readonly principal: AccessTables['principals']
  readonly roleId: string
  readonly permissions: readonly string[]
}

/** An organisation with one sandbox and one administrator. */
export async function insertOrganization(db: Db, made: NewOrganization): Promise<void> {
  const { organization, sandbox, principal, roleId } = made
  await db.insertInto('organizations').values(organization).execute()
  await db.insertInto('sandboxes').values(sandbox).execute()
  await db.insertInto('principals').values(principal).execute()
  await db
    .insertInto('roles')
    .values({ id: roleId, organization_id: organization.id, name: administratorRole })
    .execute()
  await db
    .insertInto('role_permissions')
    .values(made.permissions.map((permission) => ({ role_id: roleId, permission, sandbox_id: null })))
    .execute()
  await db.insertInto('role_members').values({ role_id: roleId, principal_id: principal.id }).execute()
}
