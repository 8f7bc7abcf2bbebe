import {
  type DataFile,
  daysOf,
  deletedRecord,
  encodeManifest,
  existingRecord,
  addedRecord,
  type ManifestRecord,
  pathOf,
  rowCountOf,
} from './iceberg/manifest.ts'
import {
  encodeManifestList,
  liveFileCount,
  liveRowCount,
  type ManifestSummary,
} from './iceberg/manifest-list.ts'
import {
  currentSnapshot,
  manifestListDigest,
  manifestTableOf,
  type SnapshotMetadata,
  type TableMetadata,
} from './iceberg/table-metadata.ts'
import type { Change } from './commit.ts'
import type { TableBase } from './table-base.ts'
import { sha256Of } from './sha256.ts'
import type { TableFiles } from './table-files.ts'
import type { TableReader } from './table-reader.ts'

/** New files and the manifest that names them, which is written once however many tries the commit takes. */
export interface Addition {
  readonly files: readonly DataFile[]
  readonly manifest: ManifestSummary
}

export interface SnapshotRequest {
  readonly operation: 'append' | 'replace' | 'overwrite' | 'delete'
  readonly snapshotId: bigint
  readonly writeId: string
  readonly attempt: number
  readonly addition?: Addition | undefined
  /** URIs of files that are no part of the table any more. */
  readonly removed?: ReadonlySet<string>
  /** Manifests that others take the place of, with the same files. */
  readonly replaced?: { readonly paths: ReadonlySet<string>; readonly by: readonly ManifestSummary[] }
  readonly properties?: Readonly<Record<string, string>>
  readonly nowMs: number
}

export interface NextSnapshot
  extends Pick<Change, 'requirements' | 'updates' | 'tryFiles'>, Required<Pick<Change, 'snapshot'>> {
  readonly removedFiles: readonly ManifestRecord[]
  /** What the snapshot's list names. */
  readonly manifests: readonly ManifestSummary[]
}

/** Writes the manifest of new files. Its sequence number is the snapshot's, known when it commits. */
export async function writeAddition(
  files: TableFiles,
  metadata: TableMetadata,
  {
    dataFiles,
    writeId,
    snapshotId,
  }: {
    readonly dataFiles: readonly DataFile[]
    readonly writeId: string
    readonly snapshotId: bigint
  },
): Promise<Addition> {
  const records = dataFiles.map((file) => addedRecord(file, snapshotId))
  const specId = metadata['default-spec-id']
  const target = { name: `metadata/${writeId}-m0.avro`, specId, snapshotId, sequenceNumber: 0 }
  return { files: dataFiles, manifest: await writeManifest(files, metadata, records, target) }
}

/**
 * Writes the manifest list of the next snapshot, and again those manifests of which files go.
 * @returns undefined when a file or manifest that is to go is not part of the table any more
 */
export async function nextSnapshot(
  reader: TableReader,
  { files, metadata }: TableBase,
  request: SnapshotRequest,
): Promise<NextSnapshot | undefined> {
  const { snapshotId, addition, writeId, attempt } = request
  const parent = currentSnapshot(metadata)
  const sequenceNumber = metadata['last-sequence-number'] + 1
  const earlier = parent ? await reader.manifests(files, parent) : []
  const target = { snapshotId, sequenceNumber, prefix: `metadata/${writeId}-t${attempt}` }
  const kept = await withoutFiles(reader, files, {
    metadata,
    manifests: replacedManifests(earlier, request.replaced, sequenceNumber),
    removed: request.removed ?? new Set(),
    target,
  })
  const isWhole =
    request.replaced === undefined || countOf(earlier, request.replaced.paths) === request.replaced.paths.size
  if (!isWhole || kept.removed.length !== (request.removed?.size ?? 0)) {
    for (const name of kept.written) await files.remove(name)
    return undefined
  }
  const manifests = [
    ...(addition ? [{ ...addition.manifest, sequenceNumber, minSequenceNumber: sequenceNumber }] : []),
    ...kept.manifests,
  ]
  const listName = `metadata/snap-${snapshotId}-${attempt}-${writeId}.avro`
  const list = encodeManifestList(manifests, {
    id: snapshotId,
    parentId: parent?.['snapshot-id'],
    sequenceNumber,
  })
  await files.write(listName, list)
  const summary = {
    ...summaryOf(request, { manifests, removed: kept.removed, before: parent?.summary }),
    [manifestListDigest]: sha256Of(list),
  }
  const snapshot: SnapshotMetadata = {
    'snapshot-id': snapshotId,
    ...(parent ? { 'parent-snapshot-id': parent['snapshot-id'] } : {}),
    'sequence-number': sequenceNumber,
    // Readers that travel in time need snapshots whose times differ.
    'timestamp-ms': Math.max(request.nowMs, metadata['last-updated-ms'] + 1),
    'manifest-list': files.uri(listName),
    summary,
    'schema-id': metadata['current-schema-id'],
  }
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': parent?.['snapshot-id'] },
    ],
    updates: [
      { action: 'add-snapshot', snapshot },
      { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': snapshotId },
    ],
    tryFiles: [listName, ...kept.written],
    removedFiles: kept.removed,
    manifests,
    snapshot: {
      id: snapshotId,
      addedFiles: addition?.files.length ?? 0,
      addedRows: addition?.manifest.addedRowCount ?? 0,
      addedBytes: addition?.files.reduce((sum, file) => sum + file.bytes, 0) ?? 0,
      totalRows: manifests.reduce((sum, manifest) => sum + liveRowCount(manifest), 0),
    },
  }
}

