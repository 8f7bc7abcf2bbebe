import { faultPoint } from '#base/faults.ts'
import { existingRecord, type ManifestRecord, pathOf } from './iceberg/manifest.ts'
import { liveFileCount, type ManifestSummary } from './iceberg/manifest-list.ts'
import { currentSnapshot, newSnapshotNumber } from './iceberg/table-metadata.ts'
import type { MergeManifestsRequest, MergeManifestsResult } from './lake.ts'
import type { LakeContext } from './lake-context.ts'
import { nextSnapshot, writeManifest } from './next-snapshot.ts'
import { commitInTurn, runWrite } from './run-write.ts'
import { readBase } from './table-base.ts'

/** Few enough that a day's plan reads little, many enough that lists stay short (about 400 KB each). */
const manifestFilesMax = 1_000
/** So many manifests are no trouble. */
const manifestsMax = 50

/**
 * Brings many small manifests into several, sorted by day, so that the plan of a few days opens few of them. One alone
 * would have to be read for every plan. Appends meanwhile are no conflict: their manifests stay beside.
 */
export async function mergeManifests(
  context: LakeContext,
  request: MergeManifestsRequest,
): Promise<MergeManifestsResult> {
  const { reader, clock } = context
  const { tableId, signal } = request
  const base = await readBase(context, tableId)
  const { files, metadata, definition } = base
  const filesMax = request.manifestFilesMax ?? manifestFilesMax
  const snapshot = currentSnapshot(metadata)
  const all = snapshot ? await reader.manifests(files, snapshot) : []
  const specId = metadata['default-spec-id']
  const merged = all.filter((manifest) => manifest.specId === specId && liveFileCount(manifest) < filesMax)
  const unchanged = { manifestsBefore: all.length, manifestsAfter: all.length }
  const fileCount = merged.reduce((sum, manifest) => sum + liveFileCount(manifest), 0)
  const wanted = Math.ceil(fileCount / filesMax)
  if (merged.length <= wanted || all.length <= (request.manifestsMax ?? manifestsMax)) return unchanged
  const outcome = await runWrite(context, definition, async (write) => {
    const records: ManifestRecord[] = []
    for (const manifest of merged) {
      signal.throwIfAborted()
      for (const record of await reader.records(files, manifest)) {
        if (record.status !== 'deleted') records.push(existingRecord(record))
      }
    }
    records.sort(byDay)
    const snapshotId = newSnapshotNumber()
    const by: ManifestSummary[] = []
    for (let start = 0; start < records.length; start += filesMax) {
      const name = `metadata/${write.id}-c${by.length}.avro`
      const target = { name, specId, snapshotId, sequenceNumber: metadata['last-sequence-number'] + 1 }
      by.push(await writeManifest(files, metadata, records.slice(start, start + filesMax), target))
    }
    await faultPoint('lake.merge.done')
    const paths = new Set(merged.map((manifest) => manifest.path))
    return await commitInTurn(context, {
      tableId,
      writeId: write.id,
      signal,
      build: async (now, attempt) => {
        const next = await nextSnapshot(reader, now, {
          operation: 'replace',
          snapshotId,
          writeId: write.id,
          attempt,
          replaced: { paths, by },
          nowMs: clock.now().getTime(),
        })
        return next && { operation: 'replace', ...next }
      },
    })
  })
  if (outcome.kind !== 'committed') return unchanged
  return { manifestsBefore: all.length, manifestsAfter: all.length - merged.length + wanted }
}

function byDay(left: ManifestRecord, right: ManifestRecord): number {
  const [first, second] = [left.day ?? -Infinity, right.day ?? -Infinity]
  if (first !== second) return first < second ? -1 : 1
  return pathOf(left) < pathOf(right) ? -1 : 1
}
