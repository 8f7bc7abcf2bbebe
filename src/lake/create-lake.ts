import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { newUuidId, type SnapshotId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import type { Engine } from '#engine/engine.ts'
import {
  deleteLakePins,
  deleteOpenLakeWrite,
  insertLakeTable,
  type LakeCommitRow,
  lockLakeTable,
  putLakePin,
  selectLakeCommitOfBatch,
  selectLakeCommitOfSnapshot,
  selectLakeCommits,
  selectFirstLakeCommit,
  selectLakeTableIds,
  selectNewestLakeCommit,
} from '#metadata/lake.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { addColumns } from './add-columns.ts'
import { append, resultOf } from './append.ts'
import { clusterPath } from './cluster-path.ts'
import { batchesWithRows, filesOfBatch } from './batch-files.ts'
import { compact } from './compact.ts'
import { deleteRows } from './delete-rows.ts'
import { removeDropped } from './dropped.ts'
import { evolve } from './evolve.ts'
import { expire } from './expire.ts'
import { commitExternal } from './external-commit.ts'
import { corrupt, leaseFiles } from './file-checks.ts'
import { printJson } from './iceberg/json.ts'
import { newTableMetadata } from './iceberg/new-table-metadata.ts'
import { snapshotAt } from './iceberg/table-metadata.ts'
import type { LakeContext } from './lake-context.ts'
import type { LakeFiles } from './lake-files.ts'
import type { Commit, Lake, LakeTable, NewTable, Snapshot } from './lake.ts'
import { mergeManifests } from './merge-manifests.ts'
import { removeOrphans } from './orphans.ts'
import { overwrite } from './overwrite.ts'
import { plan, snapshotRemoved } from './plan.ts'
import { sweepRemovals } from './removals.ts'
import { sha256Of } from './sha256.ts'
import { isMadeFrom, openStaged, stageTable, sweepStaged } from './staged-table.ts'
import { systemColumns } from './system-columns.ts'
import { readBase } from './table-base.ts'
import {
  allColumns,
  checkColumns,
  definitionOf,
  known,
  knownTable,
  type TableDefinition,
} from './table-definition.ts'
import { tableFiles } from './table-files.ts'
import { checkProperties } from './table-properties.ts'
import { tableReader } from './table-reader.ts'
import { Turns } from './turns.ts'
import { trackWrites, writerSilentMsMax } from './writes.ts'

export interface LakeOptions {
  readonly metadata: Metadata
  readonly engine: Engine
  /** Each table has a folder in it, named by its dataset. */
  readonly files: LakeFiles
  readonly clock: Clock
  readonly logger: Logger
  /** Of this process, for people who read our records. */
  readonly incarnation: string
}

export function createLake(options: LakeOptions): Lake {
  const { metadata, engine, files: lakeFiles, clock, logger, incarnation } = options
  const reader = tableReader()
  const writes = trackWrites({ metadata, lakeFiles, clock, logger, incarnation })
  const context: LakeContext = {
    metadata,
    engine,
    lakeFiles,
    clock,
    logger,
    reader,
    writes,
    turns: new Turns(),
  }

  const tableOf = (table: TableDefinition): LakeTable => ({
    id: table.id,
    datasetId: table.datasetId,
    schema: table.schema,
    systemColumns,
    location: tableFiles(lakeFiles, table.datasetId).location,
    dayColumn: table.dayColumn,
  })

  async function create(tx: Transaction, table: NewTable): Promise<LakeTable> {
    const { schema, dayColumn, clusterBy = [], properties = {} } = table
    checkColumns(schema, dayColumn)
    const paths = clusterBy.map((path) => clusterPath(path, schema).names)
    const definition = { id: newUuidId('table'), datasetId: table.datasetId, schema, dayColumn, clusterBy }
    const files = tableFiles(lakeFiles, table.datasetId)
    checkProperties(properties, files.location)
    const now = clock.now()
    const first = newTableMetadata({
      tableId: definition.id,
      location: files.location,
      columns: allColumns(schema),
      dayColumn,
      sortPaths: paths.every((path) => path !== undefined) ? paths : [],
      properties: { ...properties, 'sluice.columns': JSON.stringify(schema) },
      nowMs: now.getTime(),
    })
    // Outside the caller's transaction: when that is undone, the record of the file stays for the sweeper.
    const write = await writes.begin(definition)
    try {
      const metadataFile = `metadata/00000-${write.id}.metadata.json`
      const bytes = Buffer.from(printJson(first))
      await files.write(metadataFile, bytes)
      await insertLakeTable(tx, {
        id: definition.id,
        dataset_id: table.datasetId,
        sandbox_id: table.sandboxId,
        columns: JSON.stringify(schema),
        day_column: dayColumn ?? null,
        cluster_by: JSON.stringify(clusterBy),
        metadata_file: metadataFile,
        metadata_sha256: sha256Of(bytes),
        snapshot_id: null,
        created_at: now,
      })
      await deleteOpenLakeWrite(tx, write.id)
    } catch (error) {
      await write.discard()
      throw error
    }
    write.leave()
    return tableOf(definition)
  }

  return {
    create,

    addColumns: async (tx, change) => await addColumns(context, tx, change),

    table: async (tableId) => tableOf(definitionOf(await knownTable(metadata.db, tableId))),

    append: async (request) => await append(context, request),

    overwrite: async (request) => await overwrite(context, request),

    deleteRows: async (request) => await deleteRows(context, request),

    evolve: async (request) => await evolve(context, request),

    commit: async (request) => {
      const { within } = request
      const table = await commitExternal(context, {
        ...request,
        ...(within
          ? { committed: async (tx, definition, added) => await within(tx, tableOf(definition), added) }
          : {}),
      })
      return tableOf(table)
    },

    stage: async (table) => await stageTable(context, table),

    openStaged: async (tx, commit) => await openStaged(context, tx, { commit, tableOf }),

    isMade: async (tableId, commit) => await isMadeFrom(context, tableId, commit),

    metadata: async (tableId) => {
      const { row, files, metadata: table } = await readBase(context, tableId)
      return { location: files.uri(row.metadata_file), json: printJson(table) }
    },

    compact: async (request) => await compact(context, request),

    mergeManifests: async (request) => await mergeManifests(context, request),

    expire: async (request) => await expire(context, request),

    tableIds: async () => await selectLakeTableIds(metadata.db),

    committedBatch: async (tableId, batchId) => {
      const row = await selectLakeCommitOfBatch(metadata.db, tableId, batchId)
      return row && resultOf(row, false)
    },

    filesOfBatch: async (tableId, batchId) => await filesOfBatch(context, tableId, batchId),

    batchesWithRows: async (tableId, { signal }) => await batchesWithRows(context, tableId, signal),

    snapshot: async (tableId, snapshotId) => {
      if (snapshotId === undefined) {
        const newest = await selectNewestLakeCommit(metadata.db, tableId)
        if (newest) return snapshotOf(newest)
        await knownTable(metadata.db, tableId) // Commits go with their table.
        return undefined
      }
      await knownTable(metadata.db, tableId)
      const row = await selectLakeCommitOfSnapshot(metadata.db, tableId, snapshotId)
      if (!row) throw snapshotRemoved(snapshotId)
      return snapshotOf(row)
    },

    snapshotAt: async (tableId, at) => {
      const { metadata: table } = await readBase(context, tableId)
      const found = snapshotAt(table, at.getTime())
      if (found) {
        const row = await selectLakeCommitOfSnapshot(
          metadata.db,
          tableId,
          String(found['snapshot-id']) as SnapshotId,
        )
        return row && snapshotOf(row)
      }
      const first = await selectFirstLakeCommit(metadata.db, tableId)
      if (first?.is_expired !== true || at < first.committed_at) return undefined
      throw new AppError(
        'source.removed',
        `What the table was at ${at.toISOString()} is not there any more.`,
        {
          hint: 'Its snapshots expired or were deleted. Read a newer one.',
        },
      )
    },

    plan: async (request) => await plan(context, request),

    lease: async (files, given) => await leaseFiles(lakeFiles, files, given),

    readRange: async ({ name }, { start, end, signal }) => {
      const bytes = await lakeFiles.read(name, { start, end, signal })
      if (bytes.length < end - start) throw corrupt(name, `ends before its byte ${end}`)
      return bytes
    },

    pin: async (tx, pin) => {
      // No expiry gets between our look and our pin.
      known(await lockLakeTable(tx, pin.tableId, 'share'), pin.tableId)
      if (!(await selectLakeCommitOfSnapshot(tx, pin.tableId, pin.snapshotId))) {
        throw snapshotRemoved(pin.snapshotId)
      }
      await putLakePin(tx, {
        owner: pin.owner,
        table_id: pin.tableId,
        snapshot_id: pin.snapshotId,
        until: pin.until,
      })
    },

    releasePins: async (tx, owner) => {
      await deleteLakePins(tx, owner)
    },

    sweep: async ({ signal }) => {
      const { filesRemoved } = await writes.sweep(signal)
      // A remover of now is not disturbed; removing twice does no harm.
      const before = new Date(clock.now().getTime() - writerSilentMsMax)
      const staged = await sweepStaged(context, signal)
      return { filesRemoved: filesRemoved + staged + (await sweepRemovals(context, { before, signal })) }
    },

    removeDropped: async (request) => ({ filesRemoved: await removeDropped(context, request) }),

    removeOrphans: async (request) => ({ filesRemoved: await removeOrphans(context, request) }),

    commits: async (tableId) => {
      const rows = await selectLakeCommits(metadata.db, tableId)
      return rows.map(commitOf)
    },
  }
}

function snapshotOf(row: LakeCommitRow): Snapshot {
  return {
    snapshotId: row.snapshot_id as Snapshot['snapshotId'],
    commitSequence: row.sequence,
    rowCount: Number(row.total_rows),
    committedAt: row.committed_at,
  }
}

function commitOf(row: LakeCommitRow): Commit {
  return {
    ...snapshotOf(row),
    operation: row.operation,
    batchId: row.batch_id ?? undefined,
    addedRowCount: Number(row.added_rows),
  }
}