/** Those of the parent that hold files still, with replacements where asked for. */
function replacedManifests(
  manifests: readonly ManifestSummary[],
  replaced: SnapshotRequest['replaced'],
  sequenceNumber: number,
): readonly ManifestSummary[] {
  const others = manifests.filter(
    (manifest) => liveFileCount(manifest) > 0 && replaced?.paths.has(manifest.path) !== true,
  )
  return [...others, ...(replaced?.by ?? []).map((manifest) => ({ ...manifest, sequenceNumber }))]
}

function countOf(manifests: readonly ManifestSummary[], paths: ReadonlySet<string>): number {
  return manifests.filter((manifest) => paths.has(manifest.path)).length
}

interface ManifestTarget {
  readonly snapshotId: bigint
  readonly sequenceNumber: number
}

async function withoutFiles(
  reader: TableReader,
  files: TableFiles,
  {
    metadata,
    manifests,
    removed,
    target,
  }: {
    readonly metadata: TableMetadata
    readonly manifests: readonly ManifestSummary[]
    readonly removed: ReadonlySet<string>
    readonly target: ManifestTarget & { readonly prefix: string }
  },
): Promise<{
  readonly manifests: readonly ManifestSummary[]
  readonly removed: readonly ManifestRecord[]
  readonly written: readonly string[]
}> {
  if (removed.size === 0) return { manifests, removed: [], written: [] }
  const kept: ManifestSummary[] = []
  const gone: ManifestRecord[] = []
  const written: string[] = []
  for (const manifest of manifests) {
    const entries = await reader.entries(files, manifest)
    if (!entries.some((entry) => removed.has(entry.file.path))) {
      kept.push(manifest)
      continue
    }
    const live = (await reader.records(files, manifest)).filter((record) => record.status !== 'deleted')
    gone.push(...live.filter((record) => removed.has(pathOf(record))))
    const records = live.map((record) =>
      removed.has(pathOf(record)) ? deletedRecord(record, target.snapshotId) : existingRecord(record),
    )
    const name = `${target.prefix}-${written.length}.avro`
    written.push(name)
    kept.push(await writeManifest(files, metadata, records, { ...target, name, specId: manifest.specId }))
  }
  return { manifests: kept, removed: gone, written }
}

export async function writeManifest(
  files: TableFiles,
  metadata: TableMetadata,
  records: readonly ManifestRecord[],
  target: ManifestTarget & { readonly name: string; readonly specId: number },
): Promise<ManifestSummary> {
  const table = manifestTableOf(metadata, target.specId)
  const bytes = encodeManifest(table, records)
  await files.write(target.name, bytes)
  const of = (status: ManifestRecord['status']): readonly ManifestRecord[] =>
    records.filter((record) => record.status === status)
  const rows = (list: readonly ManifestRecord[]): number =>
    list.reduce((sum, item) => sum + rowCountOf(item), 0)
  const [added, existing, deleted] = [of('added'), of('existing'), of('deleted')]
  return {
    path: files.uri(target.name),
    bytes: bytes.length,
    sha256: sha256Of(bytes),
    specId: target.specId,
    sequenceNumber: target.sequenceNumber,
    minSequenceNumber: [...added, ...existing].reduce(
      (least, record) => Math.min(least, record.sequenceNumber ?? target.sequenceNumber),
      target.sequenceNumber,
    ),
    addedSnapshotId: target.snapshotId,
    addedFileCount: added.length,
    existingFileCount: existing.length,
    deletedFileCount: deleted.length,
    addedRowCount: rows(added),
    existingRowCount: rows(existing),
    deletedRowCount: rows(deleted),
    days: table.dayField === undefined ? undefined : daysOf(records),
  }
}

function summaryOf(
  { operation, addition, properties }: SnapshotRequest,
  now: {
    readonly manifests: readonly ManifestSummary[]
    readonly removed: readonly ManifestRecord[]
    readonly before: Readonly<Record<string, string>> | undefined
  },
): SnapshotMetadata['summary'] {
  const added = addition?.files ?? []
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const addedBytes = sum(added.map((file) => file.bytes))
  const removedBytes = sum(now.removed.map((record) => Number(record.file['file_size_in_bytes'])))
  const days = new Set([...added.map((file) => file.day), ...now.removed.map((record) => record.day)])
  const counts = {
    'added-data-files': added.length,
    'added-records': sum(added.map((file) => file.rowCount)),
    'added-files-size': addedBytes,
    'deleted-data-files': now.removed.length,
    'deleted-records': sum(now.removed.map(rowCountOf)),
    'removed-files-size': removedBytes,
    'changed-partition-count': days.size,
  }
  const totals = {
    'total-records': sum(now.manifests.map(liveRowCount)),
    'total-files-size': Number(now.before?.['total-files-size'] ?? 0) + addedBytes - removedBytes,
    'total-data-files': sum(now.manifests.map(liveFileCount)),
    'total-delete-files': 0,
    'total-position-deletes': 0,
    'total-equality-deletes': 0,
  }
  const printed = [...Object.entries(counts).filter(([, count]) => count > 0), ...Object.entries(totals)]
  return {
    operation,
    ...Object.fromEntries(printed.map(([name, count]) => [name, String(count)])),
    ...properties,
  }
}
