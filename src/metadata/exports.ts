import { type ColumnType, type Generated, type Insertable, type Selectable, sql } from 'kysely'
import { assert } from '#base/assert.ts'
import type { DatasetId, FlowId, OrganizationId, PrincipalId, RunId, SandboxId, TableId } from '#base/ids.ts'
import type { RunRow } from './jobs.ts'
import type { Db, Transaction } from './metadata.ts'
import { lockName } from './lock-name.ts'

export interface ExportTables {
  export_settings: {
    organization_id: OrganizationId
    is_strict: boolean
    entitled_tier: 'Prime' | 'Ultimate' | null
  }
  flow_entities: {
    id: string
    sandbox_id: SandboxId
    kind: EntityRowKind
    document: Json
    etag: string
    created_at: Date
    created_by: PrincipalId
    updated_at: Date
    updated_by: PrincipalId
    deleted_at: Date | null
  }
  export_chains: {
    flow_id: FlowId
    dataset_id: DatasetId
    number: number
    manifest_sha256: string
    manifest_name: string
    location: string
    watermark_sequence: BigInteger
    /** The source was set back to it since that delivery; null: it goes on from there. */
    reset_to_sequence: BigIntegerOrNull
    /** The dataset left the flow and joined it again since then. */
    begins_anew: Generated<boolean>
    published_at: Date
  }
  export_runs: {
    run_id: RunId
    flow_id: FlowId
    dataset_id: DatasetId
    plan: Json
    /** As it is delivered, to the byte. */
    manifest: string | null
    published_at: Date | null
    /** Whether the run may hold a pin on its snapshot. */
    is_pinned: boolean
    created_at: Date
  }
  export_parts: {
    id: string
    run_id: RunId
    fence: number
    number: number
    store: Json
    token: Json
    state: PartState
    spool_path: string
    bytes: BigIntegerOrNull
    sha256: string | null
    row_count: BigIntegerOrNull
    statistics: ColumnType<Record<string, unknown> | null, string | null, string | null>
    created_at: Date
  }
}

/** Parsed when read; text when written. */
type Json = ColumnType<Record<string, unknown>, string, string>
/** PostgreSQL's `bigint`, which the driver gives as text. */
type BigInteger = ColumnType<string, number, number>
type BigIntegerOrNull = ColumnType<string | null, number | null | undefined, number | null>

export type EntityRowKind = 'connections' | 'sourceConnections' | 'targetConnections' | 'flows'
/** `intended`: bytes may lie at the store; `sealed`: a manifest names it; `gone`: nothing of it is left. */
export type PartState = 'intended' | 'staged' | 'sealed' | 'gone'
export type EntityRow = Selectable<ExportTables['flow_entities']>
export type ChainRow = Selectable<ExportTables['export_chains']>
export type ExportRunRow = Selectable<ExportTables['export_runs']>
export type PartRow = Selectable<ExportTables['export_parts']>

/** Entities of one kind that one listing reads at most. */
export const entitiesMax = 10_000

export async function insertEntity(
  tx: Transaction,
  row: Omit<Insertable<ExportTables['flow_entities']>, 'deleted_at'>,
): Promise<void> {
  await tx
    .insertInto('flow_entities')
    .values({ ...row, deleted_at: null })
    .execute()
}

export async function selectEntity(
  db: Db,
  sandboxId: SandboxId,
  kind: EntityRowKind,
  id: string,
): Promise<EntityRow | undefined> {
  return await entityQuery(db, sandboxId, kind).where('id', '=', id).executeTakeFirst()
}

/** Until the end of the transaction nobody else changes it. */
export async function lockEntity(
  tx: Transaction,
  sandboxId: SandboxId,
  kind: EntityRowKind,
  id: string,
): Promise<EntityRow | undefined> {
  return await entityQuery(tx, sandboxId, kind).where('id', '=', id).forUpdate().executeTakeFirst()
}

/** Until the end of the transaction nobody else who asks for it adds to the entities of a sandbox. */
export async function lockEntities(tx: Transaction, sandboxId: SandboxId): Promise<void> {
  await lockName(tx, `flow entities of ${sandboxId}`)
}

/** The last updated first. */
export async function selectEntities(
  db: Db,
  sandboxId: SandboxId,
  kind: EntityRowKind,
): Promise<EntityRow[]> {
  return await entityQuery(db, sandboxId, kind)
    .orderBy('updated_at', 'desc')
    .orderBy('id')
    .limit(entitiesMax)
    .execute()
}

