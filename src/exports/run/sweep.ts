import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { SecretStore } from '#access/secret-store.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { isId, type RunId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import type { Lake } from '#lake/lake.ts'
import {
  claimPart,
  type PartRow,
  selectAbandonedParts,
  selectExportRun,
  selectParts,
  selectRunsToUnpin,
  updateExportRun,
  updatePart,
} from '#metadata/exports.ts'
import { hasEnded, selectRun } from '#metadata/jobs.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { ObjectStore } from '#objects/object-store.ts'
import type { LandingPlace } from '../destinations/landing-place.ts'
import { landingKeptMs } from '../landing/landing-sweep.ts'
import { readManifest } from '../manifests/manifest.ts'
import { manifestName } from '../manifests/names.ts'
import { openDestination } from '../destinations/open-destination.ts'
import { pinOwner, plannedTargetOf, readPlan } from '../export-plan.ts'
import type { RunScope } from './run-scope.ts'
import { removeSpool } from './spool.ts'
import { tokenOf } from './stage.ts'
import type { StagedPart } from './stage-part.ts'
import { sizeFolder } from '../plan/written-size.ts'

/** Parts one sweep removes at most; the next goes on. */
const partsMax = 1_000
/** A destination that says nothing for so long is away. */
const partMsMax = 10_000

const forever = new AbortController().signal

/**
 * Removes what runs left behind that are over. Touches only names in our own intents, and of them
 * none that a manifest at the destination names: nothing else there is ours to delete.
 */
export async function sweepAbandoned(options: {
  readonly metadata: Metadata
  readonly secrets: SecretStore
  readonly allowsServerIdentity: boolean
  readonly landing: LandingPlace
  readonly lake: Lake
  readonly spoolFolder: string
  readonly clock: Clock
  readonly logger: Logger
  readonly signal?: AbortSignal
}): Promise<number> {
  const { metadata, lake, spoolFolder, logger } = options
  let partCount = 0
  const away = new Set<string>()
  for (const row of await selectAbandonedParts(metadata.db, partsMax)) {
    if (options.signal?.aborted) return partCount
    const place = JSON.stringify(row.store)
    if (away.has(place)) continue
    const signal = AbortSignal.any([
      AbortSignal.timeout(partMsMax),
      ...(options.signal ? [options.signal] : []),
    ])
    try {
      await using store = await openDestination(options, plannedTargetOf(row.store), { signal })
      await removePart(metadata, store, row, signal)
      partCount += 1
    } catch (error) {
      // A destination that is away now is swept another time; it must not hold up another export.
      logger.log('warn', 'export.sweep.failed', { runId: row.run_id, error })
      const isOver = goesByAge(options, row)
      if (!isOver && isAway(error, signal)) away.add(place)
      // Nobody can log in there any more: what is left is told of once, and left.
      if (error instanceof AppError && (error.code === 'flow.unknown' || isOver))
        await updatePart(metadata.db, row.id, { state: 'gone' })
    }
    await faultPoint('export.sweep.middle')
  }
  await sweepSpools(metadata, spoolFolder)
  for (const runId of await selectRunsToUnpin(metadata.db, partsMax)) await unpin(metadata, lake, runId)
  return partCount
}

/** Whether nothing else of the place can be had now. One part that it does not let go is no reason to leave the others. */
function isAway(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || (error instanceof AppError && error.code === 'store.unreachable')
}

/** What has lain in a landing zone for seven days needs no sweep of ours, wherever the zones of then are now. */
function goesByAge(
  { landing, clock }: { readonly landing: LandingPlace; readonly clock: Clock },
  { store, created_at: createdAt }: PartRow,
): boolean {
  const ageMs = clock.now().getTime() - createdAt.getTime()
  return ageMs > landingKeptMs && landing.isZone(plannedTargetOf(store).target)
}

