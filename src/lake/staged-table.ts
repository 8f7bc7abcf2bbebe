import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { newDatasetId, newUuidId, type SnapshotId, type TableId } from '#base/ids.ts'
import { deleteOpenLakeWrite, insertLakeCommit, insertLakeTable } from '#metadata/lake.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  countStagedTables,
  deleteStagedTable,
  insertStagedTable,
  lockOldStagedTable,
  lockStagedTable,
} from '#metadata/staged-tables.ts'
import { icebergStruct } from '#types/iceberg.ts'
import { structType, type StructType } from '#types/data-type.ts'
import type { SnapshotCommit } from './commit.ts'
import { chainOf, isMadeAlready, refuseOther, rowsAppended } from './external-commit.ts'
import { applyUpdates } from './iceberg/apply-updates.ts'
import { printJson } from './iceberg/json.ts'
import { newTableMetadata } from './iceberg/new-table-metadata.ts'
import {
  checkTableMetadata,
  daySourceId,
  schemaOf,
  type TableMetadata,
  totalBytesOf,
} from './iceberg/table-metadata.ts'
import type { TableUpdate } from './iceberg/table-update.ts'
import type { LakeContext } from './lake-context.ts'
import type { FirstCommit, LakeTable, NewTable, OpenStagedTable, TableToStage } from './lake.ts'
import { sha256Of } from './sha256.ts'
import { storedTypeOf } from './stored-type.ts'
import { systemColumns } from './system-columns.ts'
import { readBase } from './table-base.ts'
import { checkColumns, type TableDefinition } from './table-definition.ts'
import { type TableFiles, tableFiles } from './table-files.ts'
import { checkProperties } from './table-properties.ts'

/** An engine that has not committed by then has given up: what it wrote is removed. */
const stagedMsMax = 7 * 86_400_000
/** In a sandbox at a time. */
const stagedTablesMax = 1_000

/**
 * The table as the engine asked for it, without our system columns: the rows it writes first have none. They are added
 * when the table is made.
 */
export async function stageTable(
  { metadata, lakeFiles, clock }: LakeContext,
  table: TableToStage,
): Promise<{ readonly json: string }> {
  const { schema, dayColumn, properties = {} } = table
  checkColumns(schema, dayColumn)
  if ((await countStagedTables(metadata.db, table.sandboxId)) >= stagedTablesMax) {
    throw new AppError('limit.exceeded', `${stagedTablesMax} tables are staged in this sandbox already.`, {
      hint: 'Commit to them; those that are left are forgotten after seven days.',
    })
  }
  const id = newUuidId('table')
  const datasetId = newDatasetId()
  const { location } = tableFiles(lakeFiles, datasetId)
  checkProperties(properties, location)
  const now = clock.now()
  const json = printJson(
    newTableMetadata({
      tableId: id,
      location,
      columns: schema,
      dayColumn,
      sortPaths: [],
      properties,
      nowMs: now.getTime(),
    }),
  )
  await insertStagedTable(metadata.db, {
    id,
    dataset_id: datasetId,
    sandbox_id: table.sandboxId,
    principal_id: table.principalId,
    name: table.name,
    metadata: json,
    created_at: now,
  })
  return { json }
}

/** @throws AppError 'request.invalid' */
export async function openStaged(
  context: LakeContext,
  tx: Transaction,
  given: { readonly commit: FirstCommit; readonly tableOf: (table: TableDefinition) => LakeTable },
): Promise<OpenStagedTable> {
  const { commit, tableOf } = given
  const id = idOf(commit.updates)
  const row = id && (await lockStagedTable(tx, id))
  const isTheirs =
    row &&
    row.sandbox_id === commit.sandboxId &&
    row.principal_id === commit.principalId &&
    row.name === commit.name
  if (!isTheirs) {
    throw new AppError('request.invalid', `No table ${JSON.stringify(commit.name)} was staged.`, {
      hint: 'Create the table staged first, then commit within seven days.',
    })
  }
  const files = tableFiles(context.lakeFiles, row.dataset_id)
  const base = { files, metadata: checkTableMetadata(row.metadata) }
  const nowMs = context.clock.now().getTime()
  const next = applyUpdates(base.metadata, commit.updates, nowMs)
  refuseOther(base, next, commit)
  const chain = await chainOf(context, base, next.snapshots)
  const { schema, dayColumn } = columnsOf(next)
  checkColumns(schema, dayColumn)
  return {
    datasetId: row.dataset_id,
    schema,
    dayColumn,
    appended: rowsAppended(chain),
    create: async (tx, table) => {
      const definition = { ...table, id: row.id, dayColumn, clusterBy: table.clusterBy ?? [] }
      const first = withSystemColumns(next, table, nowMs)
      await createWith(context, tx, { files, definition, table, first, chain })
      await deleteStagedTable(tx, row.id)
      return tableOf(definition)
    },
  }
}

export async function isMadeFrom(
  context: LakeContext,
  tableId: TableId,
  { updates }: Pick<FirstCommit, 'updates'>,
): Promise<boolean> {
  if (idOf(updates) !== tableId) return false
  return isMadeAlready((await readBase(context, tableId)).metadata, updates)
}

