import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { isUuid, newUuidId, type PrincipalId } from '#base/ids.ts'
import {
  administratorKey,
  findFirstOrganization,
  insertPrincipal,
  type PrincipalRow,
  selectPrincipals,
  setBatchEntitlement,
  setPrincipalDisabled,
} from '#metadata/access.ts'
import { endAccessOfPrincipal } from '#metadata/credentials.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  changeGroupMembers,
  countHolders,
  deleteGroup,
  insertGroup,
  lockGroup,
  selectGroups,
  selectRoles,
  setGroupMembers,
} from '#metadata/roles.ts'
import type { Caller, Credentials } from './access.ts'
import { type Admin, checkName, principalIdOf, subjectIdOf, unknownThing } from './administration.ts'
import { createOrganization } from './bootstrap.ts'

export interface User {
  readonly id: string
  readonly name: string
  readonly email: string | undefined
  readonly isEnabled: boolean
  readonly createdAt: Date
}

export interface UserGroup {
  readonly id: string
  readonly name: string
  readonly members: readonly string[]
}

/** Users and groups of the asker's organisation. Nobody who is new has a right until a role says so. */
export function createPrincipalAdmin(admin: Admin) {
  const { metadata, clock } = admin

  async function userIdsOf(
    tx: Transaction,
    asker: Caller,
    members: readonly string[],
  ): Promise<PrincipalId[]> {
    const { organizationId } = asker.principal
    const all = await selectPrincipals(tx, { organizationId })
    return members.map((member) => {
      const found = all.find(({ id, email }) => id === principalIdOf(member) || email === member)
      if (found) return found.id
      throw unknownThing('user', member)
    })
  }

  async function keepAnAdministrator(tx: Transaction, asker: Caller): Promise<void> {
    const { organizationId } = asker.principal
    // Locked: two who end each other's rights at once do it one after the other.
    const roles = await selectRoles(tx, { organizationId, isLocked: true })
    const administrators = roles.find((role) => role.key === administratorKey)
    if (administrators && (await countHolders(tx, administrators.id)) > 0) return
    throw new AppError('admin.invalid', 'Somebody must remain organisation administrator.', {
      hint: 'Give the role to somebody else first.',
    })
  }

  return {
    users: async (asker: Caller): Promise<User[]> => {
      await admin.require(asker)
      const { organizationId } = asker.principal
      return (await selectPrincipals(metadata.db, { organizationId, kind: 'user' })).map(userOf)
    },
    createUser: async (
      asker: Caller,
      wanted: { readonly name: string; readonly email?: string | undefined },
    ): Promise<User> => {
      await admin.require(asker)
      const name = checkName('The name of a user', wanted.name)
      if (wanted.email !== undefined && !z.email().max(255).safeParse(wanted.email).success) {
        throw new AppError(
          'admin.invalid',
          `${JSON.stringify(wanted.email.slice(0, 80))} is no e-mail address.`,
        )
      }
      const row: PrincipalRow = {
        id: newUuidId('principal'),
        organization_id: asker.principal.organizationId,
        name,
        email: wanted.email?.toLowerCase() ?? null,
        kind: 'user',
        created_at: clock.now(),
        disabled_at: null,
      }
      return await metadata.transaction(async (tx) => {
        const { organizationId } = asker.principal
        const others = await selectPrincipals(tx, { organizationId, kind: 'user' })
        if (row.email !== null && others.some(({ email }) => email === row.email)) {
          throw new AppError('admin.exists', `There is a user ${row.email} already.`)
        }
        await insertPrincipal(tx, row)
        await admin.record(tx, asker, { action: 'create', assetType: 'User', assetId: row.id })
        return userOf(row)
      })
    },
    /** One who is disabled has no rights, no sessions to come, no tokens and no keys of landing zones. */
    setUserEnabled: async (asker: Caller, userId: string, isEnabled: boolean): Promise<void> => {
      await admin.require(asker)
      await metadata.transaction(async (tx) => {
        const { organizationId } = asker.principal
        const [id] = await userIdsOf(tx, asker, [userId])
        if (id === undefined) throw unknownThing('user', userId)
        await setPrincipalDisabled(tx, { organizationId, id, at: isEnabled ? null : clock.now() })
        if (!isEnabled) {
          await endAccessOfPrincipal(tx, id)
          await keepAnAdministrator(tx, asker)
        }
        const detail = { isEnabled }
        await admin.record(tx, asker, { action: 'update', assetType: 'User', assetId: id, detail })
      })
    },

    groups: async (asker: Caller): Promise<UserGroup[]> => {
      await admin.require(asker)
      return (await selectGroups(metadata.db, asker.principal.organizationId)).map((group) => ({
        id: group.id,
        name: group.name,
        members: group.members.map(subjectIdOf),
      }))
    },
    createGroup: async (
      asker: Caller,
      wanted: { readonly name: string; readonly members: readonly string[] },
    ): Promise<UserGroup> => {
      await admin.require(asker)
      const id = admin.newId()
      const name = checkName('The name of a group', wanted.name)
      return await metadata.transaction(async (tx) => {
        const members = await userIdsOf(tx, asker, wanted.members)
        const organization_id = asker.principal.organizationId
        if (!(await insertGroup(tx, { id, organization_id, name, created_at: clock.now() }))) {
          throw new AppError('admin.exists', `There is a group ${JSON.stringify(name)} already.`)
        }
        await setGroupMembers(tx, id, members)
        await admin.record(tx, asker, { action: 'create', assetType: 'User Group', assetId: id })
        return { id, name, members: members.map(subjectIdOf) }
      })
    },
    setGroupMembers: async (asker: Caller, id: string, members: readonly string[]): Promise<void> => {
      await admin.require(asker)
      await metadata.transaction(async (tx) => {
        await requireGroup(tx, asker, id)
        await setGroupMembers(tx, id, await userIdsOf(tx, asker, members))
        await keepAnAdministrator(tx, asker)
        const detail = { members }
        await admin.record(tx, asker, { action: 'update', assetType: 'User Group', assetId: id, detail })
      })
    },
    /** Of two changes at once both stay. */
    changeGroupMembers: async (
      asker: Caller,
      id: string,
      change: { readonly add: readonly string[]; readonly remove: readonly string[] },
    ): Promise<void> => {
      await admin.require(asker)
      await metadata.transaction(async (tx) => {
        await requireGroup(tx, asker, id)
        const add = await userIdsOf(tx, asker, change.add)
        await changeGroupMembers(tx, id, { add, remove: await userIdsOf(tx, asker, change.remove) })
        await keepAnAdministrator(tx, asker)
        const detail = { ...change }
        await admin.record(tx, asker, { action: 'update', assetType: 'User Group', assetId: id, detail })
      })
    },
    deleteGroup: async (asker: Caller, id: string): Promise<void> => {
      await admin.require(asker)
      await metadata.transaction(async (tx) => {
        await requireGroup(tx, asker, id)
        await deleteGroup(tx, id)
        await keepAnAdministrator(tx, asker)
        await admin.record(tx, asker, { action: 'delete', assetType: 'User Group', assetId: id })
      })
    },

    /** @throws AppError 'access.denied' for all but administrators of the first organisation, on record */
    requireOperator,
    /** What tells of the whole server is for the first organisation. @throws AppError 'access.denied', on record */
    requireFirstOrganization,

    /** For administrators of the first organisation, whose server this is. The credentials are told once. */
    createOrganization: async (asker: Caller, name: string): Promise<Credentials> => {
      await requireOperator(asker)
      checkName('The name of an organisation', name)
      return await metadata.transaction(async (tx) => {
        const credentials = await createOrganization(tx, name, clock.now())
        const assetId = credentials.organizationId
        await admin.record(tx, asker, { action: 'create', assetType: 'Organization', assetId })
        return credentials
      })
    },
    /** Whether an organisation may run batch queries; for administrators of the first one. */
    setBatchEntitlement: async (
      asker: Caller,
      organizationId: string,
      isEntitled: boolean,
    ): Promise<void> => {
      await requireOperator(asker)
      await metadata.transaction(async (tx) => {
        await setBatchEntitlement(tx, organizationId as Caller['principal']['organizationId'], isEntitled)
        await admin.record(tx, asker, {
          action: 'update',
          assetType: 'Organization',
          assetId: organizationId,
          detail: { batchQueries: isEntitled },
        })
      })
    },
  }

  async function requireGroup(tx: Transaction, asker: Caller, id: string): Promise<void> {
    const { organizationId } = asker.principal
    if (isUuid(id) && (await lockGroup(tx, { organizationId, id }))) return
    throw unknownThing('group', id)
  }

  async function requireOperator(asker: Caller): Promise<void> {
    await admin.require(asker)
    await requireFirstOrganization(asker)
  }

  async function requireFirstOrganization(asker: Caller): Promise<void> {
    const first = await findFirstOrganization(metadata.db)
    if (first?.id === asker.principal.organizationId) return
    await admin.access.audit({
      principalId: asker.principal.id,
      sandboxId: asker.sandbox.id,
      action: 'deny',
      assetType: 'Organization',
      assetId: 'all',
      status: 'Deny',
    })
    throw new AppError('access.denied', 'This is for the organisation that runs the server.')
  }
}

function userOf(row: PrincipalRow): User {
  return {
    id: subjectIdOf(row.id),
    name: row.name,
    email: row.email ?? undefined,
    isEnabled: row.disabled_at === null,
    createdAt: row.created_at,
  }
}
