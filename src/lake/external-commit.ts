import { AppError } from '#base/errors.ts'
import { selectLakePins } from '#metadata/lake.ts'
import { declaredAfter } from './declared-columns.ts'
import { applyUpdates, checkRequirements } from './iceberg/apply-updates.ts'
import { liveRowCount, type ManifestSummary } from './iceberg/manifest-list.ts'
import { pathOf } from './iceberg/manifest.ts'
import {
  currentSnapshot,
  snapshotById,
  type SnapshotMetadata,
  type TableMetadata,
} from './iceberg/table-metadata.ts'
import type { TableUpdate } from './iceberg/table-update.ts'
import type { Change, SnapshotCommit } from './commit.ts'
import { idsOf } from './expire.ts'
import type { ExternalCommit } from './lake.ts'
import type { LakeContext } from './lake-context.ts'
import { runChange } from './run-write.ts'
import type { TableBase } from './table-base.ts'
import { definitionOf, knownTable, type TableDefinition } from './table-definition.ts'
import type { TableFiles } from './table-files.ts'
import { checkProperties } from './table-properties.ts'
import type { TableReader } from './table-reader.ts'

const operations = ['append', 'replace', 'overwrite', 'delete'] as const

/**
 * The commit of another engine. It has written its files; what they are is looked at before the table names them:
 * every path below the table's folder, Parquet files of rows only, nothing unknown among what stays.
 */
export async function commitExternal(
  context: LakeContext,
  request: ExternalCommit & {
    readonly committed?: (
      tx: Parameters<NonNullable<ExternalCommit['within']>>[0],
      table: TableDefinition,
      added: AddedRows,
    ) => Promise<void>
  },
): Promise<TableDefinition> {
  const { tableId, requirements, updates, first, signal, committed } = request
  const table = definitionOf(await knownTable(context.metadata.db, tableId))
  let result = table
  let appended: AddedRows = { rowCount: 0, bytes: 0 }
  await runChange(context, table, {
    signal,
    first,
    within: committed && (async (tx) => await committed(tx, result, appended)),
    build: async (base): Promise<Change | undefined> => {
      if (isMadeAlready(base.metadata, updates)) return undefined
      checkRequirements(base.metadata, requirements)
      const next = applyUpdates(base.metadata, updates, context.clock.now().getTime())
      refuseOther(base, next, request)
      const definition = declaredAfter(base, next)
      result = { ...table, ...definition }
      const added = next.snapshots.filter((snapshot) => !base.metadata.snapshots.includes(snapshot))
      const gone = base.metadata.snapshots.filter((snapshot) => !next.snapshots.includes(snapshot))
      const chain = await chainOf(context, base, added)
      const newest = chain.at(-1)
      appended = rowsAppended(chain)
      const ids = new Set<string>(idsOf(gone))
      return {
        operation: newest?.operation ?? (gone.length > 0 ? 'expire' : 'alter'),
        requirements,
        updates,
        tryFiles: [],
        definition,
        ...(newest ? { snapshot: newest.snapshot, ingestTimeMs: 'now' as const } : {}),
        earlier: chain.slice(0, -1),
        // Their files are the other engine's to remove; the sweep finds what it leaves.
        ...(gone.length > 0 ? { expired: { snapshotIds: idsOf(gone), files: [] } } : {}),
        isStillRight: async (tx) => {
          const pins = await selectLakePins(tx, tableId, context.clock.now())
          const pinned = pins.find((pin) => ids.has(pin.snapshot_id))
          if (!pinned) return true
          throw new AppError('lake.conflict', `The snapshot ${pinned.snapshot_id} is in use.`, {
            hint: 'Keep it; it can be removed once what reads it is done.',
          })
        },
      }
    },
  })
  return result
}

/** An engine that lost our answer asks again: its snapshots are there, and nothing is to be done. */
export function isMadeAlready(metadata: TableMetadata, updates: readonly TableUpdate[]): boolean {
  const added = updates.filter((update) => update.action === 'add-snapshot')
  return (
    added.length > 0 &&
    added.every(
      ({ snapshot }) =>
        snapshotById(metadata, snapshot['snapshot-id'])?.['manifest-list'] === snapshot['manifest-list'],
    )
  )
}

/** What appends brought in; other snapshots write again what was there. */
interface AddedRows {
  readonly rowCount: number
  readonly bytes: number
}

export function rowsAppended(chain: readonly SnapshotCommit[]): AddedRows {
  const appends = chain.filter(({ operation }) => operation === 'append')
  return {
    rowCount: appends.reduce((sum, { snapshot }) => sum + snapshot.addedRows, 0),
    bytes: appends.reduce((sum, { snapshot }) => sum + snapshot.addedBytes, 0),
  }
}

