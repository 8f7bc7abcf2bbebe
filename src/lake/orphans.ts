import { faultPoint } from '#base/faults.ts'
import type { TableId } from '#base/ids.ts'
import { selectLakeWriteIds } from '#metadata/lake.ts'
import type { LakeContext } from './lake-context.ts'
import { readBase } from './table-base.ts'
import { tableContents } from './table-contents.ts'
import { knownTable } from './table-definition.ts'
import { tableFiles } from './table-files.ts'

/**
 * Another engine writes before it asks for the commit, and says nothing of it: what is younger may be its work of now.
 * Three days, as other engines use.
 */
export const orphanAgeMs = 3 * 86_400_000

/**
 * Removes files in a table's folder that neither the table nor a write under way knows. The order matters: what is
 * listed first and looked for afterwards cannot become part of the table unseen.
 */
export async function removeOrphans(
  context: LakeContext,
  {
    tableId,
    ageMs = orphanAgeMs,
    signal,
  }: { readonly tableId: TableId; readonly ageMs?: number; readonly signal: AbortSignal },
): Promise<number> {
  const { metadata, lakeFiles, reader, clock, logger } = context
  const row = await knownTable(metadata.db, tableId)
  const files = tableFiles(lakeFiles, row.dataset_id)
  const before = clock.now().getTime() - ageMs
  const old: string[] = []
  for await (const file of files.list()) if (file.modifiedAt.getTime() < before) old.push(file.name)
  if (old.length === 0) return 0
  const writes = await selectLakeWriteIds(metadata.db, tableId)
  const base = await readBase(context, tableId)
  const contents = await tableContents(reader, files, base.row.metadata_file)
  const known = new Set(contents.map((content) => content.name))
  let removed = 0
  for (const name of old) {
    if (known.has(name) || writes.some((id) => name.includes(id))) continue
    signal.throwIfAborted()
    if (removed === 1) await faultPoint('lake.orphans.middle')
    await files.remove(name)
    removed += 1
  }
  if (removed > 0) logger.log('info', 'lake.orphans.removed', { tableId, filesRemoved: removed })
  return removed
}
