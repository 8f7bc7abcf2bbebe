import { createHmac } from 'node:crypto'
import type { Caller } from '#access/access.ts'
import { selectHomeState } from '#metadata/home-state.ts'
import type { Db } from '#metadata/metadata.ts'

/**
 * One opaque name for an id of a namespace: the same for ever, through restores too, and another one in each sandbox.
 * Nobody can tell the id from it, or make it, who does not have our database.
 */
export async function xidOf(
  db: Db,
  { sandbox }: Caller,
  identity: { readonly namespaceId: number; readonly id: string },
): Promise<string> {
  const { home_id: key } = await selectHomeState(db)
  const named = [sandbox.organizationId, sandbox.id, identity.namespaceId, identity.id]
  return createHmac('sha256', key).update(JSON.stringify(named)).digest('base64url')
}