function entityQuery(db: Db, sandboxId: SandboxId, kind: EntityRowKind) {
  return db
    .selectFrom('flow_entities')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('kind', '=', kind)
    .where('deleted_at', 'is', null)
}

/** Of any sandbox: for runs, which were allowed before. */
export async function selectConnection(db: Db, id: string): Promise<EntityRow | undefined> {
  return await connectionQuery(db, id).executeTakeFirst()
}

export async function lockConnection(tx: Transaction, id: string): Promise<EntityRow | undefined> {
  return await connectionQuery(tx, id).forUpdate().executeTakeFirst()
}

function connectionQuery(db: Db, id: string) {
  return db
    .selectFrom('flow_entities')
    .selectAll()
    .where('id', '=', id)
    .where('kind', '=', 'connections')
    .where('deleted_at', 'is', null)
}

/** What the server itself learnt; nobody changed it. */
export async function updateConnectionDocument(
  tx: Transaction,
  id: string,
  change: { readonly document: string; readonly etag: string },
): Promise<void> {
  await tx.updateTable('flow_entities').set(change).where('id', '=', id).execute()
}

export async function updateEntity(
  tx: Transaction,
  id: string,
  change: {
    readonly document?: string
    readonly etag?: string
    readonly updated_at: Date
    readonly updated_by: PrincipalId
    readonly deleted_at?: Date
  },
): Promise<void> {
  await tx.updateTable('flow_entities').set(change).where('id', '=', id).execute()
}

/** The flow a run is of: a run's subject is its id, or its id and a dataset's. */
const flowOfRun = sql<string>`split_part(subject_id, ':', 1)`

/** The newest run of each flow that has one. */
export async function selectLastRuns(
  db: Db,
  flowIds: readonly string[],
): Promise<(RunRow & { readonly flow_id: string })[]> {
  if (flowIds.length === 0) return []
  return await db
    .selectFrom('job_runs')
    .selectAll()
    .select(flowOfRun.as('flow_id'))
    .distinctOn(flowOfRun)
    .where('kind', '=', 'export')
    .where(flowOfRun, 'in', flowIds)
    .orderBy(flowOfRun)
    .orderBy('sequence', 'desc')
    .execute()
}

/** Runs of a sandbox's exports, newest first. */
export async function selectExportJobRuns(
  db: Db,
  filter: { readonly sandboxId: SandboxId; readonly flowId: string | undefined; readonly limit: number },
): Promise<RunRow[]> {
  let query = db
    .selectFrom('job_runs')
    .selectAll()
    .where('kind', '=', 'export')
    .where('sandbox_id', '=', filter.sandboxId)
  if (filter.flowId !== undefined) query = query.where(flowOfRun, '=', filter.flowId)
  return await query.orderBy('sequence', 'desc').limit(filter.limit).execute()
}

export interface ExportSettingsRow {
  /** Whether the organisation's exports keep to the reference platform's own limits. */
  readonly isStrict: boolean
  /** The level of Journey Optimizer whose datasets it may export; null: all. */
  readonly entitledTier: 'Prime' | 'Ultimate' | null
}

export async function selectExportSettings(
  db: Db,
  organizationId: OrganizationId,
): Promise<ExportSettingsRow> {
  const row = await db
    .selectFrom('export_settings')
    .selectAll()
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()
  return { isStrict: row?.is_strict ?? false, entitledTier: row?.entitled_tier ?? null }
}

export async function upsertExportSettings(
  tx: Transaction,
  organizationId: OrganizationId,
  { isStrict, entitledTier }: ExportSettingsRow,
): Promise<void> {
  const values = { is_strict: isStrict, entitled_tier: entitledTier }
  await tx
    .insertInto('export_settings')
    .values({ organization_id: organizationId, ...values })
    .onConflict((conflict) => conflict.column('organization_id').doUpdateSet(values))
    .execute()
}

/** Runs of an export that are not over. */
export async function selectUnfinishedRuns(
  db: Db,
  filter: { readonly flowId: string; readonly subjectId?: string },
): Promise<RunRow[]> {
  let query = db
    .selectFrom('job_runs')
    .selectAll()
    .where('kind', '=', 'export')
    .where(flowOfRun, '=', filter.flowId)
    .where('state', 'in', ['queued', 'running', 'sealed', 'waiting'])
  if (filter.subjectId !== undefined) query = query.where('subject_id', '=', filter.subjectId)
  return await query.orderBy('sequence').execute()
}

