import { randomUUID } from 'node:crypto'
import type { OrganizationId } from '#base/ids.ts'
import { administratorKey } from '#metadata/access.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { addRolePermissions, insertRole, selectRoles } from '#metadata/roles.ts'
import { selectSandboxes } from '#metadata/sandboxes.ts'
import { entryOf, permissions, sandboxCategory } from './permissions.ts'

const sandboxPermissions = permissions.filter((name) => entryOf(name).category === sandboxCategory)

/** Roles every organisation has; `prod`: only there. */
const shipped = [
  {
    key: administratorKey,
    name: 'Organisation administrator',
    description: 'Everything, in every sandbox',
    place: 'everywhere',
    permissions: [...permissions, 'administer-organization'],
  },
  {
    key: 'production-all-access',
    name: 'Default production all access',
    description: 'Everything in prod but the administration of sandboxes',
    place: 'prod',
    permissions: permissions.filter((name) => !sandboxPermissions.includes(name)),
  },
  {
    key: 'sandbox-administrators',
    name: 'Sandbox Administrators',
    description: 'Make, change, reset and delete sandboxes',
    place: 'everywhere',
    permissions: sandboxPermissions,
  },
] as const

/**
 * Makes the shipped roles an organisation has not got, and gives them what a newer catalogue added. Harmless to repeat.
 * @returns the id of the role *Organisation administrator*
 */
export async function ensureShippedRoles(
  tx: Transaction,
  organizationId: OrganizationId,
  now: Date,
): Promise<string> {
  const byKey = new Map((await selectRoles(tx, { organizationId })).map((role) => [role.key, role.id]))
  const sandboxes = await selectSandboxes(tx, { organizationId })
  const productionIds = sandboxes.flatMap(({ id, is_default: isDefault }) => (isDefault ? [id] : []))
  for (const role of shipped) {
    const known = byKey.get(role.key)
    if (known !== undefined) {
      await addRolePermissions(tx, known, role.permissions)
      continue
    }
    const id = randomUUID()
    byKey.set(role.key, id)
    await insertRole(tx, {
      id,
      organizationId,
      key: role.key,
      content: {
        name: role.name,
        description: role.description,
        labels: [],
        isEverywhere: role.place === 'everywhere',
        permissions: role.permissions,
        sandboxIds: role.place === 'prod' ? productionIds : [],
      },
      stamp: { by: 'sluice', at: now },
    })
  }
  const administrators = byKey.get(administratorKey)
  if (administrators === undefined) throw new Error('Broken invariant: no role of administrators was made')
  return administrators
}
