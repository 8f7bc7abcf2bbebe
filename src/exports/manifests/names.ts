import { randomBytes } from 'node:crypto'
import type { FlowId, RunId } from '#base/ids.ts'
import { fileExtension, type FileFormat } from '#formats/file-format.ts'

/** Of files that are encrypted. */
export const encryptedEnd = '.gpg'

/**
 * Names below a location. Every part's name holds run, attempt and chance, so that no name is ever used twice:
 *
 *   <folder of the run>/part-00000-<run>-<attempt>-<chance>.zstd.parquet
 *   <folder of the run>/manifest-000001-<first 8 digits of the flow>-<run>.json      ours, last
 *   <folder of the run>/manifest-<flow>-<run>.json                                   the platform's, optional
 */
export function partName(part: {
  readonly folder: string
  readonly number: number
  readonly runId: RunId
  readonly attempt: number
  readonly format: FileFormat
  readonly isEncrypted?: boolean
}): string {
  const number = String(part.number).padStart(5, '0')
  const chance = randomBytes(4).toString('hex')
  return inFolder(
    part.folder,
    `part-${number}-${part.runId}-${part.attempt}-${chance}${fileExtension(part.format)}${part.isEncrypted === true ? encryptedEnd : ''}`,
  )
}

export function manifestName(manifest: {
  readonly folder: string
  readonly chainNumber: number
  readonly flowId: FlowId
  readonly runId: RunId
}): string {
  const number = String(manifest.chainNumber).padStart(6, '0')
  return inFolder(manifest.folder, `manifest-${number}-${manifest.flowId.slice(0, 8)}-${manifest.runId}.json`)
}

export function platformManifestName(manifest: {
  readonly folder: string
  readonly flowId: FlowId
  readonly runId: RunId
}): string {
  return inFolder(manifest.folder, `manifest-${manifest.flowId}-${manifest.runId}.json`)
}

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const manifestPattern = new RegExp(`(?:^|/)manifest-([0-9]{6,12})-([0-9a-f]{8})-(${uuid})\\.json$`)

/** What the name of one of our manifests says; undefined for every other name. */
export function parseManifestName(
  name: string,
): { readonly chainNumber: number; readonly flowIdStart: string; readonly runId: string } | undefined {
  const match = manifestPattern.exec(name)
  const [, number, flowIdStart, runId] = match ?? []
  if (number === undefined || flowIdStart === undefined || runId === undefined) return undefined
  return { chainNumber: Number(number), flowIdStart, runId }
}

const deliveredPattern = new RegExp(
  `(?:^|/)(?:part-[0-9]+-(${uuid})-[0-9]+-[0-9a-f]{8}\\.[^/]+|manifest-(?:[0-9]{6,12}-[0-9a-f]{8}|${uuid})-(${uuid})\\.json)$`,
)

/** The run that a part or a manifest is of, by its name; undefined for every other name. */
export function runIdOfName(name: string): RunId | undefined {
  const [, ofPart, ofManifest] = deliveredPattern.exec(name) ?? []
  return (ofPart ?? ofManifest) as RunId | undefined
}

/** What a name has before its last part; empty: it lies in the location itself. */
export function folderOfName(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')))
}

function inFolder(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}
