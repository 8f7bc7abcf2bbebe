import { stat } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { assert } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import type { DatasetId } from '#base/ids.ts'
import { type ChainRow, lockChain, selectParts, updateExportRun, upsertChain } from '#metadata/exports.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { ObjectStore } from '#objects/object-store.ts'
import { readManifest, type SealedManifest } from '../manifests/manifest.ts'
import { folderOfName, manifestName, parseManifestName } from '../manifests/names.ts'
import { type ExportPlan, pinOwner } from '../export-plan.ts'
import { nearQuotas } from '../rules/enforce-rules.ts'
import type { RunScope } from './run-scope.ts'
import { flowIdOf } from '../run-subject.ts'
import { markerOf, platformManifest, reseal } from './seal.ts'
import { spool } from './spool.ts'
import { stageAll, stagedPartOf } from './stage.ts'
import { type StagedPart, stagePart } from './stage-part.ts'
import { auditPublished } from './audit-published.ts'
import { removeParts } from './sweep.ts'
import { locationOf } from '../destinations/target.ts'
import { tellExport, tellPublished } from '../tell/tell-export.ts'

/** How often one attempt replaces parts that vanished. */
const rebuildsMax = 3

/**
 * Makes a sealed delivery visible: every part, then the manifest, whose creation is the point of no return, then our
 * own account of it. Where no manifest is to lie there, our account is the point of no return. Every step may be repeated.
 * @throws AppError 'chain.diverged' when the destination holds deliveries of this export that we know nothing of
 */
export async function publish(scope: RunScope, sealedBefore: SealedManifest): Promise<void> {
  const { progress } = scope
  await progress.update({ phase: 'publishing' })
  let sealed = sealedBefore
  if (!(await isPublished(scope, sealed))) {
    await checkHead(scope)
    sealed = await completeParts(scope, sealed)
    await createManifest(scope, sealed)
  }
  await faultPoint('export.manifest.after')
  const marker = markerOf(scope)
  if (marker) await scope.store.putIfAbsent(marker.name, new Uint8Array(), scope.context)
  await recordPublished(scope, sealed)
  await faultPoint('export.publish.after')
}

function nameOf({ plan, context }: RunScope): string {
  return manifestName({
    folder: plan.folder,
    chainNumber: plan.chain.number,
    flowId: flowIdOf(context.run.subjectId),
    runId: context.run.id,
  })
}

/** Whether an earlier attempt got beyond the point of no return. */
async function isPublished(scope: RunScope, sealed: SealedManifest): Promise<boolean> {
  const { store, context, plan } = scope
  if (!plan.includeSignedManifest) return false
  const name = nameOf(scope)
  if (!(await store.head(name, context))) return false
  const there = await buffer(store.read(name, context))
  if (there.toString('utf8') === sealed.text) return true
  throw new AppError('chain.diverged', `${name} at the destination is not the manifest that was sealed here.`)
}

/**
 * The newest delivery at the destination must be our last one or older: a database restored from a backup finds newer
 * ones and stops.
 */
export async function checkHead({ store, plan, context }: RunScope): Promise<void> {
  const { run } = context
  const lastNumber = plan.chain.number - 1
  for await (const object of store.list(listPrefix(plan.folder, plan.datasetId), context)) {
    const said = parseManifestName(object.name)
    if (!said || said.chainNumber < lastNumber || !run.subjectId.startsWith(said.flowIdStart)) continue
    const found = await manifestAt(store, object.name, context.signal)
    if (
      !found ||
      found.manifest.exportId !== flowIdOf(run.subjectId) ||
      found.manifest.datasetId !== plan.datasetId
    )
      continue
    const isOurLast = said.chainNumber === lastNumber && found.sha256 === plan.chain.previous?.sha256
    const isOurs = found.manifest.runId === run.id
    if (isOurLast || isOurs) continue
    throw new AppError(
      'chain.diverged',
      `The destination holds delivery ${said.chainNumber} of this export (${object.name}); the last one known here is ${lastNumber}.`,
      {
        hint: 'Was the database restored from a backup, or does another server deliver there? Nothing was written.',
      },
    )
  }
}

