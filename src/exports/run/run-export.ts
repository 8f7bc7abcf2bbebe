import { mkdir } from 'node:fs/promises'
import type { Access } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import type { Datasets } from '#datasets/datasets.ts'
import type { Engine } from '#engine/engine.ts'
import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import { selectExportRun, updateExportRun } from '#metadata/exports.ts'
import type { ScheduledWriters } from '#query/scheduled-writers.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Lineage } from '#notify/lineage.ts'
import type { Notify } from '#notify/notify.ts'
import { auditKeptRun } from '../rules/audit-kept.ts'
import type { LandingPlace } from '../destinations/landing-place.ts'
import { readManifest } from '../manifests/manifest.ts'
import { openDestination } from '../destinations/open-destination.ts'
import { notePaused, type PausedWork, takeUpPaused } from './paused-work.ts'
import { pinOwner } from '../export-plan.ts'
import { type Closed, isClosed, pinAndPlan } from '../plan/plan.ts'
import { checkHead, publish } from './publish.ts'
import { createProgress, type RunScope } from './run-scope.ts'
import { seal } from './seal.ts'
import { loadSigningKey } from '../manifests/signing-key.ts'
import { removeAttemptSpool, removeSpool, spool } from './spool.ts'
import type { Spooled } from './spooled.ts'
import { stageAll } from './stage.ts'
import { checkRowCount } from './strict-guardrails.ts'
import { stageAhead } from './stage-ahead.ts'
import { closeOf, isOfClose, isSealed, stopAtClose, untilClose } from '../rules/stop-at-close.ts'
import { tellExport, tellFailed } from '../tell/tell-export.ts'
import { tellLineage } from '../tell/tell-lineage.ts'
import { discardAttempt, discardEarlierAttempts, sweepAbandoned } from './sweep.ts'

/** For the traces of an attempt that was stopped. */
const tidyMsMax = 5_000

export interface RunExportOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly secrets: SecretStore
  readonly allowsServerIdentity: boolean
  readonly engine: Engine
  readonly lake: Lake
  readonly datasets: Datasets
  /** Who writes what is exported. */
  readonly writers: ScheduledWriters
  readonly notify: Pick<Notify, 'send'>
  readonly lineage: Lineage
  readonly spoolFolder: string
  readonly keysFolder: string
  readonly home: string
  readonly landing: LandingPlace
  readonly clock: Clock
  readonly logger: Logger
  readonly aheadBytesMin?: number | undefined
}

/**
 * One attempt at a delivery:
 *
 *   pin and plan → spool → stage → seal ┬→ publish → sweep
 *   an earlier attempt had sealed ──────┘
 *
 * Before the seal an attempt begins anew from the plan: what an earlier one staged is removed. After it nothing is
 * planned or read again; whatever happens, the run goes on to be published. A window that closes before the seal may fail
 * the run, or lay it aside: then the next attempt takes over the spool and what of it is staged and counted.
 */
export async function runExport(options: RunExportOptions, context: RunContext): Promise<RunOutcome> {
  const { spoolFolder, logger, clock } = options
  await mkdir(spoolFolder, { recursive: true, mode: 0o711 })
  const progress = createProgress(context, clock)
  await progress.update({ phase: 'planning' })
  const plan = await pinAndPlan(options, context)
  if (isClosed(plan)) {
    await postpone(options, context, plan)
    return 'finished'
  }
  const close = await closeOf(options, context.run, plan)
  if (close && close.at <= clock.now()) {
    await stopAtClose(options, context, { plan, close })
    return 'finished'
  }
  await options.metadata.transaction(async (tx) => {
    await tellExport(options, tx, { run: context.run, type: 'start' })
    await tellLineage(options, tx, { run: context.run, type: 'START' })
  })
  await using store = await openDestination(options, plan, context)
  const key = await loadSigningKey(options.keysFolder)
  const scope: RunScope = { ...options, context, plan, store, key, progress }
  using closing = untilClose(clock, close)
  let spooled: Spooled | undefined
  try {
    const paused = await takeUpPaused(scope)
    await discardEarlierAttempts(scope)
    const signal = AbortSignal.any([context.signal, closing.signal])
    const sealed = await sealedOrNew(
      { ...scope, context: { ...context, signal } },
      { paused, onSpooled: (done) => (spooled = done) },
    )
    closing[Symbol.dispose]()
    await publish(scope, sealed)
  } catch (error) {
    if (error instanceof AppError && error.code === 'chain.diverged') return await failForGood(scope, error)
    const isStopped = isOfClose(error, closing.signal) && !context.signal.aborted
    if (!close || !isStopped || (await isSealed(options, context.run))) {
      await cleanUp(scope)
      throw error
    }
    if (close.onClose === 'pause' && spooled) await keepWork(scope, spooled)
    else await cleanUp(scope)
    await stopAtClose(options, context, { plan, close })
    return 'finished'
  }
  try {
    await removeSpool(spoolFolder, context.run.id)
    await sweepAbandoned({ ...options, signal: context.signal })
  } catch (error) {
    // The delivery is made; what is left over is swept by the next run.
    logger.log('warn', 'export.sweep.failed', { runId: context.run.id, error })
  }
  return 'finished'
}

