import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import { nearest } from '#base/nearest.ts'
import { administratorKey } from '#metadata/access.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  deleteRole,
  type FullRole,
  insertRole,
  isRoleNameTaken,
  type RoleContent,
  selectRoles,
  updateRole,
} from '#metadata/roles.ts'
import { selectSandboxes } from '#metadata/sandboxes.ts'
import type { Caller } from './access.ts'
import {
  type Admin,
  checkName,
  checkVersion,
  etagOf,
  type PatchOperation,
  stepOf,
  subjectIdOf,
  unknownThing,
} from './administration.ts'
import { isPermission, permissions } from './permissions.ts'

/** What a client may say of a role. */
export interface RoleInput {
  readonly name: string
  readonly description: string
  readonly permissionSets: readonly string[]
  /** Names; `*` is every sandbox, those to come too. */
  readonly sandboxes: readonly string[]
  readonly labels: readonly string[]
}

export interface Role extends RoleInput {
  readonly id: string
  readonly roleType: 'user-defined' | 'system-defined'
  readonly etag: string
  readonly createdBy: string
  readonly createdAt: Date
  readonly modifiedBy: string
  readonly modifiedAt: Date
}

const namesMax = 1_000

/** Roles of the asker's organisation; for organisation administrators. */
export function createRoleAdmin(admin: Admin) {
  const { metadata, clock } = admin

  async function locked(tx: Transaction, asker: Caller, id: string): Promise<FullRole> {
    const { organizationId } = asker.principal
    const [row] = isUuid(id) ? await selectRoles(tx, { organizationId, id, isLocked: true }) : []
    if (row) return row
    throw unknownThing('role', id)
  }

  async function contentOf(tx: Transaction, asker: Caller, input: RoleInput): Promise<RoleContent> {
    const { organizationId } = asker.principal
    checkName('The name of a role', input.name)
    const known = new Map(
      (await selectSandboxes(tx, { organizationId })).map((sandbox) => [sandbox.name, sandbox.id]),
    )
    const names = [...new Set(input.sandboxes)].filter((name) => name !== '*')
    return {
      name: input.name,
      description: input.description,
      labels: input.labels,
      isEverywhere: input.sandboxes.includes('*'),
      permissions: [...new Set(input.permissionSets)].map(checkPermission),
      sandboxIds: names.map((name) => {
        const id = known.get(name)
        if (id) return id
        throw new AppError('admin.invalid', `There is no sandbox ${JSON.stringify(name.slice(0, 80))}.`)
      }),
    }
  }

  /** Applies a change to the role as it is now; of two at once the later sees what the earlier made. */
  async function change(
    asker: Caller,
    id: string,
    options: { readonly ifMatch: string | undefined; readonly next: (now: RoleInput) => RoleInput },
  ): Promise<Role> {
    await admin.require(asker)
    return await metadata.transaction(async (tx) => {
      const row = await locked(tx, asker, id)
      checkVersion(row.version, options.ifMatch)
      const before = roleOf(row)
      if (row.role_type === 'system-defined') {
        throw new AppError('admin.invalid', `The role ${row.name} is the system's and stays as it is.`, {
          hint: 'Its subjects can be changed; for other rights make a role of your own.',
        })
      }
      const input = options.next(before)
      const content = await contentOf(tx, asker, input)
      const { organizationId } = asker.principal
      if (await isRoleNameTaken(tx, { organizationId, name: input.name, except: id })) throw taken(input.name)
      await updateRole(tx, id, content, stampOf(asker, clock.now()))
      await admin.record(tx, asker, {
        action: 'update',
        assetType: 'Role',
        assetId: id,
        detail: { permissionSets: content.permissions, sandboxes: input.sandboxes },
      })
      return roleOf(await locked(tx, asker, id))
    })
  }

  return {
    roles: async (asker: Caller): Promise<Role[]> => {
      await admin.require(asker)
      const { organizationId } = asker.principal
      return (await selectRoles(metadata.db, { organizationId })).map(roleOf)
    },
    role: async (asker: Caller, id: string): Promise<Role> => {
      await admin.require(asker)
      const { organizationId } = asker.principal
      const [row] = isUuid(id) ? await selectRoles(metadata.db, { organizationId, id }) : []
      if (!row) throw unknownThing('role', id)
      return roleOf(row)
    },
    createRole: async (asker: Caller, input: RoleInput): Promise<Role> => {
      await admin.require(asker)
      const id = admin.newId()
      return await metadata.transaction(async (tx) => {
        const { organizationId } = asker.principal
        const content = await contentOf(tx, asker, input)
        const stamp = stampOf(asker, clock.now())
        if (!(await insertRole(tx, { id, organizationId, content, stamp }))) throw taken(input.name)
        await admin.record(tx, asker, { action: 'create', assetType: 'Role', assetId: id })
        return roleOf(await locked(tx, asker, id))
      })
    },
    replaceRole: (asker: Caller, id: string, input: RoleInput, ifMatch?: string) =>
      change(asker, id, { ifMatch, next: () => input }),
    patchRole: (asker: Caller, id: string, operations: readonly PatchOperation[], ifMatch?: string) =>
      change(asker, id, { ifMatch, next: (now) => operations.reduce(patched, now) }),
    deleteRole: async (asker: Caller, id: string): Promise<void> => {
      await admin.require(asker)
      await metadata.transaction(async (tx) => {
        const row = await locked(tx, asker, id)
        if (row.role_type === 'system-defined') {
          throw new AppError('admin.invalid', `The role ${row.name} is the system's and cannot be deleted.`)
        }
        await deleteRole(tx, id)
        await admin.record(tx, asker, { action: 'delete', assetType: 'Role', assetId: id })
      })
    },
  }
}

