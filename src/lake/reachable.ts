import type { ManifestSummary } from './iceberg/manifest-list.ts'
import type { SnapshotMetadata } from './iceberg/table-metadata.ts'
import type { TableFiles } from './table-files.ts'
import type { TableReader } from './table-reader.ts'

/** URIs of the live data files of snapshots, each once. */
export async function dataFilesOf(
  reader: TableReader,
  files: TableFiles,
  manifests: Iterable<ManifestSummary>,
): Promise<Set<string>> {
  const paths = new Set<string>()
  for (const manifest of manifests) {
    for (const entry of await reader.entries(files, manifest)) paths.add(entry.file.path)
  }
  return paths
}

/** The manifests of snapshots by URI, each once. */
export async function manifestsOf(
  reader: TableReader,
  files: TableFiles,
  snapshots: readonly SnapshotMetadata[],
): Promise<Map<string, ManifestSummary>> {
  const manifests = new Map<string, ManifestSummary>()
  for (const snapshot of snapshots) {
    for (const manifest of await reader.manifests(files, snapshot)) {
      manifests.set(manifest.path, manifest)
    }
  }
  return manifests
}

/** Names of the files that only the dead snapshots have. */
export async function filesOnlyOf(
  reader: TableReader,
  files: TableFiles,
  {
    dead,
    kept,
    alsoKept = [],
  }: {
    readonly dead: readonly SnapshotMetadata[]
    readonly kept: readonly SnapshotMetadata[]
    /** Of a snapshot that is in the making. */
    readonly alsoKept?: readonly ManifestSummary[]
  },
): Promise<readonly string[]> {
  const keptManifests = await manifestsOf(reader, files, kept)
  for (const manifest of alsoKept) keptManifests.set(manifest.path, manifest)
  const deadManifests = await manifestsOf(reader, files, dead)
  for (const path of keptManifests.keys()) deadManifests.delete(path)
  const data = await dataFilesOf(reader, files, deadManifests.values())
  if (data.size > 0) {
    for (const path of await dataFilesOf(reader, files, keptManifests.values())) data.delete(path)
  }
  const lists = dead.map((snapshot) => snapshot['manifest-list'])
  return [...data, ...deadManifests.keys(), ...lists].map((uri) => files.nameOf(uri))
}