/** The manifests of one dataset lie below one folder, unless the template mixes datasets. */
function listPrefix(folder: string, datasetId: string): string {
  return folder.startsWith(`${datasetId}/`) ? `${datasetId}/` : ''
}

/** Somebody else's or a broken file under such a name says nothing about our chain; `verify` tells of it. */
async function manifestAt(
  store: ObjectStore,
  name: string,
  signal: AbortSignal,
): Promise<SealedManifest | undefined> {
  try {
    return readManifest(await buffer(store.read(name, { signal })))
  } catch (error) {
    if (error instanceof AppError && (error.code === 'verify.failed' || error.code === 'object.missing'))
      return undefined
    throw error
  }
}

async function completeParts(scope: RunScope, sealedBefore: SealedManifest): Promise<SealedManifest> {
  const { metadata, store, context, logger } = scope
  let sealed = sealedBefore
  for (let rebuild = 0; ; rebuild += 1) {
    const parts = (await selectParts(metadata.db, context.run.id, ['sealed'])).map(stagedPartOf)
    const isWhole = isNamed(sealed, parts)
    assert(isWhole || rebuild === 0, 'a manifest names the parts that it was just sealed for')
    const vanished: StagedPart[] = []
    for (const [index, part] of isWhole ? parts.entries() : []) {
      // Only the attempt that holds the run makes anything visible.
      await metadata.transaction((tx) => context.lease.assertHeld(tx))
      try {
        await store.complete(part.token, part.file, context)
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'object.missing' || rebuild >= rebuildsMax)
          throw error
        vanished.push(part)
      }
      if (index === 0) await faultPoint('export.complete.middle')
    }
    if (isWhole && vanished.length === 0) break
    logger.log('warn', 'export.parts.vanished', { runId: context.run.id, partCount: vanished.length })
    sealed = await rebuildParts(scope, sealed, { parts, vanished: isWhole ? vanished : undefined })
  }
  await faultPoint('export.complete.done')
  return sealed
}

/** Whether our rows are of exactly the files that the manifest names: no file is named of which we know nothing. */
function isNamed({ manifest }: SealedManifest, parts: readonly StagedPart[]): boolean {
  const names = new Set(manifest.files.map(({ name }) => name))
  return parts.length === names.size && parts.every(({ file }) => names.has(file.name))
}

/**
 * Staged again under new names: from the spool where it still is, else everything from the pinned snapshot, as when
 * `vanished` is unknown.
 */
async function rebuildParts(
  scope: RunScope,
  sealed: SealedManifest,
  {
    parts,
    vanished,
  }: { readonly parts: readonly StagedPart[]; readonly vanished: readonly StagedPart[] | undefined },
): Promise<SealedManifest> {
  const fromSpool = vanished && (await restageFromSpool(scope, parts, vanished))
  const rebuilt = fromSpool ?? (await stageAll(scope, (await spool(scope)).files))
  const replaced = fromSpool ? (vanished ?? []) : parts
  const kept = parts.filter((part) => !replaced.includes(part))
  const all = [...kept, ...rebuilt].toSorted((one, other) => (one.file.name < other.file.name ? -1 : 1))
  const resealed = await reseal(scope, { sealed, parts: all, replaced })
  await removeParts(scope, replaced)
  return resealed
}

async function restageFromSpool(
  scope: RunScope,
  parts: readonly StagedPart[],
  vanished: readonly StagedPart[],
): Promise<StagedPart[] | undefined> {
  const sizes = await Promise.all(
    vanished.map((part) =>
      stat(part.spoolPath).then(
        ({ size }) => size,
        () => -1, // Gone like the part: built again from the snapshot.
      ),
    ),
  )
  if (vanished.some((part, index) => part.file.bytes !== sizes[index])) return undefined
  const again: StagedPart[] = []
  for (const part of vanished) {
    const restaged = await stagePart(scope, {
      path: part.spoolPath,
      folder: folderOfName(part.file.name),
      number: parts.indexOf(part),
      rowCount: part.file.rowCount,
      statistics: part.file.statistics,
    })
    if (restaged.file.sha256 !== part.file.sha256) return undefined
    again.push(restaged)
  }
  return again
}

