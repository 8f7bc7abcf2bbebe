import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { parseId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { sealParts, updateExportRun, updatePart } from '#metadata/exports.ts'
import { sha256Hex } from '../manifests/canonical-json.ts'
import { checkQuotasAtSeal } from '../rules/enforce-rules.ts'
import { queryFingerprint, schemaFingerprint } from '../export-plan.ts'
import { type Manifest, type SealedManifest, signManifest } from '../manifests/manifest.ts'
import { folderOfName, platformManifestName } from '../manifests/names.ts'
import type { RunScope } from './run-scope.ts'
import { requireView } from '../plan/plan.ts'
import { flowIdOf } from '../run-subject.ts'
import type { Spooled } from './spooled.ts'
import type { StagedPart } from './stage-part.ts'
import { folderOf, locationOf } from '../destinations/target.ts'

/** A store creates an object of 8 MiB whole; statistics are left out before a manifest comes near it. */
const statisticsBytesMax = 4 * 1024 * 1024
const manifestBytesMax = 8 * 1024 * 1024

/**
 * Rows of the pinned files = rows the engine emitted = rows another reader found in the parts.
 * @throws AppError 'export.counts'
 */
export function checkCounts(counts: {
  readonly source: number
  readonly emitted: number
  readonly delivered: number
}): void {
  const { source, emitted, delivered } = counts
  if (source === emitted && emitted === delivered) return
  throw new AppError(
    'export.counts',
    `The source holds ${source} rows, the engine wrote ${emitted} and the files hold ${delivered}: nothing is delivered.`,
    { detail: counts },
  )
}

/** From here the run is finished, whatever happens; nothing is planned or counted again. */
export async function seal(
  scope: RunScope,
  spooled: Spooled,
  parts: readonly StagedPart[],
): Promise<SealedManifest> {
  checkCounts({
    source: spooled.sourceRowCount,
    emitted: spooled.emittedRowCount,
    delivered: parts.reduce((sum, { file }) => sum + file.rowCount, 0),
  })
  const { metadata, context, progress } = scope
  await progress.update({ phase: 'sealing' })
  const sealed = makeManifest(scope, parts, spooled.skippedRowCount)
  const { rowCount, bytes } = sealed.manifest
  const caller = await scope.access.actAs(context.run.principalId, context.run.sandboxId)
  await requireStill(scope, caller)
  await faultPoint('export.seal.before')
  await metadata.transaction(async (tx) => {
    const { datasetId, target } = scope.plan
    const place = { datasetId, location: locationOf(target) }
    await checkQuotasAtSeal(tx, scope, { caller, ...place, rows: rowCount, bytes })
    await context.lease.seal(tx)
    await updateExportRun(tx, context.run.id, { manifest: sealed.text })
    await sealParts(tx, idsOf(parts))
  })
  await faultPoint('export.seal.after')
  return sealed
}

/**
 * What was deleted, or closed to whom the run is of, while it was read and staged, is not delivered.
 * @throws AppError 'dataset.unknown', 'access.denied'
 */
async function requireStill(scope: RunScope, caller: Caller): Promise<void> {
  const datasetId = parseId('dataset', scope.plan.datasetId)
  await requireView(scope, caller, datasetId)
  await scope.datasets.get(caller, datasetId)
}

/**
 * One fenced transaction replaces parts of a sealed manifest that is not yet at the destination. The rows stay as many.
 */
export async function reseal(
  scope: RunScope,
  change: {
    readonly sealed: SealedManifest
    readonly parts: readonly StagedPart[]
    readonly replaced: readonly { readonly id: string }[]
  },
): Promise<SealedManifest> {
  const { metadata, context } = scope
  checkCounts({
    source: change.sealed.manifest.rowCount,
    emitted: change.sealed.manifest.rowCount,
    delivered: change.parts.reduce((sum, { file }) => sum + file.rowCount, 0),
  })
  const resealed = makeManifest(scope, change.parts, change.sealed.manifest.source.skippedRowCount ?? 0)
  await metadata.transaction(async (tx) => {
    await context.lease.assertHeld(tx)
    await updateExportRun(tx, context.run.id, { manifest: resealed.text })
    for (const part of change.replaced) await updatePart(tx, part.id, { state: 'staged' })
    await sealParts(tx, idsOf(change.parts))
  })
  return resealed
}

function idsOf(parts: readonly StagedPart[]): readonly string[] {
  return parts.map(({ id }) => id)
}

function makeManifest(
  scope: RunScope,
  parts: readonly StagedPart[],
  skippedRowCount: number,
): SealedManifest {
  const { plan, context, clock, key } = scope
  const files = parts.map(({ file }) => file)
  const isHuge = JSON.stringify(files).length > statisticsBytesMax
  const rowCount = files.reduce((sum, file) => sum + file.rowCount, 0)
  const platform = platformManifest(scope, files)
  const sealed = signManifest(
    {
      format: 'sluice-manifest',
      version: 1,
      exportId: flowIdOf(context.run.subjectId),
      exportName: plan.exportName,
      datasetId: plan.datasetId,
      datasetName: plan.datasetName,
      ...(plan.schemaId === undefined || plan.behavior === undefined
        ? {}
        : { dataset: { tableName: plan.tableName, schemaId: plan.schemaId, behavior: plan.behavior } }),
      runId: context.run.id,
      chain: {
        ...plan.chain,
        ...(plan.watermarkSequence === undefined ? {} : { watermark: plan.watermarkSequence }),
      },
      content: plan.content,
      ...(plan.repeats === undefined ? {} : { repeats: plan.repeats }),
      source: {
        tableId: plan.tableId,
        snapshotId: plan.snapshotId,
        afterSequence: plan.afterSequence,
        throughSequence: plan.throughSequence,
        tableRowCount: plan.tableRowCount,
        ...(plan.records ? { records: plan.records } : {}),
        ...(skippedRowCount > 0 ? { skippedRowCount } : {}),
        queryFingerprint: queryFingerprint(plan),
      },
      schema: { fingerprint: schemaFingerprint(plan), columns: plan.columns },
      fileFormat: plan.format,
      ...(plan.encryption
        ? { encryption: { kind: 'pgp', fingerprint: plan.encryption.fingerprint } as const }
        : {}),
      files: isHuge ? files.map((file) => ({ ...file, statistics: {} })) : files,
      companions: [platform?.companion, markerOf(scope)].filter((one) => one !== undefined),
      rowCount,
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      scheduledAt: plan.scheduledAt,
      sealedAt: clock.now().toISOString(),
    },
    key,
  )
  if (sealed.text.length > manifestBytesMax) {
    throw new AppError(
      'flow.invalid',
      `The delivery has ${files.length} files, more than one manifest can name.`,
      {
        hint: 'Set a larger fileBytesMax on the target connection.',
      },
    )
  }
  return sealed
}

/** The empty file that comes last, when it was asked for. */
export function markerOf({
  plan,
  context,
}: Pick<RunScope, 'plan' | 'context'>): Manifest['companions'][number] | undefined {
  if (plan.completionMarker === undefined) return undefined
  const name = [plan.folder, `${plan.completionMarker}-${context.run.id}`]
    .filter((part) => part !== '')
    .join('/')
  return { name, bytes: 0, sha256: sha256Hex('') }
}

/** The platform's own manifest, when it was asked for: made from ours, so the same at every attempt. */
export function platformManifest(
  scope: Pick<RunScope, 'plan' | 'context' | 'landing'>,
  files: Manifest['files'],
): { readonly text: string; readonly companion: Manifest['companions'][number] } | undefined {
  const { plan, context } = scope
  if (!plan.includeFileManifest) return undefined
  const folder = sinkFolder(scope)
  const text = JSON.stringify({
    flowRunId: context.run.id,
    scheduledTime: plan.scheduledAt.replace(/\.\d+Z$/, 'Z'),
    exportResults: files.map(({ name, bytes }) => ({
      sinkPath: `/${[folder, folderOfName(name)].filter((part) => part !== '').join('/')}`,
      name: name.slice(name.lastIndexOf('/') + 1),
      size: bytes,
    })),
  })
  const name = platformManifestName({
    folder: plan.folder,
    flowId: flowIdOf(context.run.subjectId),
    runId: context.run.id,
  })
  return { text, companion: { name, bytes: Buffer.byteLength(text), sha256: sha256Hex(text) } }
}

/** Where the location is in its bucket, container or zone, whoever reads it; without `/` at its ends. */
function sinkFolder({ plan, context, landing }: Pick<RunScope, 'plan' | 'context' | 'landing'>): string {
  const folder = folderOf(plan.target).replaceAll(/^\/+|\/+$/g, '')
  if (!landing.isZone(plan.target)) return folder
  const zone = `/${context.run.sandboxId}/`
  const below = `/${folder}/`
  return below.slice(below.indexOf(zone) + zone.length).replace(/\/$/, '')
}
