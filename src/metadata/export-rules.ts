import { type ColumnType, type Insertable, type Selectable, sql } from 'kysely'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'
import { lockName } from './lock-name.ts'

export interface ExportRuleTables {
  export_rules: {
    id: string
    sandbox_id: SandboxId
    name: string
    document: ColumnType<Record<string, unknown>, string, string>
    created_at: Date
    created_by: PrincipalId
  }
}

export type ExportRuleRow = Selectable<ExportRuleTables['export_rules']>

/** By name. */
export async function selectExportRules(db: Db, sandboxId: SandboxId): Promise<ExportRuleRow[]> {
  return await db
    .selectFrom('export_rules')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .orderBy('name')
    .execute()
}

/** One of that name is replaced; its id stays. */
export async function upsertExportRule(
  tx: Transaction,
  row: Insertable<ExportRuleTables['export_rules']>,
): Promise<string> {
  const { id } = await tx
    .insertInto('export_rules')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['sandbox_id', 'name']).doUpdateSet({ document: row.document }),
    )
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** Its name; undefined: there is none. */
export async function deleteExportRule(
  tx: Transaction,
  sandboxId: SandboxId,
  { called, by }: { readonly called: string; readonly by: 'id' | 'name' },
): Promise<Pick<ExportRuleRow, 'id' | 'name'> | undefined> {
  return await tx
    .deleteFrom('export_rules')
    .where('sandbox_id', '=', sandboxId)
    .where(by, '=', called)
    .returning(['id', 'name'])
    .executeTakeFirst()
}

/** Until the end of the transaction nobody else who asks for it seals a delivery of the sandbox. */
export async function lockExported(tx: Transaction, sandboxId: SandboxId): Promise<void> {
  await lockName(tx, `exported of ${sandboxId}`)
}

/** Deliveries to one place; where that is not known yet there is a plan. */
export interface ExportedSum {
  readonly location: string | null
  readonly plan: unknown
  readonly rows: number
  readonly bytes: number
  readonly runs: number
}

/**
 * What was delivered of some datasets, by some principal or members of some roles and groups, since a moment, and what is
 * sealed and will be: by place.
 */
export async function sumExported(
  db: Db,
  since: {
    readonly sandboxId: SandboxId
    readonly from: Date
    readonly datasetIds?: readonly string[] | undefined
    readonly principalId?: PrincipalId
    readonly roleIds?: readonly string[] | undefined
    readonly groupIds?: readonly string[] | undefined
  },
): Promise<ExportedSum[]> {
  const { sandboxId, from, principalId } = since
  const [datasetIds, roleIds, groupIds] = [
    since.datasetIds ?? null,
    since.roleIds ?? null,
    since.groupIds ?? null,
  ]
  const answer = await sql<{
    location: string | null
    plan: unknown
    rows: string
    bytes: string
    runs: string
  }>`
    select
      delivered.location, delivered.plan,
      coalesce(sum((delivered.counts ->> 'rowCount')::bigint), 0) as rows,
      coalesce(sum((delivered.counts ->> 'bytes')::bigint), 0) as bytes,
      count(*) as runs
    from job_runs run
    join export_runs export on export.run_id = run.id
    cross join lateral (
      select
        case when run.state = 'succeeded' then run.result else export.manifest::jsonb end as counts,
        run.result ->> 'location' as location,
        case when run.result ->> 'location' is null then export.plan end as plan
    ) delivered
    where run.kind = 'export' and run.sandbox_id = ${sandboxId}
      and (
        (run.state = 'succeeded' and run.finished_at >= ${from})
        or (run.is_sealed and run.state not in ('succeeded', 'failed', 'cancelled'))
      )
      and (${datasetIds}::text[] is null or export.dataset_id = any(${datasetIds}::text[]))
      and (${principalId ?? null}::uuid is null or run.principal_id = ${principalId ?? null}::uuid)
      and (${roleIds}::uuid[] is null or run.principal_id in (${inRoles(since.roleIds ?? [])}))
      and (${groupIds}::uuid[] is null or run.principal_id in (${inGroups(since.groupIds ?? [])}))
    group by delivered.location, delivered.plan`.execute(db)
  return answer.rows.map(({ rows, bytes, runs, ...place }) => ({
    ...place,
    rows: Number(rows),
    bytes: Number(bytes),
    runs: Number(runs),
  }))
}

