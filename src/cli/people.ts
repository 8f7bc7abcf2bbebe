import type { Client } from './client.ts'
import { CliError, exitCodes } from './exit-code.ts'

export const rolesPath = '/data/foundation/access-control/administration/roles'

export interface Role {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly roleType: string
  readonly permissionSets: readonly string[]
  readonly sandboxes: readonly string[]
}

export interface User {
  readonly id: string
  readonly name: string
  readonly email?: string
  readonly isEnabled: boolean
  readonly createdAt: string
}

export async function listRoles(client: Client): Promise<readonly Role[]> {
  return (await client.get<{ items: Role[] }>(rolesPath)).items
}

/** By name or id. @throws CliError 'unknown' */
export async function requireRole(client: Client, name: string): Promise<Role> {
  const role = (await listRoles(client)).find((candidate) => candidate.name === name || candidate.id === name)
  if (role) return role
  throw new CliError(
    exitCodes.unknown,
    `There is no role ${JSON.stringify(name)}.`,
    'See them with: sluice role list',
  )
}

export async function listUsers(client: Client): Promise<readonly User[]> {
  return (await client.get<{ users: User[] }>('/sluice/v1/users')).users
}

/** By name, e-mail address or id. @throws CliError 'unknown' */
export async function requireUser(client: Client, name: string): Promise<User> {
  const found = (await listUsers(client)).filter((user) => [user.name, user.email, user.id].includes(name))
  const [user] = found
  if (user && found.length === 1) return user
  throw new CliError(
    exitCodes.unknown,
    user ? `Several users are called ${JSON.stringify(name)}.` : `There is no user ${JSON.stringify(name)}.`,
    user ? 'Name one by e-mail address or id.' : 'See them with: sluice user list',
  )
}

export const groupsPath = '/sluice/v1/groups'

export interface UserGroup {
  readonly id: string
  readonly name: string
  readonly members: readonly string[]
}

export async function listGroups(client: Client): Promise<readonly UserGroup[]> {
  return (await client.get<{ groups: UserGroup[] }>(groupsPath)).groups
}

/** By name or id. @throws CliError 'unknown' */
export async function requireGroup(client: Client, name: string): Promise<UserGroup> {
  const group = (await listGroups(client)).find((candidate) => [candidate.name, candidate.id].includes(name))
  if (group) return group
  throw new CliError(
    exitCodes.unknown,
    `There is no group ${JSON.stringify(name)}.`,
    'See them with: sluice group list',
  )
}

/** Gives a role to a subject, or takes it. */
export async function changeSubject(
  client: Client,
  role: Role,
  change: { readonly op: 'add' | 'remove'; readonly path: string; readonly value: string },
): Promise<void> {
  await client.call('PATCH', `${rolesPath}/${role.id}/subjects`, change)
}
