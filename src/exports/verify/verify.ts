import type { FlowId } from '#base/ids.ts'
import type { ObjectStore, ObjectSummary } from '#objects/object-store.ts'
import { sha256Hex } from '../manifests/canonical-json.ts'
import type { Finding, FindingCode } from './finding.ts'
import type { ManifestFile, SealedManifest } from '../manifests/manifest.ts'
import { parseManifestName } from '../manifests/names.ts'
import { unreadable } from './unreadable.ts'
import { type Reading, readLinks, readWhole } from './read-links.ts'
import { keyIdOf } from '../manifests/signing-key.ts'
import { type ChainLink, checkChain, chainsOf } from './verify-chain.ts'
import { checkFile } from './verify-file.ts'

export interface VerifiedChain {
  readonly exportId: string
  readonly exportName: string
  readonly datasetId: string
  readonly datasetName: string
  readonly manifestCount: number
  readonly fileCount: number
  /** As recounted now. */
  readonly rowCount: number
  readonly bytes: number
  readonly head: { readonly number: number; readonly sha256: string; readonly sealedAt: string }
  /** Start of the SHA-256 of the public key that signed the head; compare it with that of the server. */
  readonly keyId: string
}

export interface VerifyReport {
  readonly location: string
  /** No finding is an error. */
  readonly isRight: boolean
  readonly chains: readonly VerifiedChain[]
  readonly fileCount: number
  readonly rowCount: number
  readonly bytes: number
  readonly findings: readonly Finding[]
  /** Findings beyond those listed. */
  readonly findingsLeftOut: number
}

export interface VerifyProgress {
  readonly filesChecked: number
  readonly fileCount: number
  readonly bytesChecked: number
}

export interface VerifyOptions {
  readonly store: ObjectStore
  readonly signal: AbortSignal
  readonly onProgress?: (progress: VerifyProgress) => void
  /** Only what this export delivered; what else lies there is neither read nor told of. */
  readonly exportId?: FlowId
}

const findingsMax = 1_000

/**
 * Checks a location as anybody can who only has the files: every manifest's signature and place in its chain, every
 * file read again, hashed and counted. Changes nothing.
 */
export async function verifyLocation(options: VerifyOptions): Promise<VerifyReport> {
  const { store, signal, onProgress, exportId } = options
  const findings: Finding[] = []
  let findingsLeftOut = 0
  const find = (finding: Finding) => {
    if (findings.length < findingsMax) findings.push(finding)
    else findingsLeftOut += 1
  }
  const objects = new Map<string, ObjectSummary>()
  for await (const object of store.list('', { signal })) objects.set(object.name, object)

  const isOurs = (name: string) =>
    exportId === undefined || parseManifestName(name)?.flowIdStart === exportId.slice(0, 8)
  const links = (
    await readLinks({ store, signal, objects, find: (finding) => isOurs(finding.name) && find(finding) })
  ).filter(({ sealed }) => exportId === undefined || sealed.manifest.exportId === exportId)
  if (links.length === 0) {
    find({
      severity: 'error',
      code: 'location.empty',
      name: '',
      message: `No readable manifest lies at ${store.location}: nothing can be verified.`,
    })
  }
  const named = new Set<string>()
  const progress = { filesChecked: 0, fileCount: countFiles(links), bytesChecked: 0 }
  const chains: VerifiedChain[] = []
  let hasErrors = false
  const findAll = (finding: Finding) => {
    find(finding)
    hasErrors ||= finding.severity === 'error'
  }
  for (const chain of chainsOf(links)) {
    for (const finding of checkChain(chain)) findAll(finding)
    let rowCount = 0
    let bytes = 0
    for (const link of chain) {
      const { manifest } = link.sealed
      let manifestRows = 0
      for (const file of manifest.files) {
        signal.throwIfAborted()
        const counted = named.has(file.name)
          ? shared(file, findAll)
          : await checkFile({
              store,
              signal,
              file,
              format: manifest.fileFormat,
              isEncrypted: manifest.encryption !== undefined,
              object: objects.get(file.name),
              find: findAll,
            })
        named.add(file.name)
        manifestRows += counted
        bytes += objects.get(file.name)?.bytes ?? 0
        progress.filesChecked += 1
        progress.bytesChecked += file.bytes
        onProgress?.({ ...progress })
      }
      rowCount += manifestRows
      if (manifestRows !== manifest.rowCount) {
        findAll({
          severity: 'error',
          code: 'manifest.rows',
          name: link.name,
          message: `The manifest promises ${manifest.rowCount} rows and its files hold ${manifestRows}.`,
        })
      }
      for (const companion of manifest.companions) {
        named.add(companion.name)
        await checkCompanion({
          store,
          signal,
          companion,
          isThere: objects.has(companion.name),
          find: findAll,
        })
      }
    }
    chains.push(summary(chain, rowCount, bytes))
  }
  for (const name of objects.keys()) {
    if (exportId !== undefined || named.has(name) || parseManifestName(name)) continue
    find({
      severity: 'warning',
      code: 'object.unnamed',
      name,
      message: 'No manifest names this object: it is not part of a finished delivery.',
    })
  }
  return {
    location: store.location,
    isRight: !hasErrors && findingsLeftOut === 0 && !findings.some((finding) => finding.severity === 'error'),
    chains,
    fileCount: progress.fileCount,
    rowCount: chains.reduce((sum, chain) => sum + chain.rowCount, 0),
    bytes: chains.reduce((sum, chain) => sum + chain.bytes, 0),
    findings,
    findingsLeftOut,
  }
}

function shared(file: ManifestFile, find: (finding: Finding) => void): number {
  find({
    severity: 'error',
    code: 'file.shared',
    name: file.name,
    message: 'Two entries name this file: its rows would come twice.',
  })
  return 0
}

async function checkCompanion({
  store,
  signal,
  companion,
  isThere,
  find,
}: Reading & {
  readonly companion: SealedManifest['manifest']['companions'][number]
  readonly isThere: boolean
}): Promise<void> {
  const { name } = companion
  const error = (code: FindingCode, message: string): void => find({ severity: 'error', code, name, message })
  if (!isThere) return error('file.missing', 'The manifest names it and it is not there.')
  try {
    if (sha256Hex(await readWhole(store, name, signal)) !== companion.sha256)
      error('file.changed', 'Its bytes are not those that were sealed.')
  } catch (failure) {
    const found = unreadable(failure)
    if (!found) throw failure
    error(...found)
  }
}

function summary(chain: readonly ChainLink[], rowCount: number, bytes: number): VerifiedChain {
  const { manifest, sha256 } = chain[chain.length - 1]!.sealed
  return {
    exportId: manifest.exportId,
    exportName: manifest.exportName,
    datasetId: manifest.datasetId,
    datasetName: manifest.datasetName,
    manifestCount: chain.length,
    fileCount: countFiles(chain),
    rowCount,
    bytes,
    head: { number: manifest.chain.number, sha256, sealedAt: manifest.sealedAt },
    keyId: keyIdOf(manifest.publicKey),
  }
}

function countFiles(links: readonly ChainLink[]): number {
  return links.reduce((sum, link) => sum + link.sealed.manifest.files.length, 0)
}
