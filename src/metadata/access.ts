import { sql } from 'kysely'
import type { OrganizationId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { PrincipalRow, SandboxRow } from './access-tables.ts'
import type { Db } from './metadata.ts'

export type { PrincipalRow, SandboxRow } from './access-tables.ts'

/** Any number that nobody else uses: who makes or replaces the first credentials does it alone. */
const bootstrapLock = 8_710_873_202

/** Until the end of the transaction. */
export async function lockBootstrap(db: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(${bootstrapLock}::bigint)`.execute(db)
}

/** What roles give a principal in a sandbox. */
export interface RightsRow {
  readonly permissions: ReadonlySet<string>
  /** Whether the organisation may run batch queries. */
  readonly isEntitledToBatch: boolean
}

/**
 * The permissions some role of the principal gives in that sandbox: principal and sandbox alive, role and sandbox of
 * the principal's organisation, the principal in the role or in a group that is.
 */
export async function selectRights(
  db: Db,
  place: { readonly principalId: PrincipalId; readonly sandboxId: SandboxId },
): Promise<RightsRow> {
  const { rows } = await sql<{ permission: string; batch_queries: boolean }>`
    select distinct given.permission, organization.batch_queries
    from principals as principal
    join organizations as organization on organization.id = principal.organization_id
    join sandboxes as sandbox on sandbox.id = ${place.sandboxId}
      and sandbox.organization_id = principal.organization_id and sandbox.state = 'active'
    join roles as role on role.organization_id = principal.organization_id
    join role_permissions as given on given.role_id = role.id
    where principal.id = ${place.principalId} and principal.disabled_at is null
      and ${roleHolds}`.execute(db)
  return {
    permissions: new Set(rows.map((row) => row.permission)),
    isEntitledToBatch: rows[0]?.batch_queries ?? false,
  }
}

const roleHolds = sql`
  (role.is_everywhere or exists (
    select 1 from role_sandboxes as place where place.role_id = role.id and place.sandbox_id = sandbox.id))
  and (exists (
    select 1 from role_members as member where member.role_id = role.id and member.principal_id = principal.id)
  or exists (
    select 1 from role_groups as part join group_members as member on member.group_id = part.group_id
    where part.role_id = role.id and member.principal_id = principal.id))`

/** The sandboxes, alive, where some role of the principal gives anything (or that permission), by name. */
export async function selectOpenSandboxes(
  db: Db,
  principalId: PrincipalId,
  permissions?: readonly string[],
): Promise<SandboxRow[]> {
  const { rows } = await sql<SandboxRow>`
    select sandbox.* from principals as principal
    join sandboxes as sandbox on sandbox.organization_id = principal.organization_id
      and sandbox.state = 'active'
    where principal.id = ${principalId} and principal.disabled_at is null and exists (
      select 1 from roles as role
      where role.organization_id = principal.organization_id and ${roleHolds}
      and exists (
        select 1 from role_permissions as given where given.role_id = role.id
        ${permissions === undefined ? sql`` : sql`and given.permission = any(${permissions}::text[])`}
      ))
    order by sandbox.name`.execute(db)
  return rows
}

export async function findPrincipal(db: Db, id: PrincipalId): Promise<PrincipalRow | undefined> {
  return await db
    .selectFrom('principals')
    .selectAll()
    .where('id', '=', id)
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
}

export const administratorKey = 'organization-administrator'

/** The first organisation ever made, with the administrator whose credentials lie in the home. */
export async function findFirstOrganization(
  db: Db,
): Promise<{ readonly id: OrganizationId; readonly administrator: PrincipalId } | undefined> {
  return await db
    .selectFrom('organizations')
    .innerJoin('principals', 'principals.organization_id', 'organizations.id')
    .select(['organizations.id', 'principals.id as administrator'])
    .orderBy('organizations.created_at')
    .orderBy('principals.created_at')
    .limit(1)
    .executeTakeFirst()
}

export async function selectOrganizations(
  db: Db,
): Promise<
  readonly { readonly id: OrganizationId; readonly name: string; readonly batch_queries: boolean }[]
> {
  return await db
    .selectFrom('organizations')
    .select(['id', 'name', 'batch_queries'])
    .orderBy('created_at')
    .execute()
}

export async function selectOrganizationName(db: Db, id: OrganizationId): Promise<string | undefined> {
  const row = await db.selectFrom('organizations').select('name').where('id', '=', id).executeTakeFirst()
  return row?.name
}

export interface NewOrganization {
  readonly organization: { readonly id: OrganizationId; readonly name: string; readonly created_at: Date }
  readonly sandboxId: SandboxId
  readonly principal: {
    readonly id: PrincipalId
    readonly name: string
    readonly created_at: Date
  }
}

/** An organisation with the sandbox `prod` and its first user. */
export async function insertOrganization(db: Db, made: NewOrganization): Promise<void> {
  const { organization, sandboxId, principal } = made
  await db.insertInto('organizations').values(organization).execute()
  await db
    .insertInto('sandboxes')
    .values({
      id: sandboxId,
      organization_id: organization.id,
      name: 'prod',
      title: 'Prod',
      type: 'production',
      is_default: true,
      created_at: organization.created_at,
      modified_at: organization.created_at,
    })
    .execute()
  await insertPrincipal(db, { ...principal, organization_id: organization.id, kind: 'user', email: null })
}

export async function setBatchEntitlement(db: Db, id: OrganizationId, isEntitled: boolean): Promise<void> {
  await db.updateTable('organizations').set({ batch_queries: isEntitled }).where('id', '=', id).execute()
}

export async function insertPrincipal(
  db: Db,
  principal: Pick<PrincipalRow, 'id' | 'organization_id' | 'name' | 'created_at' | 'kind' | 'email'>,
): Promise<void> {
  await db
    .insertInto('principals')
    .values({ ...principal, disabled_at: null })
    .execute()
}

export async function selectPrincipals(
  db: Db,
  filter: { readonly organizationId: OrganizationId; readonly kind?: 'user' | 'api-client' },
): Promise<PrincipalRow[]> {
  return await db
    .selectFrom('principals')
    .selectAll()
    .where('organization_id', '=', filter.organizationId)
    .$if(filter.kind !== undefined, (query) => query.where('kind', '=', filter.kind!))
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

export async function setPrincipalDisabled(
  db: Db,
  principal: { readonly organizationId: OrganizationId; readonly id: PrincipalId; readonly at: Date | null },
): Promise<boolean> {
  const row = await db
    .updateTable('principals')
    .set({ disabled_at: principal.at })
    .where('organization_id', '=', principal.organizationId)
    .where('id', '=', principal.id)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}