async function unpin(metadata: Metadata, lake: Lake, runId: RunId): Promise<void> {
  await metadata.transaction(async (tx) => {
    await lake.releasePins(tx, pinOwner(runId))
    await updateExportRun(tx, runId, { is_pinned: false })
  })
}

/**
 * What this attempt staged and did not seal; called when it failed. Also what another attempt has marked as gone: it
 * may have looked before our bytes were there. One that is paused `keepsStaged`.
 */
export async function discardAttempt(
  { metadata, store, context }: RunScope,
  { keepsStaged = false, signal = forever }: { keepsStaged?: boolean; signal?: AbortSignal } = {},
): Promise<void> {
  const states = ['intended', 'gone', ...(keepsStaged ? [] : ['staged' as const])] as const
  const rows = await selectParts(metadata.db, context.run.id, states)
  for (const row of rows) {
    if (row.fence !== context.lease.fence) continue
    if (row.state === 'gone') await store.abort(tokenOf(row), { signal })
    else await removePart(metadata, store, row, signal)
  }
}

/** What earlier attempts at this run staged and did not seal: they are fenced off. */
export async function discardEarlierAttempts({ metadata, store, context }: RunScope): Promise<void> {
  const rows = await selectParts(metadata.db, context.run.id, ['intended', 'staged'])
  for (const row of rows) {
    if (row.fence >= context.lease.fence) continue
    await removePart(metadata, store, row, context.signal)
    await faultPoint('export.sweep.middle')
  }
}

/** Parts that a resealed manifest no longer names. */
export async function removeParts(
  { metadata, store, context }: RunScope,
  parts: readonly StagedPart[],
): Promise<void> {
  const rows = await selectParts(metadata.db, context.run.id, ['intended', 'staged'])
  for (const row of rows)
    if (parts.some((part) => part.id === row.id)) await removePart(metadata, store, row, context.signal)
}

/** Whoever looked long ago touches nothing that was taken over, or sealed, since. */
async function removePart(
  metadata: Metadata,
  store: ObjectStore,
  row: PartRow,
  signal: AbortSignal,
): Promise<void> {
  if (!(await claimPart(metadata.db, row))) return
  await faultPoint('export.sweep.claimed')
  const token = tokenOf(row)
  await store.abort(token, { signal })
  // Completed before its run failed, or before it was replaced: visible, but named by no manifest.
  if (!(await isDelivered(metadata, store, row, signal))) await store.delete(token.name, { signal })
  await updatePart(metadata.db, row.id, { state: 'gone' })
}

/** Whether a manifest at the destination names the part. */
async function isDelivered(
  metadata: Metadata,
  store: ObjectStore,
  row: PartRow,
  signal: AbortSignal,
): Promise<boolean> {
  const run = await selectExportRun(metadata.db, row.run_id)
  if (!run || run.manifest === null) return false
  const { manifest } = readManifest(run.manifest)
  const { name } = tokenOf(row)
  if (!manifest.files.some((file) => file.name === name)) return false
  const ours = manifestName({
    folder: readPlan(run.plan).folder,
    chainNumber: manifest.chain.number,
    flowId: run.flow_id,
    runId: run.run_id,
  })
  return (await store.head(ours, { signal })) !== undefined
}

const dayMs = 86_400_000

/** What a process that died has left of writing a few rows. */
async function removeOld(path: string): Promise<void> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }))
  if (Date.now() - mtimeMs > dayMs) await rm(path, { recursive: true, force: true })
}

async function sweepSpools(metadata: Metadata, spoolFolder: string): Promise<void> {
  // Before the first run there is none.
  for (const name of await readdir(spoolFolder).catch(() => [])) {
    if (name.startsWith(sizeFolder)) await removeOld(join(spoolFolder, name))
    if (!isId('run', name)) continue
    const run = await selectRun(metadata.db, name)
    if (!run || hasEnded(run)) await removeSpool(spoolFolder, name)
  }
}
