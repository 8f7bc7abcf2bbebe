import type { Clock } from '#base/clock.ts'
import { newUuidId } from '#base/ids.ts'
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
  selectNewestLakeCommit,
} from '#metadata/lake.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { append } from './append.ts'
import { clusterPath } from './cluster-path.ts'
import { resultOf } from './commit.ts'
import { printJson } from './iceberg/json.ts'
import { newTableMetadata } from './iceberg/table-metadata.ts'
import type { Commit, Lake, LakeTable, NewTable, Snapshot } from './lake.ts'
import { plan, snapshotRemoved } from './plan.ts'
import { systemColumns } from './system-columns.ts'
import {
  allColumns,
  checkColumns,
  definitionOf,
  known,
  knownTable,
  type TableDefinition,
} from './table-definition.ts'
import { tableFiles } from './table-files.ts'
import { tableReader } from './table-reader.ts'
import { Turns } from './turns.ts'
import { trackWrites } from './writes.ts'

export interface LakeOptions {
  readonly metadata: Metadata
  readonly engine: Engine
  /** Absolute path. Each table has a folder in it, named by its dataset. */
  readonly folder: string
  readonly clock: Clock
  readonly logger: Logger
  /** Of this process, for people who read our records. */
  readonly incarnation: string
}

export function createLake(options: LakeOptions): Lake {
  const { metadata, engine, folder, clock, logger, incarnation } = options
  const reader = tableReader()
  const writes = trackWrites({ metadata, lakeFolder: folder, clock, logger, incarnation })
  const turns = new Turns()

  const tableOf = (table: TableDefinition): LakeTable => ({
    id: table.id,
    datasetId: table.datasetId,
    schema: table.schema,
    systemColumns,
    location: tableFiles(folder, table.datasetId).location,
    dayColumn: table.dayColumn,
  })

  async function create(tx: Transaction, table: NewTable): Promise<LakeTable> {
    const { schema, dayColumn, clusterBy = [] } = table
    checkColumns(schema, dayColumn)
    const paths = clusterBy.map((path) => clusterPath(path, schema).names)
    const definition = { id: newUuidId('table'), datasetId: table.datasetId, schema, dayColumn, clusterBy }
    const files = tableFiles(folder, table.datasetId)
    const now = clock.now()
    const first = newTableMetadata({
      tableId: definition.id,
      location: files.location,
      columns: allColumns(schema),
      dayColumn,
      sortPaths: paths.every((path) => path !== undefined) ? paths : [],
      properties: { 'sluice.columns': JSON.stringify(schema) },
      nowMs: now.getTime(),
    })
    // Outside the caller's transaction: when that is undone, the record of the file stays for the sweeper.
    const write = await writes.begin(definition)
    try {
      const metadataFile = `metadata/00000-${write.id}.metadata.json`
      await files.write(metadataFile, Buffer.from(printJson(first)))
      await insertLakeTable(tx, {
        id: definition.id,
        dataset_id: table.datasetId,
        sandbox_id: table.sandboxId,
        columns: JSON.stringify(schema),
        day_column: dayColumn ?? null,
        cluster_by: JSON.stringify(clusterBy),
        metadata_file: metadataFile,
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

    table: async (tableId) => tableOf(definitionOf(await knownTable(metadata.db, tableId))),

    append: async (request) =>
      await append({ metadata, engine, lakeFolder: folder, clock, logger, reader, writes, turns }, request),

    committedBatch: async (tableId, batchId) => {
      const row = await selectLakeCommitOfBatch(metadata.db, tableId, batchId)
      return row && resultOf(row, false)
    },

    snapshot: async (tableId, snapshotId) => {
      await knownTable(metadata.db, tableId)
      if (snapshotId === undefined) {
        const newest = await selectNewestLakeCommit(metadata.db, tableId)
        return newest && snapshotOf(newest)
      }
      const row = await selectLakeCommitOfSnapshot(metadata.db, tableId, snapshotId)
      if (!row) throw snapshotRemoved(snapshotId)
      return snapshotOf(row)
    },

    plan: async (request) => await plan({ metadata, lakeFolder: folder, reader }, request),

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

    sweep: async ({ signal }) => await writes.sweep(signal),

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