/** A window that is closed is on record; one that is full is looked at again in a moment. */
async function postpone({ metadata, access }: RunExportOptions, { run, lease }: RunContext, closed: Closed) {
  const { reason, opensAt } = closed
  if (closed.hasBegun === undefined)
    await metadata.transaction(async (tx) => {
      await lease.assertHeld(tx)
      const detail = { reason, until: opensAt.toISOString() }
      await auditKeptRun({ access }, tx, { run, action: 'postpone run', detail })
    })
  await lease.postpone(reason, opensAt, closed)
}

async function sealedOrNew(
  scope: RunScope,
  {
    paused,
    onSpooled,
  }: { readonly paused: PausedWork | undefined; readonly onSpooled: (spooled: Spooled) => void },
) {
  const { metadata, context } = scope
  const stored = await selectExportRun(metadata.db, context.run.id)
  if (stored?.manifest) return readManifest(stored.manifest)
  await checkHead(scope)
  await using ahead = stageAhead(scope)
  const spooled = paused?.spooled ?? (await spool(scope, ahead))
  onSpooled(spooled)
  await checkRowCount(scope, spooled.emittedRowCount)
  const sent = await ahead.finish(spooled.files)
  const parts = await stageAll(scope, spooled.files, { staged: paused?.staged, sent })
  context.signal.throwIfAborted()
  return await seal(scope, spooled, parts)
}

/** The destination knows of deliveries that we don't: a person must decide, so not even a sealed run goes on. */
async function failForGood(scope: RunScope, error: AppError): Promise<RunOutcome> {
  const { metadata, context, lake } = scope
  await metadata.transaction(async (tx) => {
    await context.lease.fail(tx, error)
    await tellFailed(scope, tx, context.run, error)
    await lake.releasePins(tx, pinOwner(context.run.id))
    await updateExportRun(tx, context.run.id, { is_pinned: false })
  })
  scope.logger.log('error', 'export.diverged', { runId: context.run.id, message: error.message })
  await sweepAbandoned(scope).catch((sweepError: unknown) =>
    scope.logger.log('warn', 'export.sweep.failed', { runId: context.run.id, error: sweepError }),
  )
  return 'finished'
}

/** A paused attempt leaves what is whole to the next one. */
async function keepWork(scope: RunScope, spooled: Spooled): Promise<void> {
  try {
    await discardAttempt(scope, { keepsStaged: true })
    await notePaused(scope, spooled)
  } catch (error) {
    // Without a note the next attempt begins anew, and removes what this one has staged.
    scope.logger.log('warn', 'export.pause.forgotten', { runId: scope.context.run.id, error })
  }
}

/** A failed attempt takes its own traces away; one that was killed leaves them to the next. */
async function cleanUp(scope: RunScope): Promise<void> {
  try {
    const { signal } = scope.context
    // Whoever stopped it waits for no destination: the sweep finds what is left.
    await discardAttempt(scope, signal.aborted ? { signal: AbortSignal.timeout(tidyMsMax) } : {})
    const run = await selectExportRun(scope.metadata.db, scope.context.run.id)
    // A sealed delivery may need its spool to replace a part; before the seal the next attempt makes its own.
    if (run?.manifest === null) await removeAttemptSpool(scope.spoolFolder, scope.context)
  } catch (error) {
    scope.logger.log('warn', 'export.sweep.failed', { runId: scope.context.run.id, error })
  }
}
