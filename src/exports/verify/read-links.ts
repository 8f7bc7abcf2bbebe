import { buffer } from 'node:stream/consumers'
import { AppError } from '#base/errors.ts'
import type { ObjectStore, ObjectSummary } from '#objects/object-store.ts'
import { readManifest } from '../manifests/manifest.ts'
import { parseManifestName } from '../manifests/names.ts'
import type { ChainLink } from './verify-chain.ts'
import type { Finding } from './finding.ts'

export interface Reading {
  readonly store: ObjectStore
  readonly signal: AbortSignal
  readonly find: (finding: Finding) => void
}

const manifestBytesMax = 8 * 1024 * 1024
/** What says that bytes are not there as they were written, and nothing of those beside them. */
const unreadable: ReadonlySet<string> = new Set(['verify.failed', 'object.missing', 'store.corrupt'])

/** The manifests among a location's objects; of those that are not as they were written findings tell. */
export async function readLinks({
  store,
  signal,
  objects,
  find,
}: Reading & { readonly objects: ReadonlyMap<string, ObjectSummary> }): Promise<ChainLink[]> {
  const links: ChainLink[] = []
  for (const [name, object] of objects) {
    const said = parseManifestName(name)
    if (!said) continue
    try {
      if (object.bytes > manifestBytesMax)
        throw new AppError('verify.failed', `The manifest has ${object.bytes} bytes, more than any of ours.`)
      const { manifest, sha256 } = readManifest(await readWhole(store, name, signal))
      if (
        said.chainNumber !== manifest.chain.number ||
        said.runId !== manifest.runId ||
        !manifest.exportId.startsWith(said.flowIdStart)
      ) {
        find({
          severity: 'error',
          code: 'manifest.renamed',
          name,
          message: `This is manifest ${manifest.chain.number} of run ${manifest.runId}; its name says otherwise.`,
        })
      }
      // All of a long chain are held at once.
      const files = manifest.files.map((file) => ({ ...file, statistics: {} }))
      links.push({ name, sealed: { manifest: { ...manifest, files }, sha256 } })
    } catch (error) {
      if (!(error instanceof AppError) || !unreadable.has(error.code)) throw error
      find({ severity: 'error', code: 'manifest.invalid', name, message: error.message })
    }
  }
  return links
}

export async function readWhole(store: ObjectStore, name: string, signal: AbortSignal): Promise<Buffer> {
  return await buffer(store.read(name, { signal }))
}
