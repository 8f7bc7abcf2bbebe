import { selectRights } from '#metadata/access.ts'
import type { Db } from '#metadata/metadata.ts'
import type { Caller } from './access.ts'
import {
  actionsOf,
  type CataloguePermission,
  givenBy,
  isPermission,
  permissions,
  resourceTypeOf,
} from './permissions.ts'

/** What of the entries (`/permissions/x`, `/resource-types/y`) the asker may do in the sandbox; the others are left out. */
export async function effectivePolicies(
  db: Db,
  { principal, sandbox }: Caller,
  entries: readonly string[],
): Promise<Record<string, string[]>> {
  const { permissions: given } = await selectRights(db, { principalId: principal.id, sandboxId: sandbox.id })
  const held = permissions.filter((name) => givenBy(name).some((giver) => given.has(giver)))
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const actions = actionsAt(entry, held)
      return actions.length === 0 ? [] : [[entry, actions]]
    }),
  )
}

function actionsAt(entry: string, held: readonly CataloguePermission[]): string[] {
  const [kind, name = ''] = entry.replace(/^\//, '').split('/', 2)
  if (kind === 'permissions') return isPermission(name) && held.includes(name) ? ['*'] : []
  const type = kind === 'resource-types' ? resourceTypeOf(name) : undefined
  return type === undefined ? [] : actionsOf(held, type)
}
