import { AppError } from '#base/errors.ts'
import type { ObjectSummary } from '#objects/object-store.ts'
import { checkFiles, type FileReading, otherKeys, unnamedParts } from './check-restorable.ts'
import { chooseDeliveries, type ChosenDeliveries, type Use } from './choose-deliveries.ts'
import type { Finding } from '../verify/finding.ts'
import type { Manifest } from '../manifests/manifest.ts'
import { parseManifestName } from '../manifests/names.ts'
import { readDelivered } from './read-delivered.ts'
import { readLinks } from '../verify/read-links.ts'
import type { RestoreFinding } from './restore-finding.ts'
import { type RestoredSchema, restoredSchema, unreadableText } from './restored-schema.ts'
import { keyIdOf } from '../manifests/signing-key.ts'
import { type ChainLink, chainsOf, numberOf } from '../verify/verify-chain.ts'

export interface RestoreRequest {
  /** Name or id; absent: there is one. */
  readonly exportName?: string | undefined
  /** The dataset that was delivered, by name or id; absent: there is one. */
  readonly datasetName?: string | undefined
  /** As it was with the delivery of this number; absent: with the newest. */
  readonly through?: number | undefined
  readonly isAsDelivered: boolean
  /** Ids of the keys that every delivery must be signed with, any of them; absent: whichever. */
  readonly keyIds?: readonly string[] | undefined
}

export interface RestorableFile {
  /** Below the location. */
  readonly name: string
  readonly kind: 'parquet' | 'json' | 'csv'
  readonly bytes: number
  readonly rowCount: number
}

/** What a location of deliveries has of a dataset; every byte that would be loaded was read and found as it was sealed. */
export interface Restorable {
  readonly location: string
  readonly exportId: string
  readonly exportName: string
  readonly datasetId: string
  readonly datasetName: string
  readonly tableName: string | undefined
  readonly schema: RestoredSchema
  /** The delivery that the dataset will be as of. */
  readonly head: { readonly number: number; readonly sha256: string; readonly sealedAt: string }
  readonly keyId: string
  readonly deliveries: readonly {
    readonly number: number
    readonly content: Manifest['content']
    readonly use: Use
    readonly rowCount: number
    readonly fileCount: number
    readonly bytes: number
    readonly sealedAt: string
  }[]
  readonly files: readonly RestorableFile[]
  readonly rowCount: number
  readonly bytes: number
  readonly findings: readonly RestoreFinding[]
  /** No finding is an error. */
  readonly isRight: boolean
  /**
   * A file's bytes as an upload takes them, checked once more on the way: what is packed by zstd comes unpacked.
   * @throws AppError 'restore.changed' at the end of what is not as it was
   */
  read(file: RestorableFile, options: { readonly signal: AbortSignal }): AsyncIterable<Uint8Array>
}

export interface RestorableOptions extends FileReading {
  readonly request: RestoreRequest
}

/**
 * Looks at a location for a dataset that can be restored of it, and reads whatever would be loaded. Changes nothing.
 * @throws AppError 'restore.unknown', 'restore.ambiguous'
 */
