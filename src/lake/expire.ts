import type { SnapshotId } from '#base/ids.ts'
import { deleteOldLakePins, selectLakePins } from '#metadata/lake.ts'
import type { Change } from './commit.ts'
import { currentSnapshot, type SnapshotMetadata, type TableMetadata } from './iceberg/table-metadata.ts'
import type { ExpireRequest, ExpireResult } from './lake.ts'
import type { LakeContext } from './lake-context.ts'
import { filesOnlyOf } from './reachable.ts'
import { runChange } from './run-write.ts'
import type { TableBase } from './table-base.ts'
import { definitionOf, knownTable } from './table-definition.ts'

const nothing: ExpireResult = { snapshotsRemoved: 0, filesRemoved: 0 }

/**
 * Lets go of snapshots that are older than the retention, not the newest, not pinned and not named by a branch or tag,
 * and of the files that only they had. The snapshots go first, in one transaction that records the files; then those.
 */
export async function expire(context: LakeContext, request: ExpireRequest): Promise<ExpireResult> {
  const { clock, metadata: database } = context
  const table = definitionOf(await knownTable(database.db, request.tableId))
  await deleteOldLakePins(database.db, clock.now())
  let result = nothing
  const committed = await runChange(context, table, {
    signal: request.signal,
    build: async (base): Promise<Change | undefined> => {
      const pins = await selectLakePins(database.db, table.id, clock.now())
      const pinned = new Set(pins.map((pin) => BigInt(pin.snapshot_id)))
      const before = clock.now().getTime() - request.retentionMs
      const dead = expirable(base.metadata, { pinned, before })
      if (dead.length === 0) return undefined
      const files = await filesOnlyOf(context.reader, base.files, { dead, kept: without(base, dead) })
      result = { snapshotsRemoved: dead.length, filesRemoved: files.length }
      const ids = new Set(dead.map((snapshot) => snapshot['snapshot-id']))
      return {
        ...expiryChange(base, dead, files),
        // Whoever pins holds the table's lock: what he pinned after our look is seen here.
        isStillRight: async (tx) => {
          const now = await selectLakePins(tx, table.id, clock.now())
          return !now.some((pin) => ids.has(BigInt(pin.snapshot_id)))
        },
      }
    },
  })
  return committed ? result : nothing
}

/** Pure. */
export function expirable(
  metadata: TableMetadata,
  { pinned, before }: { readonly pinned: ReadonlySet<bigint>; readonly before: number },
): readonly SnapshotMetadata[] {
  const named = new Set(Object.values(metadata.refs).map((ref) => ref['snapshot-id']))
  const current = currentSnapshot(metadata)
  return metadata.snapshots.filter((snapshot) => {
    const id = snapshot['snapshot-id']
    return snapshot !== current && !named.has(id) && !pinned.has(id) && snapshot['timestamp-ms'] < before
  })
}

function without({ metadata }: TableBase, dead: readonly SnapshotMetadata[]): readonly SnapshotMetadata[] {
  return metadata.snapshots.filter((snapshot) => !dead.includes(snapshot))
}

function expiryChange(
  { metadata }: TableBase,
  dead: readonly SnapshotMetadata[],
  files: readonly string[],
): Change {
  return {
    operation: 'expire',
    requirements: [{ type: 'assert-table-uuid', uuid: metadata['table-uuid'] }],
    updates: [removal(dead)],
    tryFiles: [],
    expired: { snapshotIds: idsOf(dead), files },
  }
}

export function removal(dead: readonly SnapshotMetadata[]): {
  readonly action: 'remove-snapshots'
  readonly 'snapshot-ids': bigint[]
} {
  return { action: 'remove-snapshots', 'snapshot-ids': dead.map((snapshot) => snapshot['snapshot-id']) }
}

export function idsOf(snapshots: readonly SnapshotMetadata[]): readonly SnapshotId[] {
  return snapshots.map((snapshot) => String(snapshot['snapshot-id']) as SnapshotId)
}