export function roleOf(row: FullRole): Role {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    roleType: row.role_type,
    permissionSets: row.permissions.filter(isPermission),
    sandboxes: row.is_everywhere ? ['*'] : row.sandboxes,
    labels: row.labels as string[],
    etag: etagOf(row.version),
    createdBy: row.created_by,
    createdAt: row.created_at,
    modifiedBy: row.modified_by,
    modifiedAt: row.modified_at,
  }
}

export function isAdministratorRole(row: FullRole): boolean {
  return row.key === administratorKey
}

function checkPermission(name: string): string {
  if (isPermission(name)) return name
  const [suggestion] = nearest(name, permissions)
  throw new AppError('admin.invalid', `There is no permission ${JSON.stringify(name.slice(0, 80))}.`, {
    hint:
      suggestion === undefined
        ? 'See them at /data/foundation/access-control/acl/reference.'
        : `Did you mean ${suggestion}?`,
  })
}

const texts = ['name', 'description'] as const
const lists = {
  permissionSets: 'permissionSets',
  sandboxes: 'sandboxes',
  labels: 'subjectAttributes/labels',
} as const

/** `add` at `/x/-` appends one or several, at `/x` it replaces as JSON Patch has it; `remove` takes an index or a value. */
function patched(role: RoleInput, { op, path, value }: PatchOperation): RoleInput {
  const place = path.replace(/^\//, '')
  for (const key of texts) {
    if (place !== key) continue
    if (op === 'remove') return { ...role, [key]: '' }
    if (typeof value === 'string') return { ...role, [key]: value }
    throw new AppError('admin.invalid', `The value at ${path} is a text.`)
  }
  for (const [key, name] of Object.entries(lists) as [keyof typeof lists, string][]) {
    if (place !== name && !place.startsWith(`${name}/`)) continue
    const step = place === name ? undefined : stepOf(place.slice(name.length + 1))
    return { ...role, [key]: patchedList(role[key], { op, path, step, value }) }
  }
  throw new AppError('admin.invalid', `There is no ${path.slice(0, 80)} to patch in a role.`, {
    hint: 'There are /name, /description, /permissionSets, /sandboxes and /subjectAttributes/labels.',
  })
}

function patchedList(
  list: readonly string[],
  { op, path, step, value }: PatchOperation & { readonly step: string | undefined },
): string[] {
  const given = value === undefined ? [] : [value].flat()
  if (!given.every((item) => typeof item === 'string') || given.length > namesMax) {
    throw new AppError('admin.invalid', `The value at ${path} is a text or a list of texts.`)
  }
  if (op === 'remove') {
    const index = step !== undefined && /^\d{1,6}$/.test(step) ? Number(step) : undefined
    const gone = index === undefined ? [...given, ...(step === undefined ? [] : [step])] : [list[index]]
    if (step === undefined && given.length === 0) return []
    if (!gone.every((item) => item !== undefined && list.includes(item))) {
      throw new AppError('admin.invalid', `There is no ${path.slice(0, 80)} to remove.`)
    }
    return list.filter((item) => !gone.includes(item))
  }
  if (value === undefined || (given.length === 0 && step !== undefined)) {
    throw new AppError('admin.invalid', `The operation at ${path} has no value.`)
  }
  if (step === undefined) return [...given]
  if (step === '-') return [...new Set([...list, ...given])]
  const index = /^\d{1,6}$/.test(step) ? Number(step) : Number.NaN
  if (!(index < list.length)) throw new AppError('admin.invalid', `There is no ${path} to patch.`)
  return list.toSpliced(index, op === 'replace' ? 1 : 0, ...given)
}

export function stampOf({ principal }: Caller, at: Date) {
  return { by: subjectIdOf(principal.id), at }
}

function taken(name: string): AppError {
  return new AppError('admin.exists', `There is a role ${JSON.stringify(name)} already.`)
}
