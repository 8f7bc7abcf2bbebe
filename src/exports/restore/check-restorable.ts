import type { ObjectStore, ObjectSummary } from '#objects/object-store.ts'
import type { ManifestFile } from '../manifests/manifest.ts'
import { errorAt, type RestoreFinding } from './restore-finding.ts'
import { keyIdOf } from '../manifests/signing-key.ts'
import { type ChainLink, numberOf } from '../verify/verify-chain.ts'
import { checkFile } from '../verify/verify-file.ts'
import type { VerifyProgress } from '../verify/verify.ts'

/** Where and how files are read. */
export interface FileReading {
  readonly store: ObjectStore
  readonly signal: AbortSignal
  readonly onProgress?: (progress: VerifyProgress) => void
}

const encryptedHint =
  'Decrypt the files with your key (gpg --decrypt) and load them with: sluice dataset load'

/** Reads every file that would be loaded, whole. */
export async function checkFiles(
  { store, signal, onProgress }: FileReading,
  {
    loaded,
    objects,
  }: { readonly loaded: readonly ChainLink[]; readonly objects: ReadonlyMap<string, ObjectSummary> },
): Promise<RestoreFinding[]> {
  const findings: RestoreFinding[] = []
  const seen = new Set<string>()
  const fileCount = loaded.reduce((sum, { sealed }) => sum + sealed.manifest.files.length, 0)
  const progress = { filesChecked: 0, fileCount, bytesChecked: 0 }
  for (const link of loaded) {
    const { manifest } = link.sealed
    if (manifest.encryption) {
      findings.push({
        severity: 'error',
        code: 'file.encrypted',
        name: link.name,
        message: `The files of delivery ${numberOf(link)} are encrypted for the PGP key ${manifest.encryption.fingerprint}.`,
        hint: encryptedHint,
      })
      continue
    }
    let rowCount = 0
    for (const file of manifest.files) {
      signal.throwIfAborted()
      if (seen.has(file.name)) findings.push(twice(file))
      seen.add(file.name)
      rowCount += await checkFile({
        store,
        signal,
        file,
        format: manifest.fileFormat,
        isEncrypted: false,
        object: objects.get(file.name),
        find: (finding) => findings.push({ ...finding, hint: fileHint(link) }),
      })
      progress.filesChecked += 1
      progress.bytesChecked += file.bytes
      onProgress?.({ ...progress })
    }
    const promised = manifest.files.reduce((sum, file) => sum + file.rowCount, 0)
    if (manifest.rowCount !== promised || (rowCount !== promised && findings.length === 0))
      findings.push({
        severity: 'error',
        code: 'manifest.rows',
        name: link.name,
        message: `The manifest promises ${manifest.rowCount} rows and its files hold ${rowCount}.`,
      })
  }
  return findings
}

function fileHint(link: ChainLink): string {
  const before = numberOf(link) - 1
  const earlier = before > 0 ? `, or restore the dataset as it was before: --through ${before}` : ''
  return `Bring the file back from a copy of the location, have the run delivered again (sluice export rerun ${link.sealed.manifest.runId})${earlier}.`
}

function twice(file: ManifestFile): RestoreFinding {
  return {
    severity: 'error',
    code: 'file.shared',
    name: file.name,
    message: 'Two entries name this file: its rows would come twice.',
  }
}

/** That a manifest is signed says that nobody altered it; by whom only who knows the key's id can tell. */
export function otherKeys(
  deliveries: readonly { readonly link: ChainLink }[],
  keyIds: readonly string[] | undefined,
): RestoreFinding[] {
  if (keyIds === undefined) return []
  const idOf = ({ sealed }: ChainLink) => keyIdOf(sealed.manifest.publicKey)
  const other = deliveries.find(({ link }) => !keyIds.includes(idOf(link)))?.link
  if (!other) return []
  return [
    {
      ...errorAt(other),
      code: 'key.other',
      message: `Delivery ${numberOf(other)} is signed by the key ${idOf(other)}, not by ${keyIds.join(' or ')}.`,
      hint: 'If that is a key of yours, too, give both: --key ID --key ID. Else somebody else delivers there.',
    },
  ]
}

const partPattern = /(?:^|\/)part-\d+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[^/]+$/

/** Parts without a manifest: of a delivery that has not ended, or whose manifest is lost. */
export function unnamedParts(
  objects: ReadonlyMap<string, ObjectSummary>,
  links: readonly ChainLink[],
): RestoreFinding[] {
  const runs = new Set(links.map(({ sealed }) => sealed.manifest.runId))
  const unnamed = [...objects.keys()].filter((name) => {
    const runId = partPattern.exec(name)?.[1]
    return runId !== undefined && !runs.has(runId)
  })
  const [name] = unnamed
  if (name === undefined) return []
  return [
    {
      severity: 'warning',
      code: 'object.unnamed',
      name,
      message: `${unnamed.length === 1 ? 'This part is' : `This part and ${unnamed.length - 1} others are`} of no manifest here: of a delivery under way or broken off, or its manifest is lost. It is not restored.`,
    },
  ]
}