/** The snapshots of one commit, each on the one before: some engines delete and append in one. */
export async function chainOf(
  { reader }: Pick<LakeContext, 'reader'>,
  { files, metadata }: Pick<TableBase, 'files' | 'metadata'>,
  added: readonly SnapshotMetadata[],
): Promise<readonly SnapshotCommit[]> {
  const chain: SnapshotCommit[] = []
  let parent = currentSnapshot(metadata)
  const known = new Set(
    (parent ? await reader.manifests(files, parent) : []).map((manifest) => manifest.path),
  )
  for (const snapshot of added) {
    if (snapshot['parent-snapshot-id'] !== parent?.['snapshot-id']) {
      throw new AppError('lake.conflict', 'The snapshot does not follow the newest one.', {
        hint: 'Read the table again and make the change on what it is now.',
      })
    }
    chain.push({
      operation: operations.find((operation) => operation === snapshot.summary.operation) ?? 'overwrite',
      snapshot: await snapshotOf(reader, files, { snapshot, known }),
    })
    parent = snapshot
  }
  return chain
}

/** @throws AppError 'request.invalid' for what leads to no table of ours */
export function refuseOther(
  { metadata, files }: Pick<TableBase, 'files' | 'metadata'>,
  next: TableMetadata,
  { updates }: Pick<ExternalCommit, 'updates'>,
): void {
  const added = next.snapshots.filter((snapshot) => !metadata.snapshots.includes(snapshot))
  const newest = added.at(-1)
  if (newest !== undefined && currentSnapshot(next) !== newest) {
    throw refused('A snapshot becomes the newest of main here.')
  }
  if (newest === undefined && next['current-snapshot-id'] !== metadata['current-snapshot-id']) {
    throw refused('The newest snapshot follows from the one before; going back is not supported.')
  }
  for (const [name, ref] of Object.entries(next.refs)) {
    if (name !== 'main' && ref.type !== 'tag')
      throw refused(`${JSON.stringify(name)} is no tag; there is one branch.`)
  }
  for (const spec of next['partition-specs']) {
    if (spec.fields.length > 1 || spec.fields.some((field) => field.transform !== 'day')) {
      throw refused('Tables are partitioned by the day of one column, or not at all.')
    }
  }
  checkProperties(next.properties, metadata.location)
  for (const update of updates) {
    if (update.action === 'set-statistics') inside(files.nameOf, update.statistics['statistics-path'])
    if (update.action === 'set-partition-statistics') {
      inside(files.nameOf, update['partition-statistics']['statistics-path'])
    }
  }
}

/** @throws AppError 'request.invalid' for files that are not the table's own, not of rows, or not there */
async function snapshotOf(
  reader: TableReader,
  files: TableFiles,
  { snapshot, known }: { readonly snapshot: SnapshotMetadata; readonly known: Set<string> },
): Promise<SnapshotCommit['snapshot']> {
  inside(files.nameOf, snapshot['manifest-list'])
  const manifests = await asRequest(async () => await reader.manifests(files, snapshot))
  const own = manifests.filter((manifest) => !known.has(manifest.path))
  let addedBytes = 0
  for (const manifest of own) {
    inside(files.nameOf, manifest.path)
    if (manifest.addedSnapshotId !== snapshot['snapshot-id']) {
      throw refused(`The manifest ${lastName(manifest.path)} is neither new nor the table's.`)
    }
    addedBytes += await checkManifest(reader, files, manifest)
    known.add(manifest.path)
  }
  const sum = (pick: (manifest: ManifestSummary) => number, list: readonly ManifestSummary[]): number =>
    list.reduce((total, manifest) => total + pick(manifest), 0)
  return {
    id: snapshot['snapshot-id'],
    addedFiles: sum((manifest) => manifest.addedFileCount, own),
    addedRows: sum((manifest) => manifest.addedRowCount, own),
    addedBytes,
    totalRows: sum(liveRowCount, manifests),
  }
}

/** @returns the bytes of the files it adds */
async function checkManifest(
  reader: TableReader,
  files: TableFiles,
  manifest: ManifestSummary,
): Promise<number> {
  const records = await asRequest(async () => await reader.records(files, manifest))
  const added: { name: string; bytes: number }[] = []
  for (const record of records) {
    const name = inside(files.nameOf, pathOf(record))
    if (String(record.file['file_format']).toUpperCase() !== 'PARQUET')
      throw refused(`${name} is no Parquet file.`)
    if (record.status === 'added') added.push({ name, bytes: Number(record.file['file_size_in_bytes']) })
  }
  await asRequest(async () => await files.check(added))
  return added.reduce((sum, file) => sum + file.bytes, 0)
}

/** What cannot be read was not the table's yet: the request is wrong, the table is whole. */
async function asRequest<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'lake.corrupt') throw error
    throw new AppError('request.invalid', error.message, {
      cause: error,
      hint: 'Commit files of rows only, written whole.',
    })
  }
}

function inside(nameOf: (uri: string) => string, uri: string): string {
  try {
    return nameOf(uri)
  } catch (error) {
    throw new AppError('request.invalid', `${lastName(uri)} lies outside the table's folder.`, {
      cause: error,
      hint: 'Write files below the location that the table was loaded with.',
    })
  }
}

function lastName(uri: string): string {
  return JSON.stringify(uri.split('/').at(-1))
}

function refused(message: string): AppError {
  return new AppError('request.invalid', message)
}
