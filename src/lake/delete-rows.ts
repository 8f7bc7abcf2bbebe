import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { selectLakePins } from '#metadata/lake.ts'
import type { Change } from './commit.ts'
import { idsOf, removal } from './expire.ts'
import { currentSnapshot, newSnapshotNumber, type SnapshotMetadata } from './iceberg/table-metadata.ts'
import type { TableUpdate } from './iceberg/table-update.ts'
import type { DeleteRequest, DeleteResult } from './lake.ts'
import type { LakeContext } from './lake-context.ts'
import { nextSnapshot, type NextSnapshot, writeAddition } from './next-snapshot.ts'
import { filesOnlyOf } from './reachable.ts'
import { removeRecorded } from './removals.ts'
import { findHoldingBefore, type Removal, snapshotsWith, writeRemoval } from './rows-to-remove.ts'
import { commitInTurn, runWrite } from './run-write.ts'
import { readBase, type TableBase, unlessMoved } from './table-base.ts'

/** Each try begins again with what others wrote meanwhile. */
const deleteTriesMax = 10

const nothing: DeleteResult = {
  rowsRemoved: 0,
  rowsKept: 0,
  filesRewritten: 0,
  filesRemoved: 0,
  snapshotsRemoved: [],
  pinsBroken: [],
}

/**
 * Takes rows out of a table for good. One transaction brings in the files without them, lets go of every snapshot that
 * holds any of them, pinned or not, and records the files; then the files go, and only then is it done.
 */
export async function deleteRows(context: LakeContext, request: DeleteRequest): Promise<DeleteResult> {
  for (let attempt = 1; attempt <= deleteTriesMax; attempt += 1) {
    const result = await tryDelete(context, request)
    if (result) return result
    context.logger.log('info', 'lake.delete.again', { tableId: request.tableId, attempt })
  }
  throw new AppError('lake.conflict', `Rows to delete came in, or files changed, ${deleteTriesMax} times.`, {
    hint: 'Try again when less is written to the dataset.',
  })
}

async function tryDelete(context: LakeContext, request: DeleteRequest): Promise<DeleteResult | undefined> {
  const { tableId, condition, signal } = request
  const base = await readBase(context, tableId)
  let result = nothing
  let writeId = ''
  const outcome = await runWrite(context, base.definition, async (write) => {
    writeId = write.id
    const found = await unlessMoved(context, base, {
      signal,
      work: async () => {
        const rows = await writeRemoval(context, base, { condition, signal, writeId: write.id })
        const current = new Set(rows.holding.map(({ file }) => file.path))
        const before = await findHoldingBefore(context, base, { condition, signal, except: current })
        return { rows, current, before }
      },
    })
    if (!found) return { kind: 'stale' }
    const { rows, current, before } = found
    if (rows.holding.length === 0 && before.length === 0) return { kind: 'stale' }
    const holding = new Set([...current, ...before.map(({ file }) => file.path)])
    await faultPoint('lake.rewrite.done')
    const snapshotId = newSnapshotNumber()
    const addition =
      rows.kept.length === 0
        ? undefined
        : await writeAddition(base.files, base.metadata, {
            dataFiles: rows.kept,
            writeId: write.id,
            snapshotId,
          })
    return await commitInTurn(context, {
      tableId,
      writeId: write.id,
      signal,
      within: request.within && (async (tx) => await request.within?.(tx, result)),
      build: async (now, attempt): Promise<Change | undefined> => {
        if (!(await rows.isComplete(now))) return undefined
        const next =
          rows.holding.length === 0
            ? undefined
            : await nextSnapshot(context.reader, now, {
                operation: addition ? 'overwrite' : 'delete',
                snapshotId,
                writeId: write.id,
                attempt,
                addition,
                removed: current,
                nowMs: context.clock.now().getTime(),
              })
        if (!next && rows.holding.length > 0) return undefined
        const dead = await snapshotsWith(context, now, holding)
        const change = await deletion(context, now, { next, dead })
        result = resultOf(rows, change)
        return {
          ...change,
          isStillRight: async (tx) => {
            const pins = await selectLakePins(tx, tableId, context.clock.now())
            const ids = new Set<string>(idsOf(dead))
            const pinsBroken = pins.filter((pin) => ids.has(pin.snapshot_id)).map((pin) => pin.owner)
            result = { ...result, pinsBroken }
            return true
          },
        }
      },
    })
  })
  if (outcome.kind === 'committed') {
    // What the commit could not remove stays a failure until it is gone.
    await removeRecorded(context, writeId)
    return result
  }
  return outcome.kind === 'stale' && (await isGone(context, base, request)) ? nothing : undefined
}

/** A try without rows to remove is the end, unless something was written meanwhile. */
async function isGone(context: LakeContext, base: TableBase, { tableId }: DeleteRequest): Promise<boolean> {
  const now = await readBase(context, tableId)
  return now.row.metadata_file === base.row.metadata_file
}

async function deletion(
  context: LakeContext,
  base: TableBase,
  { next, dead }: { readonly next: NextSnapshot | undefined; readonly dead: readonly SnapshotMetadata[] },
): Promise<Change & { readonly expired: NonNullable<Change['expired']> }> {
  const { metadata, files } = base
  const ids = new Set(dead.map((snapshot) => snapshot['snapshot-id']))
  const refs = Object.entries(metadata.refs).filter(
    ([name, ref]) => name !== 'main' && ids.has(ref['snapshot-id']),
  )
  const gone = await filesOnlyOf(context.reader, files, {
    dead,
    kept: metadata.snapshots.filter((snapshot) => !dead.includes(snapshot)),
    alsoKept: next?.manifests ?? [],
  })
  const updates: TableUpdate[] = [
    ...refs.map(([name]) => ({ action: 'remove-snapshot-ref' as const, 'ref-name': name })),
    ...(dead.length > 0 ? [removal(dead)] : []),
  ]
  return {
    operation: next ? (next.snapshot.addedFiles > 0 ? 'overwrite' : 'delete') : 'expire',
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      {
        type: 'assert-ref-snapshot-id',
        ref: 'main',
        'snapshot-id': currentSnapshot(metadata)?.['snapshot-id'],
      },
    ],
    updates: [...(next?.updates ?? []), ...updates],
    tryFiles: next?.tryFiles ?? [],
    ...(next ? { snapshot: next.snapshot } : {}),
    expired: { snapshotIds: idsOf(dead), files: gone },
  }
}

function resultOf(
  rows: Removal,
  { expired }: { readonly expired: NonNullable<Change['expired']> },
): DeleteResult {
  return {
    rowsRemoved: rows.rowCount,
    rowsKept: rows.kept.reduce((sum, file) => sum + file.rowCount, 0),
    filesRewritten: rows.holding.length,
    filesRemoved: expired.files.length,
    snapshotsRemoved: expired.snapshotIds,
    pinsBroken: [],
  }
}