/** Deliveries of a sandbox that are planned and worked on. */
export async function selectExportsUnderWay(db: Db, sandboxId: SandboxId): Promise<ExportRunRow[]> {
  return await db
    .selectFrom('export_runs')
    .innerJoin('job_runs', 'job_runs.id', 'export_runs.run_id')
    .selectAll('export_runs')
    .where('job_runs.kind', '=', 'export')
    .where('job_runs.sandbox_id', '=', sandboxId)
    .where('job_runs.state', 'in', ['running', 'sealed'])
    .execute()
}

/** Locked until the end of the transaction: a delivery moves it. */
export async function lockChain(
  tx: Transaction,
  flowId: FlowId,
  datasetId: DatasetId,
): Promise<ChainRow | undefined> {
  return await tx
    .selectFrom('export_chains')
    .selectAll()
    .where('flow_id', '=', flowId)
    .where('dataset_id', '=', datasetId)
    .forUpdate()
    .executeTakeFirst()
}

/** Of every dataset that a flow has delivered. */
export async function selectChains(db: Db, flowId: FlowId): Promise<ChainRow[]> {
  return await db.selectFrom('export_chains').selectAll().where('flow_id', '=', flowId).execute()
}

export async function upsertChain(
  tx: Transaction,
  row: Insertable<ExportTables['export_chains']>,
): Promise<void> {
  const { flow_id: _flow, dataset_id: _dataset, ...change } = row
  await tx
    .insertInto('export_chains')
    .values(row)
    .onConflict((conflict) => conflict.columns(['flow_id', 'dataset_id']).doUpdateSet(change))
    .execute()
}

/** Of a flow's datasets those that join it now begin anew; where none does, as the flow delivers only what is new, none. */
export async function updateBeginsAnew(
  tx: Transaction,
  flowId: string,
  { joining, isOnlyNew }: { readonly joining: readonly string[]; readonly isOnlyNew: boolean },
): Promise<void> {
  await sql`
    update export_chains
    set begins_anew = not ${isOnlyNew}::boolean and (begins_anew or dataset_id = any(${[...joining]}::text[]))
    where flow_id = ${flowId}`.execute(tx)
}

/** The last commit of each dataset's table that is visible now; 0: there is none. */
export async function selectLastSequences(
  tx: Transaction,
  sandboxId: SandboxId,
  datasetIds: readonly string[],
): Promise<Record<string, number>> {
  if (datasetIds.length === 0) return {}
  const answer = await sql<{ id: string; sequence: number }>`
    select dataset.id, coalesce(
      (select max(sequence) from lake_commits where table_id = dataset.table_id), 0) as sequence
    from datasets dataset
    where dataset.id in (${sql.join(datasetIds)}) and dataset.sandbox_id = ${sandboxId}`.execute(tx)
  return Object.fromEntries(answer.rows.map(({ id, sequence }) => [id, sequence]))
}

/** The last commit of a table up to a sequence that had been made by then; 0: none. */
export async function selectSequenceAt(
  db: Db,
  {
    tableId,
    sequenceMax,
    at,
  }: { readonly tableId: TableId; readonly sequenceMax: number; readonly at: Date },
): Promise<number> {
  const answer = await sql<{ sequence: number | null }>`
    select max(sequence) as sequence from lake_commits
    where table_id = ${tableId} and sequence <= ${sequenceMax} and committed_at <= ${at}`.execute(db)
  return answer.rows[0]?.sequence ?? 0
}

export async function selectExportRun(db: Db, runId: RunId): Promise<ExportRunRow | undefined> {
  return await db.selectFrom('export_runs').selectAll().where('run_id', '=', runId).executeTakeFirst()
}

export type PlannedRun = Pick<ExportRunRow, 'run_id' | 'dataset_id' | 'plan'>

/** Of a list: without their manifests, each of which may have megabytes. */
export async function selectExportRuns(db: Db, runIds: readonly RunId[]): Promise<PlannedRun[]> {
  if (runIds.length === 0) return []
  return await db
    .selectFrom('export_runs')
    .select(['run_id', 'dataset_id', 'plan'])
    .where('run_id', 'in', runIds)
    .execute()
}

export async function insertExportRun(
  tx: Transaction,
  row: Pick<
    Insertable<ExportTables['export_runs']>,
    'run_id' | 'flow_id' | 'dataset_id' | 'plan' | 'created_at'
  >,
): Promise<void> {
  await tx
    .insertInto('export_runs')
    .values({ ...row, manifest: null, published_at: null, is_pinned: true })
    .execute()
}