export async function findRestorable(options: RestorableOptions): Promise<Restorable> {
  const { store, signal, request } = options
  const objects = new Map<string, ObjectSummary>()
  for await (const object of store.list('', { signal })) objects.set(object.name, object)
  const broken: Finding[] = []
  const links = await readLinks({ store, signal, objects, find: (finding) => broken.push(finding) })
  const chain = chainAsked(links, { location: store.location, request, broken })
  const chosen = chooseDeliveries(chain, request)
  const head = headOf(chosen, chain)
  const { manifest } = head.sealed
  const { schema, fields, findings: unread } = restoredSchema(chosen.shaped ?? head)
  const findings: RestoreFinding[] = [
    ...chosen.findings,
    ...otherKeys(chosen.uses, request.keyIds),
    ...unread,
    ...unreadableText(fields, chosen.loaded),
    ...brokenNeeded(broken, chosen, { exportId: manifest.exportId, through: request.through }),
    ...unnamedParts(objects, links),
    ...(await checkFiles(options, { loaded: chosen.loaded, objects })),
  ]
  const files = chosen.loaded.flatMap(({ sealed }) =>
    sealed.manifest.files.map((file) => ({ file, format: sealed.manifest.fileFormat })),
  )
  const byName = new Map(files.map((entry) => [entry.file.name, entry]))
  return {
    location: store.location,
    exportId: manifest.exportId,
    exportName: manifest.exportName,
    datasetId: manifest.datasetId,
    datasetName: manifest.datasetName,
    tableName: manifest.dataset?.tableName,
    schema,
    head: { number: numberOf(head), sha256: head.sealed.sha256, sealedAt: manifest.sealedAt },
    keyId: keyIdOf(manifest.publicKey),
    deliveries: chosen.uses.map(({ link, use }) => ({
      number: numberOf(link),
      content: link.sealed.manifest.content,
      use,
      rowCount: link.sealed.manifest.rowCount,
      fileCount: link.sealed.manifest.files.length,
      bytes: link.sealed.manifest.bytes,
      sealedAt: link.sealed.manifest.sealedAt,
    })),
    files: files.map(({ file, format }) => ({
      name: file.name,
      kind: format.kind,
      bytes: file.bytes,
      rowCount: file.rowCount,
    })),
    rowCount: files.reduce((sum, { file }) => sum + file.rowCount, 0),
    bytes: files.reduce((sum, { file }) => sum + file.bytes, 0),
    findings,
    isRight: !findings.some(({ severity }) => severity === 'error'),
    read: ({ name }, { signal }) => {
      const entry = byName.get(name)
      if (!entry) throw new Error(`Broken invariant: ${name} is no file of the chain`)
      return readDelivered(store, { ...entry, columns: fields, signal })
    },
  }
}

/** The one chain that is asked for. */
function chainAsked(
  links: readonly ChainLink[],
  {
    location,
    request: { exportName, datasetName },
    broken,
  }: { readonly location: string; readonly request: RestoreRequest; readonly broken: readonly Finding[] },
): readonly ChainLink[] {
  const chains = chainsOf(links)
  const asked = chains.filter((chain) => {
    const { exportId, exportName: itsName, datasetId, datasetName: itsDataset } = lastOf(chain)
    return (
      (exportName === undefined || exportName === exportId || exportName === itsName) &&
      (datasetName === undefined || datasetName === datasetId || datasetName === itsDataset)
    )
  })
  const [chain] = asked
  const listed = chains
    .map((chain) => `${lastOf(chain).datasetName} by ${lastOf(chain).exportName} (${lastOf(chain).exportId})`)
    .join(', ')
  if (!chain && chains.length === 0) {
    const [first] = broken
    throw new AppError(
      'restore.unknown',
      first
        ? `No manifest at ${location} can be read: ${first.name}: ${first.message}`
        : `No manifest lies at ${location}: there is nothing that can be restored.`,
      {
        hint: first
          ? 'Bring the manifests back from a copy of the location.'
          : 'Give the place that the export delivers to, above the folders of the datasets; sluice export show NAME says which.',
      },
    )
  }
  if (!chain)
    throw new AppError('restore.unknown', `There is no such delivery at ${location}, but of: ${listed}.`)
  if (asked.length > 1)
    throw new AppError('restore.ambiguous', `Several datasets or exports lie at ${location}: ${listed}.`, {
      hint: 'Say which: --export NAME, --delivered DATASET.',
    })
  return chain
}

function lastOf(chain: readonly ChainLink[]): Manifest {
  return headOf(undefined, chain).sealed.manifest
}

function headOf(chosen: ChosenDeliveries | undefined, chain: readonly ChainLink[]): ChainLink {
  const head = chosen?.uses.at(-1)?.link ?? chain.at(-1)
  if (!head) throw new Error('Broken invariant: a chain has a link')
  return head
}

/** Manifests that cannot be read, where what they may have said is needed. */
function brokenNeeded(
  broken: readonly Finding[],
  { loaded }: ChosenDeliveries,
  { exportId, through }: { readonly exportId: string; readonly through: number | undefined },
): RestoreFinding[] {
  const first = loaded.reduce((least, link) => Math.min(least, numberOf(link)), Infinity)
  return broken.flatMap((finding) => {
    const said = parseManifestName(finding.name)
    const isNeeded =
      said !== undefined &&
      exportId.startsWith(said.flowIdStart) &&
      said.chainNumber > first &&
      said.chainNumber <= (through ?? Infinity)
    if (!isNeeded) return []
    const before = said.chainNumber - 1
    const hint = `Bring it back from a copy of the location, or restore the dataset as it was before: --through ${before}.`
    return [{ ...finding, hint }]
  })
}