async function createManifest(scope: RunScope, sealed: SealedManifest): Promise<void> {
  const { store, context, metadata, plan } = scope
  const platform = platformManifest(scope, sealed.manifest.files)
  if (platform) await putPlatformManifest(scope, platform)
  await faultPoint('export.manifest.before')
  // The last look before the point of no return: an attempt that lost its lease publishes nothing.
  await metadata.transaction((tx) => context.lease.assertHeld(tx))
  if (!plan.includeSignedManifest) return
  const name = nameOf(scope)
  const outcome = await store.putIfAbsent(name, Buffer.from(sealed.text), context)
  if (outcome === 'exists' && !(await isPublished(scope, sealed)))
    throw new AppError('chain.diverged', `${name} came and went at the destination while it was created.`)
}

/** One that an earlier attempt wrote for parts that were replaced since is written again; it is ours by its name. */
async function putPlatformManifest(
  { store, context }: RunScope,
  { text, companion }: NonNullable<ReturnType<typeof platformManifest>>,
): Promise<void> {
  if ((await store.putIfAbsent(companion.name, Buffer.from(text), context)) === 'created') return
  const there = await buffer(store.read(companion.name, context))
  if (there.toString('utf8') === text) return
  await store.delete(companion.name, context)
  await store.putIfAbsent(companion.name, Buffer.from(text), context)
}

async function recordPublished(scope: RunScope, sealed: SealedManifest): Promise<void> {
  const { metadata, lake, plan, context, clock, store } = scope
  const { run, lease } = context
  const { manifest } = sealed
  const flowId = flowIdOf(run.subjectId)
  const datasetId = plan.datasetId as DatasetId
  await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    const chain = await lockChain(tx, flowId, datasetId)
    if ((chain?.number ?? 0) !== plan.chain.number - 1)
      throw new AppError(
        'chain.diverged',
        `Delivery ${plan.chain.number} does not follow ${chain?.number ?? 0}.`,
      )
    const now = clock.now()
    await upsertChain(tx, {
      flow_id: flowId,
      dataset_id: datasetId,
      number: plan.chain.number,
      manifest_sha256: sealed.sha256,
      manifest_name: nameOf(scope),
      // The next manifest is to say that this one lies elsewhere: here.
      location: plan.includeSignedManifest ? locationOf(plan.target) : '',
      watermark_sequence: plan.watermarkSequence ?? plan.throughSequence,
      reset_to_sequence: null,
      ...beginsAnew(plan, chain),
      published_at: now,
    })
    await updateExportRun(tx, run.id, { published_at: now, is_pinned: false })
    await lake.releasePins(tx, pinOwner(run.id))
    await tellPublished(scope, tx, { run, plan, manifest })
    await tellQuotas(scope, tx)
    await auditPublished(scope, tx, sealed)
    await lease.finish(tx, {
      location: store.location,
      ...(plan.includeSignedManifest ? { manifest: nameOf(scope) } : {}),
      manifestSha256: sealed.sha256,
      chainNumber: plan.chain.number,
      content: plan.content,
      ...(plan.repeats === undefined ? {} : { repeats: plan.repeats }),
      rowCount: manifest.rowCount,
      skippedRowCount: manifest.source.skippedRowCount ?? 0,
      fileCount: manifest.files.length,
      bytes: manifest.bytes,
    })
  })
}

/** Whether the next live delivery holds everything, where this one says something of it. */
function beginsAnew(
  { content, repeats, watermarkSequence }: ExportPlan,
  chain: ChainRow | undefined,
): { readonly begins_anew?: boolean } {
  if (content === 'full' && repeats === undefined) return { begins_anew: false }
  // Rows of some times came first of all.
  return chain === undefined && watermarkSequence === 0 ? { begins_anew: true } : {}
}

/** Of those that the delivery is of, whoever wants to hear of them. */
async function tellQuotas({ clock, notify, context, plan }: RunScope, tx: Transaction): Promise<void> {
  const { run } = context
  const { principalId, sandboxId } = run
  const place = { datasetId: plan.datasetId, location: locationOf(plan.target) }
  const near = await nearQuotas({ metadata: { db: tx }, clock }, { principalId, sandboxId, ...place })
  if (near.length > 0) await tellExport({ notify }, tx, { run, type: 'quota', text: near.join(' ') })
}