export async function updateExportRun(
  tx: Transaction,
  runId: RunId,
  change: {
    readonly plan?: string
    readonly manifest?: string
    readonly published_at?: Date
    readonly is_pinned?: boolean
  },
): Promise<void> {
  await tx.updateTable('export_runs').set(change).where('run_id', '=', runId).execute()
}

/** Staged parts that a later attempt at their run takes over, all of them. The run's lease and their rows are held. */
export async function refenceParts(tx: Transaction, ids: readonly string[], fence: number): Promise<void> {
  if (ids.length === 0) return
  const change = tx.updateTable('export_parts').set({ fence })
  const { numUpdatedRows } = await change
    .where('id', 'in', ids)
    .where('state', '=', 'staged')
    .where('fence', '<', fence)
    .executeTakeFirst()
  assert(Number(numUpdatedRows) === ids.length, 'parts that are taken over are staged')
}

/** Parts that a manifest names: staged before, or sealed already. None that somebody has begun to remove. */
export async function sealParts(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  const { numUpdatedRows } = await tx
    .updateTable('export_parts')
    .set({ state: 'sealed' })
    .where('id', 'in', ids)
    .where('state', 'in', ['staged', 'sealed'])
    .executeTakeFirst()
  assert(Number(numUpdatedRows) === ids.length, 'parts that a manifest names are staged')
}

/**
 * Takes a part for its removal, if it is still as it was seen: from here nobody seals it or takes it over. As bytes of it
 * may lie at the store it is an intent again, which a later sweep finishes should this one end here.
 */
export async function claimPart(
  db: Db,
  { id, state, fence }: Pick<PartRow, 'id' | 'state' | 'fence'>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('export_parts')
    .set({ state: 'intended' })
    .where('id', '=', id)
    .where('state', '=', state)
    .where('fence', '=', fence)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Runs that are over without a delivery and may still hold a pin. */
export async function selectRunsToUnpin(db: Db, limit: number): Promise<RunId[]> {
  const rows = await db
    .selectFrom('export_runs')
    .innerJoin('job_runs', 'job_runs.id', 'export_runs.run_id')
    .select('export_runs.run_id')
    .where('export_runs.is_pinned', '=', true)
    .where('job_runs.state', 'in', ['failed', 'cancelled', 'succeeded'])
    .limit(limit)
    .execute()
  return rows.map((row) => row.run_id)
}

export async function insertPart(
  tx: Transaction,
  row: Pick<
    Insertable<ExportTables['export_parts']>,
    'id' | 'run_id' | 'fence' | 'number' | 'store' | 'token' | 'spool_path' | 'created_at'
  >,
): Promise<void> {
  await tx
    .insertInto('export_parts')
    .values({ ...row, state: 'intended', sha256: null, statistics: null })
    .execute()
}

export async function updatePart(
  db: Db,
  id: string,
  change: {
    readonly state: PartState
    readonly bytes?: number
    readonly sha256?: string
    readonly row_count?: number
    readonly statistics?: string
  },
): Promise<void> {
  await db.updateTable('export_parts').set(change).where('id', '=', id).execute()
}

/** By number; those of which something may be left, or only those in the states named. */
export async function selectParts(
  db: Db,
  runId: RunId,
  states: readonly PartState[] = ['intended', 'staged', 'sealed'],
): Promise<PartRow[]> {
  return await partsQuery(db, runId, states).execute()
}

/** Until the end of the transaction nobody else changes them. */
export async function lockParts(
  tx: Transaction,
  runId: RunId,
  states: readonly PartState[],
): Promise<PartRow[]> {
  return await partsQuery(tx, runId, states).forUpdate().execute()
}

function partsQuery(db: Db, runId: RunId, states: readonly PartState[]) {
  return db
    .selectFrom('export_parts')
    .selectAll()
    .where('run_id', '=', runId)
    .where('state', 'in', states)
    .orderBy('number')
    .orderBy('created_at')
}

/**
 * Parts nobody will finish: their run is over, and no delivery of it names them. Those of a run that goes on are left to
 * it: what earlier attempts at it have staged, the next one takes over or removes.
 */
export async function selectAbandonedParts(db: Db, limit: number): Promise<PartRow[]> {
  const answer = await sql<PartRow>`
    select part.* from export_parts part
    join export_runs export on export.run_id = part.run_id
    left join job_runs run on run.id = part.run_id
    where part.state in ('intended', 'staged', 'sealed')
      and (
        run.id is null
        or run.state in ('failed', 'cancelled')
        or (part.state <> 'sealed' and run.state = 'succeeded')
      )
    order by part.created_at
    limit ${limit}`.execute(db)
  return answer.rows
}
