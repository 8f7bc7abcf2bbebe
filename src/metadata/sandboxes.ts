import { sql } from 'kysely'
import type { OrganizationId, SandboxId } from '#base/ids.ts'
import type { AccessTables, SandboxRow } from './access-tables.ts'
import type { Db } from './metadata.ts'

/** Every sandbox an organisation has or had, oldest first; what a reset left behind is not among them. */
export async function selectSandboxes(
  db: Db,
  filter: { readonly organizationId: OrganizationId; readonly name?: string; readonly isLocked?: boolean },
): Promise<SandboxRow[]> {
  return await db
    .selectFrom('sandboxes')
    .selectAll()
    .where('organization_id', '=', filter.organizationId)
    .where('retired_at', 'is', null)
    .$if(filter.name !== undefined, (query) => query.where('name', '=', filter.name!))
    .$if(filter.isLocked === true, (query) => query.forUpdate())
    .orderBy('created_at')
    .orderBy('name')
    .execute()
}

/** Names of sandboxes by id, retired ones too, for showing what happened in them. */
export async function selectSandboxName(db: Db, id: SandboxId): Promise<string | undefined> {
  const row = await db.selectFrom('sandboxes').select('name').where('id', '=', id).executeTakeFirst()
  return row?.name
}

export async function selectSandboxNames(
  db: Db,
  organizationId: OrganizationId,
): Promise<ReadonlyMap<SandboxId, string>> {
  const rows = await db
    .selectFrom('sandboxes')
    .select(['id', 'name'])
    .where('organization_id', '=', organizationId)
    .execute()
  return new Map(rows.map((row) => [row.id, row.name.split('~')[0] ?? row.name]))
}

/** Of all organisations, retired ones too: something of theirs may still lie about. */
export async function selectSandboxIds(db: Db): Promise<SandboxId[]> {
  const rows = await db.selectFrom('sandboxes').select('id').execute()
  return rows.map(({ id }) => id)
}

/** Until the end of the transaction nobody else adds one. */
export async function lockSandboxQuota(db: Db, organizationId: OrganizationId): Promise<number> {
  const row = await db
    .selectFrom('organizations')
    .select('sandboxes_max')
    .where('id', '=', organizationId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  return row.sandboxes_max
}

export async function insertSandbox(
  db: Db,
  sandbox: Omit<SandboxRow, 'version' | 'retired_at' | 'state'>,
): Promise<void> {
  await db
    .insertInto('sandboxes')
    .values({ ...sandbox, state: 'active', retired_at: null })
    .execute()
}

export async function updateSandbox(
  db: Db,
  id: SandboxId,
  change: Partial<Pick<AccessTables['sandboxes'], 'modified_at'>> & {
    readonly title?: string
    readonly state?: SandboxRow['state']
    readonly modified_by: string
  },
): Promise<void> {
  await db
    .updateTable('sandboxes')
    .set({ ...change, version: sql<number>`version + 1` })
    .where('id', '=', id)
    .execute()
}

/**
 * The name goes on with a new, empty sandbox of the same rights; all that lay in the old one can be reached by nobody
 * from the commit on, whatever table it is in.
 */
export async function replaceSandbox(
  db: Db,
  options: { readonly old: SandboxRow; readonly id: SandboxId; readonly by: string; readonly at: Date },
): Promise<void> {
  const { old, id, by, at } = options
  await db
    .updateTable('sandboxes')
    .set({ name: `${old.name}~${old.id}`, state: 'deleted', retired_at: at })
    .where('id', '=', old.id)
    .execute()
  await db
    .insertInto('sandboxes')
    .values({ ...old, id, state: 'active', version: old.version + 1, modified_by: by, modified_at: at })
    .execute()
  await db.updateTable('role_sandboxes').set({ sandbox_id: id }).where('sandbox_id', '=', old.id).execute()
}

/** Nothing is begun there any more, and its datasets are as dropped: their files are nobody's. */
export async function stopSandboxWork(db: Db, sandboxId: SandboxId, at: Date): Promise<void> {
  await db
    .updateTable('job_schedules')
    .set({ is_enabled: false })
    .where('sandbox_id', '=', sandboxId)
    .execute()
  await db
    .updateTable('datasets')
    .set({ deleted_at: at })
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .execute()
}
