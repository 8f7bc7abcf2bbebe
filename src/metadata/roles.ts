import { sql } from 'kysely'
import type { OrganizationId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { GroupRow, PolicyRow, RoleRow } from './access-tables.ts'
import type { Db } from './metadata.ts'

export type { GroupRow, PolicyRow } from './access-tables.ts'

export interface FullRole extends RoleRow {
  readonly permissions: readonly string[]
  /** Names; empty for one that holds everywhere. */
  readonly sandboxes: readonly string[]
}

/** Roles of an organisation by name; with `isLocked`, until the end of the transaction. */
export async function selectRoles(
  db: Db,
  filter: {
    readonly organizationId: OrganizationId
    readonly id?: string
    readonly isLocked?: boolean
  },
): Promise<FullRole[]> {
  const roles = await db
    .selectFrom('roles')
    .selectAll()
    .where('organization_id', '=', filter.organizationId)
    .$if(filter.id !== undefined, (query) => query.where('id', '=', filter.id!))
    .$if(filter.isLocked === true, (query) => query.forUpdate())
    .orderBy('name')
    .execute()
  if (roles.length === 0) return []
  const ids = roles.map((role) => role.id)
  const permissions = await db
    .selectFrom('role_permissions')
    .selectAll()
    .where('role_id', 'in', ids)
    .orderBy('permission')
    .execute()
  const places = await db
    .selectFrom('role_sandboxes')
    .innerJoin('sandboxes', 'sandboxes.id', 'role_sandboxes.sandbox_id')
    .select(['role_sandboxes.role_id', 'sandboxes.name'])
    .where('role_id', 'in', ids)
    .orderBy('sandboxes.name')
    .execute()
  return roles.map((role) => ({
    ...role,
    permissions: permissions.flatMap((row) => (row.role_id === role.id ? [row.permission] : [])),
    sandboxes: places.flatMap((row) => (row.role_id === role.id ? [row.name] : [])),
  }))
}

export interface RoleContent {
  readonly name: string
  readonly description: string
  readonly labels: readonly string[]
  readonly isEverywhere: boolean
  readonly permissions: readonly string[]
  readonly sandboxIds: readonly SandboxId[]
}

export interface RoleStamp {
  readonly by: string
  readonly at: Date
}

/** False: the name is taken. */
export async function insertRole(
  db: Db,
  role: {
    readonly id: string
    readonly organizationId: OrganizationId
    readonly key?: string
    readonly content: RoleContent
    readonly stamp: RoleStamp
  },
): Promise<boolean> {
  const { id, organizationId, key, content, stamp } = role
  const row = await db
    .insertInto('roles')
    .values({
      id,
      organization_id: organizationId,
      key: key ?? null,
      name: content.name,
      description: content.description,
      role_type: key === undefined ? 'user-defined' : 'system-defined',
      is_everywhere: content.isEverywhere,
      labels: JSON.stringify(content.labels),
      created_by: stamp.by,
      created_at: stamp.at,
      modified_by: stamp.by,
      modified_at: stamp.at,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!row) return false
  await fillRole(db, id, content)
  return true
}

/** Raises the version. */
export async function updateRole(db: Db, id: string, content: RoleContent, stamp: RoleStamp): Promise<void> {
  await db
    .updateTable('roles')
    .set({
      name: content.name,
      description: content.description,
      is_everywhere: content.isEverywhere,
      labels: JSON.stringify(content.labels),
      version: sql<number>`version + 1`,
      modified_by: stamp.by,
      modified_at: stamp.at,
    })
    .where('id', '=', id)
    .execute()
  await db.deleteFrom('role_permissions').where('role_id', '=', id).execute()
  await db.deleteFrom('role_sandboxes').where('role_id', '=', id).execute()
  await fillRole(db, id, content)
}

async function fillRole(db: Db, id: string, content: RoleContent): Promise<void> {
  await addRolePermissions(db, id, content.permissions)
  if (content.sandboxIds.length === 0) return
  await db
    .insertInto('role_sandboxes')
    .values(content.sandboxIds.map((sandbox_id) => ({ role_id: id, sandbox_id })))
    .execute()
}

/** Those it has already stay. */
export async function addRolePermissions(db: Db, id: string, permissions: readonly string[]): Promise<void> {
  if (permissions.length === 0) return
  await db
    .insertInto('role_permissions')
    .values(permissions.map((permission) => ({ role_id: id, permission })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function deleteRole(db: Db, id: string): Promise<void> {
  await db.deleteFrom('roles').where('id', '=', id).execute()
}

/** Of two changes of names at once the later waits. */
export async function isRoleNameTaken(
  db: Db,
  role: { readonly organizationId: OrganizationId; readonly name: string; readonly except: string },
): Promise<boolean> {
  const row = await db
    .selectFrom('roles')
    .select('id')
    .where('organization_id', '=', role.organizationId)
    .where('name', '=', role.name)
    .where('id', '<>', role.except)
    .executeTakeFirst()
  return row !== undefined
}

export interface RoleSubject {
  readonly kind: 'user' | 'api-client' | 'group'
  readonly id: string
  readonly name: string
}

export async function selectSubjects(db: Db, roleId: string): Promise<RoleSubject[]> {
  const members = await db
    .selectFrom('role_members')
    .innerJoin('principals', 'principals.id', 'role_members.principal_id')
    .select(['principals.kind', 'principals.id', 'principals.name'])
    .where('role_members.role_id', '=', roleId)
    .orderBy('principals.created_at')
    .orderBy('principals.id')
    .execute()
  const groups = await db
    .selectFrom('role_groups')
    .innerJoin('user_groups', 'user_groups.id', 'role_groups.group_id')
    .select(['user_groups.id', 'user_groups.name'])
    .where('role_groups.role_id', '=', roleId)
    .orderBy('user_groups.name')
    .execute()
  return [...members, ...groups.map((group) => ({ kind: 'group' as const, ...group }))]
}

export async function addMember(db: Db, roleId: string, principalId: PrincipalId): Promise<void> {
  await db
    .insertInto('role_members')
    .values({ role_id: roleId, principal_id: principalId })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function removeMember(db: Db, roleId: string, principalId: PrincipalId): Promise<void> {
  await db
    .deleteFrom('role_members')
    .where('role_id', '=', roleId)
    .where('principal_id', '=', principalId)
    .execute()
}

export async function addRoleGroup(db: Db, roleId: string, groupId: string): Promise<void> {
  await db
    .insertInto('role_groups')
    .values({ role_id: roleId, group_id: groupId })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function removeRoleGroup(db: Db, roleId: string, groupId: string): Promise<void> {
  await db.deleteFrom('role_groups').where('role_id', '=', roleId).where('group_id', '=', groupId).execute()
}

/** Living principals with that role, by themselves or by a group. */
export async function countHolders(db: Db, roleId: string): Promise<number> {
  const { rows } = await sql<{ count: string }>`
    select count(distinct principal.id) as count from principals as principal
    where principal.disabled_at is null and (
      exists (select 1 from role_members m where m.role_id = ${roleId} and m.principal_id = principal.id)
      or exists (select 1 from role_groups g join group_members m on m.group_id = g.group_id
        where g.role_id = ${roleId} and m.principal_id = principal.id))`.execute(db)
  return Number(rows[0]?.count ?? 0)
}

/** With its name as the table's `unique` has it. False: taken. */
export async function insertGroup(db: Db, group: GroupRow): Promise<boolean> {
  const row = await db
    .insertInto('user_groups')
    .values(group)
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

export async function selectGroups(
  db: Db,
  organizationId: OrganizationId,
): Promise<readonly (GroupRow & { readonly members: readonly PrincipalId[] })[]> {
  const groups = await db
    .selectFrom('user_groups')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .orderBy('name')
    .execute()
  const members = await db
    .selectFrom('group_members')
    .innerJoin('user_groups', 'user_groups.id', 'group_members.group_id')
    .selectAll('group_members')
    .where('user_groups.organization_id', '=', organizationId)
    .execute()
  return groups.map((group) => ({
    ...group,
    members: members.flatMap((row) => (row.group_id === group.id ? [row.principal_id] : [])),
  }))
}

/** Whether there is such a group; nobody else changes it until the transaction ends. */
export async function lockGroup(
  tx: Db,
  group: { readonly organizationId: OrganizationId; readonly id: string },
): Promise<boolean> {
  const row = await tx
    .selectFrom('user_groups')
    .select('id')
    .where('id', '=', group.id)
    .where('organization_id', '=', group.organizationId)
    .forUpdate()
    .executeTakeFirst()
  return row !== undefined
}

/** Those who are in it already, or are not, stay so. */
export async function changeGroupMembers(
  db: Db,
  groupId: string,
  { add, remove }: { readonly add: readonly PrincipalId[]; readonly remove: readonly PrincipalId[] },
): Promise<void> {
  if (add.length > 0) {
    await db
      .insertInto('group_members')
      .values(add.map((principal_id) => ({ group_id: groupId, principal_id })))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
  if (remove.length > 0) {
    await db
      .deleteFrom('group_members')
      .where('group_id', '=', groupId)
      .where('principal_id', 'in', remove)
      .execute()
  }
}

export async function setGroupMembers(
  db: Db,
  groupId: string,
  principalIds: readonly PrincipalId[],
): Promise<void> {
  await db.deleteFrom('group_members').where('group_id', '=', groupId).execute()
  if (principalIds.length === 0) return
  await db
    .insertInto('group_members')
    .values(principalIds.map((principal_id) => ({ group_id: groupId, principal_id })))
    .execute()
}

export async function deleteGroup(db: Db, groupId: string): Promise<void> {
  await db.deleteFrom('user_groups').where('id', '=', groupId).execute()
}

export async function selectPolicies(
  db: Db,
  filter: { readonly organizationId: OrganizationId; readonly id?: string; readonly isLocked?: boolean },
): Promise<PolicyRow[]> {
  return await db
    .selectFrom('access_policies')
    .selectAll()
    .where('organization_id', '=', filter.organizationId)
    .$if(filter.id !== undefined, (query) => query.where('id', '=', filter.id!))
    .$if(filter.isLocked === true, (query) => query.forUpdate())
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

export async function putPolicy(db: Db, policy: PolicyRow): Promise<void> {
  const row = { ...policy, document: JSON.stringify(policy.document) }
  const { id: _, created_at: __, created_by: ___, organization_id: ____, ...changed } = row
  await db
    .insertInto('access_policies')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
    .execute()
}

export async function deletePolicy(db: Db, id: string): Promise<void> {
  await db.deleteFrom('access_policies').where('id', '=', id).execute()
}