/** Members of the roles, themselves or by a group. */
function inRoles(roleIds: readonly string[]) {
  return sql`
    select principal_id from role_members where role_id = any(${roleIds}::uuid[])
    union all
    select member.principal_id from role_groups role_group
    join group_members member on member.group_id = role_group.group_id
    where role_group.role_id = any(${roleIds}::uuid[])`
}

function inGroups(groupIds: readonly string[]) {
  return sql`select principal_id from group_members where group_id = any(${groupIds}::uuid[])`
}

export async function isInGroups(
  db: Db,
  principalId: PrincipalId,
  groupIds: readonly string[],
): Promise<boolean> {
  return await isAmong(db, principalId, inGroups(groupIds))
}

/** Whether the principal is a member of one of the roles, itself or by a group. */
export async function isInRoles(
  db: Db,
  principalId: PrincipalId,
  roleIds: readonly string[],
): Promise<boolean> {
  return await isAmong(db, principalId, inRoles(roleIds))
}

async function isAmong(
  db: Db,
  principalId: PrincipalId,
  members: ReturnType<typeof inRoles>,
): Promise<boolean> {
  const answer = await sql<{ found: boolean }>`
    select ${principalId}::uuid in (${members}) as found`.execute(db)
  return answer.rows[0]?.found === true
}

/** Who delivered what to where, newest first. */
export interface ExportedRow {
  readonly run_id: string
  readonly flow_id: string
  readonly dataset_id: string
  readonly dataset_name: string
  readonly principal_id: PrincipalId
  readonly principal_name: string | null
  readonly location: string
  readonly rows: string
  readonly bytes: string
  readonly files: string
  readonly published_at: Date
}

export async function selectExported(
  db: Db,
  filter: {
    readonly sandboxId: SandboxId
    readonly principalId?: string | undefined
    readonly location?: string | undefined
    readonly datasetId?: string | undefined
    readonly from?: Date | undefined
    readonly before?: Date | undefined
    readonly limit: number
    readonly offset?: number
  },
): Promise<ExportedRow[]> {
  const { sandboxId, principalId, location, datasetId, from, before, limit, offset = 0 } = filter
  const answer = await sql<ExportedRow>`
    select
      export.run_id, export.flow_id, export.dataset_id,
      export.plan ->> 'datasetName' as dataset_name,
      run.principal_id, principal.name as principal_name,
      run.result ->> 'location' as location,
      coalesce(run.result ->> 'rowCount', '0') as rows,
      coalesce(run.result ->> 'bytes', '0') as bytes,
      coalesce(run.result ->> 'fileCount', '0') as files,
      export.published_at
    from export_runs export
    join job_runs run on run.id = export.run_id
    left join principals principal on principal.id = run.principal_id
    where run.sandbox_id = ${sandboxId} and export.published_at is not null and run.state = 'succeeded'
      and (${from ?? null}::timestamptz is null or export.published_at >= ${from ?? null}::timestamptz)
      and (${before ?? null}::timestamptz is null or export.published_at < ${before ?? null}::timestamptz)
      and (${principalId ?? null}::uuid is null or run.principal_id = ${principalId ?? null}::uuid)
      and (${location ?? null}::text is null or starts_with(run.result ->> 'location', ${location ?? null}::text))
      and (${datasetId ?? null}::text is null or export.dataset_id = ${datasetId ?? null}::text)
    order by export.published_at desc
    limit ${limit} offset ${offset}`.execute(db)
  return answer.rows
}
