import { newBatchId, type SnapshotId } from '../../src/base/ids.ts'
import type { LakeTable } from '../../src/lake/lake.ts'
import type { TestLake } from './lake.ts'
import { range } from './lake-numbers.ts'
import { evolvedRow, evolvedTable, newRows, oldTable } from './lake-states.ts'

const signal = new AbortController().signal

/** What a table is at a moment of its life, for readers to be asked about. */
export interface LifeStage {
  readonly name: 'evolved' | 'overwritten' | 'compacted' | 'merged' | 'deleted' | 'expired'
  readonly table: LakeTable
  readonly snapshotId: SnapshotId
  /** In the order of their ids. */
  readonly rows: readonly (readonly unknown[])[]
}

/** All that befalls a table: columns of every change, rows put in place of others, files rewritten, rows gone for good. */
export async function* tableLife(place: TestLake): AsyncGenerator<LifeStage> {
  const old = await oldTable(place, 40)
  const table = await evolvedTable(place, old, { from: 40, to: 50 })
  const { id: tableId } = table
  /** Row → whether it was written before the columns changed. */
  const rows = new Map(range(0, 50).map((i) => [i, i < 40] as const))
  const stage = async (name: LifeStage['name']): Promise<LifeStage> => {
    const newest = await place.lake.snapshot(tableId)
    return {
      name,
      table,
      snapshotId: newest!.snapshotId,
      rows: [...rows].map(([i, isOld]) => evolvedRow(i, isOld)),
    }
  }
  yield await stage('evolved')

  await place.lake.overwrite({
    tableId,
    batchId: newBatchId(),
    source: { sql: newRows(3, 5), files: [], pool: 'batch' },
    replaces: { sql: 'n IN (3, 4)' },
    signal,
  })
  for (const i of [3, 4]) rows.set(i, false)
  yield await stage('overwritten')

  await place.lake.compact({ tableId, rule: { filesMin: 2 }, signal })
  yield await stage('compacted')

  await place.append(table, newRows(50, 60))
  await place.lake.mergeManifests({ tableId, manifestsMax: 1, manifestFilesMax: 5, signal })
  for (const i of range(50, 60)) rows.set(i, false)
  yield await stage('merged')

  await place.lake.deleteRows({ tableId, condition: { sql: `web['name'] = 'page 7' OR n = 55` }, signal })
  for (const i of [7, 55]) rows.delete(i)
  yield await stage('deleted')

  await place.lake.expire({ tableId, retentionMs: 0, signal })
  yield await stage('expired')
}

/** A reader's rows as the stages have them: user columns in our order (it may have them in another), by id. */
export function userRows(
  seen: { readonly columns: readonly (readonly [string, string])[]; readonly rows: LifeStage['rows'] },
  table: LakeTable,
): unknown[][] {
  const names = seen.columns.map(([name]) => name)
  const places = table.schema.fields.map((field) => names.indexOf(field.name))
  return seen.rows
    .map((row) => places.map((index) => row[index]))
    .toSorted((left, right) => (String(left[0]) < String(right[0]) ? -1 : 1))
}
