import { dataFilesOf, manifestsOf } from './reachable.ts'
import type { TableFiles } from './table-files.ts'
import type { TableReader } from './table-reader.ts'

export interface TableContent {
  /** Below the table's folder. */
  readonly name: string
  /** Older metadata that readers do without: it may be gone. */
  readonly isHistory: boolean
}

/**
 * Every file that a state of a table consists of: its metadata, and what all its snapshots have.
 * @param metadataFile below the table's folder
 * @throws AppError 'lake.corrupt'
 */
export async function tableContents(
  reader: TableReader,
  files: TableFiles,
  metadataFile: string,
): Promise<readonly TableContent[]> {
  const metadata = await reader.metadata(files, metadataFile)
  const manifests = await manifestsOf(reader, files, metadata.snapshots)
  const needed = [
    ...metadata.snapshots.map((snapshot) => snapshot['manifest-list']),
    ...manifests.keys(),
    ...(await dataFilesOf(reader, files, manifests.values())),
    ...statisticsPaths(metadata),
  ].map((uri) => files.nameOf(uri))
  const history = metadata['metadata-log'].map((entry) => files.nameOf(entry['metadata-file']))
  const names = new Set([metadataFile, ...needed])
  return [
    ...[...names].map((name) => ({ name, isHistory: false })),
    ...[...new Set(history)].filter((name) => !names.has(name)).map((name) => ({ name, isHistory: true })),
  ]
}

function statisticsPaths(metadata: Readonly<Record<string, unknown>>): readonly string[] {
  const lists = [metadata['statistics'], metadata['partition-statistics']]
  return lists.flatMap((list) =>
    ((list ?? []) as readonly { readonly 'statistics-path': string }[]).map(
      (item) => item['statistics-path'],
    ),
  )
}