/** Forgets tables whose engine never came back, and removes what it wrote. Returns how many folders went. */
export async function sweepStaged(
  { metadata, lakeFiles, clock, logger }: LakeContext,
  signal: AbortSignal,
): Promise<number> {
  for (let removed = 0; ; removed += 1) {
    signal.throwIfAborted()
    const before = new Date(clock.now().getTime() - stagedMsMax)
    const row = await metadata.transaction(async (tx) => {
      const old = await lockOldStagedTable(tx, before)
      if (!old) return undefined
      // Under its lock: nobody makes the table meanwhile. Removing twice does no harm.
      await lakeFiles.discard(old.dataset_id, { signal })
      await faultPoint('lake.stage.removed')
      await deleteStagedTable(tx, old.id)
      return old
    })
    if (!row) return removed
    logger.log('info', 'lake.staged.swept', { tableId: row.id })
  }
}

function idOf(updates: readonly TableUpdate[]): TableId | undefined {
  const found = updates.find((update) => update.action === 'assign-uuid')
  return found && /^[0-9a-f-]{36}$/.test(found.uuid) ? (found.uuid as TableId) : undefined
}

function columnsOf(metadata: TableMetadata): {
  readonly schema: StructType
  readonly dayColumn: string | undefined
} {
  const { fields } = schemaOf(metadata)
  const dayId = daySourceId(metadata, metadata['default-spec-id'])
  const day = fields.find((field) => field.id === dayId)
  if (dayId !== undefined && !day) {
    throw new AppError('schema.invalid', 'A table is partitioned by a top-level column.')
  }
  const schema = structType(fields.map(({ name, type }) => ({ name, type: storedTypeOf(type) })))
  return { schema, dayColumn: day?.name }
}

function withSystemColumns(metadata: TableMetadata, table: NewTable, nowMs: number): TableMetadata {
  const { fields } = schemaOf(metadata)
  const added = icebergStruct(systemColumns, metadata['last-column-id'])
  const schema = {
    type: 'struct' as const,
    'schema-id': -1,
    fields: [...fields, ...added.struct.fields].map((field) => ({ ...field })),
  }
  const updates: TableUpdate[] = [
    { action: 'add-schema', schema },
    { action: 'set-current-schema', 'schema-id': -1 },
    { action: 'set-properties', updates: { 'sluice.columns': JSON.stringify(table.schema) } },
  ]
  return applyUpdates(metadata, updates, nowMs)
}

/** As a table is made from nothing, with its first snapshots. */
async function createWith(
  { writes, clock }: LakeContext,
  tx: Transaction,
  made: {
    readonly files: TableFiles
    readonly definition: TableDefinition
    readonly table: NewTable
    readonly first: TableMetadata
    readonly chain: readonly SnapshotCommit[]
  },
): Promise<void> {
  const { files, definition, table, first, chain } = made
  const now = clock.now()
  const ingestTime = (index: number): number => now.getTime() + index
  // Outside the caller's transaction: when that is undone, the record of the file stays for the sweeper.
  const write = await writes.begin(definition)
  try {
    const metadataFile = `metadata/00000-${write.id}.metadata.json`
    const bytes = Buffer.from(printJson(first))
    await files.write(metadataFile, bytes)
    await faultPoint('lake.commit.before')
    await insertLakeTable(tx, {
      id: definition.id,
      dataset_id: table.datasetId,
      sandbox_id: table.sandboxId,
      columns: JSON.stringify(table.schema),
      day_column: definition.dayColumn ?? null,
      cluster_by: JSON.stringify(definition.clusterBy),
      metadata_file: metadataFile,
      metadata_sha256: sha256Of(bytes),
      total_bytes: totalBytesOf(first),
      last_sequence: chain.length,
      ...(chain.length > 0 ? { last_ingest_time: ingestTime(chain.length - 1) } : {}),
      snapshot_id: idOfSnapshot(chain.at(-1)),
      created_at: now,
    })
    for (const [index, { operation, snapshot }] of chain.entries()) {
      const snapshotId = String(snapshot.id) as SnapshotId
      await insertLakeCommit(tx, {
        table_id: definition.id,
        sequence: index + 1,
        batch_id: null,
        write_id: index === chain.length - 1 ? write.id : null,
        operation,
        snapshot_id: snapshotId,
        current_snapshot_id: snapshotId,
        added_rows: snapshot.addedRows,
        added_files: snapshot.addedFiles,
        added_bytes: snapshot.addedBytes,
        total_rows: snapshot.totalRows,
        ingest_time: ingestTime(index),
        committed_at: now,
      })
    }
    await deleteOpenLakeWrite(tx, write.id)
  } catch (error) {
    await write.discard()
    throw error
  }
  write.leave()
}

function idOfSnapshot(commit: SnapshotCommit | undefined): SnapshotId | null {
  return commit ? (String(commit.snapshot.id) as SnapshotId) : null
}
