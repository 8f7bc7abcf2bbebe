import { AppError } from '#base/errors.ts'
import { isUuid, type PrincipalId } from '#base/ids.ts'
import { selectPrincipals } from '#metadata/access.ts'
import { selectClients } from '#metadata/credentials.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  addMember,
  addRoleGroup,
  countHolders,
  removeMember,
  removeRoleGroup,
  selectGroups,
  selectRoles,
  selectSubjects,
} from '#metadata/roles.ts'
import type { Caller } from './access.ts'
import {
  type Admin,
  type PatchOperation,
  principalIdOf,
  stepOf,
  subjectIdOf,
  unknownThing,
} from './administration.ts'
import { isAdministratorRole } from './role-admin.ts'

export interface Subject {
  readonly roleId: string
  readonly subjectType: 'user' | 'user-group' | 'api-credential'
  readonly subjectId: string
}

type Found =
  | { readonly kind: 'principal'; readonly id: PrincipalId }
  | { readonly kind: 'group'; readonly id: string }

/** Who has a role. */
export function createSubjectAdmin(admin: Admin) {
  const { metadata } = admin

  async function subjectsOf(tx: Transaction | Admin['metadata']['db'], asker: Caller, roleId: string) {
    const { organizationId } = asker.principal
    const clients = await selectClients(tx, { organizationId })
    const clientOf = new Map(clients.map((client) => [client.principal_id as string, client.client_id]))
    return (await selectSubjects(tx, roleId)).map(({ kind, id }): Subject => {
      if (kind === 'group') return { roleId, subjectType: 'user-group', subjectId: id }
      return kind === 'user'
        ? { roleId, subjectType: 'user', subjectId: subjectIdOf(id) }
        : { roleId, subjectType: 'api-credential', subjectId: clientOf.get(id) ?? subjectIdOf(id) }
    })
  }

  async function find(tx: Transaction, asker: Caller, kind: string, value: string): Promise<Found> {
    const { organizationId } = asker.principal
    if (kind === 'user-group') {
      const group = (await selectGroups(tx, organizationId)).find(
        (candidate) => candidate.id === value || candidate.name === value,
      )
      if (group) return { kind: 'group', id: group.id }
    } else if (kind === 'user' || kind === 'api-credential') {
      const id = principalIdOf(value)
      const [client] = await selectClients(tx, { organizationId, clientId: value })
      const principal = (await selectPrincipals(tx, { organizationId })).find(
        (candidate) =>
          candidate.id === id ||
          candidate.id === client?.principal_id ||
          (candidate.email !== null && candidate.email.toLowerCase() === value.toLowerCase()),
      )
      if (principal) return { kind: 'principal', id: principal.id }
    } else {
      throw new AppError('admin.invalid', `A subject is at /user, /user-group or /api-credential.`)
    }
    throw unknownThing(kind.replace('-', ' '), value)
  }

  return {
    subjects: async (asker: Caller, roleId: string): Promise<Subject[]> => {
      await admin.require(asker)
      const { organizationId } = asker.principal
      const [role] = isUuid(roleId) ? await selectRoles(metadata.db, { organizationId, id: roleId }) : []
      if (!role) throw unknownThing('role', roleId)
      return await subjectsOf(metadata.db, asker, roleId)
    },
    patchSubjects: async (
      asker: Caller,
      roleId: string,
      operations: readonly PatchOperation[],
    ): Promise<Subject[]> => {
      await admin.require(asker)
      return await metadata.transaction(async (tx) => {
        const { organizationId } = asker.principal
        const [role] = isUuid(roleId)
          ? await selectRoles(tx, { organizationId, id: roleId, isLocked: true })
          : []
        if (!role) throw unknownThing('role', roleId)
        for (const { op, path, value } of operations) {
          const [kind = '', inPath] = path.replace(/^\//, '').split('/')
          const named = inPath === undefined || inPath === '-' ? [value].flat() : [stepOf(inPath)]
          for (const one of named) {
            if (typeof one !== 'string') {
              throw new AppError('admin.invalid', `The value at ${path} is the id of a subject.`)
            }
            await apply(tx, { op, roleId, subject: await find(tx, asker, kind, one) })
          }
        }
        if (isAdministratorRole(role) && (await countHolders(tx, roleId)) === 0) {
          throw new AppError('admin.invalid', 'Somebody must remain organisation administrator.', {
            hint: 'Give the role to somebody else first.',
          })
        }
        await admin.record(tx, asker, {
          action: 'update',
          assetType: 'Role',
          assetId: roleId,
          detail: { subjects: operations.map(({ op, path, value }) => ({ op, path, value })) },
        })
        return await subjectsOf(tx, asker, roleId)
      })
    },
  }
}

async function apply(
  tx: Transaction,
  { op, roleId, subject }: { op: PatchOperation['op']; roleId: string; subject: Found },
): Promise<void> {
  if (subject.kind === 'group') {
    await (op === 'remove' ? removeRoleGroup : addRoleGroup)(tx, roleId, subject.id)
  } else await (op === 'remove' ? removeMember : addMember)(tx, roleId, subject.id)
}
