import type { Access } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { SnapshotId, TableId } from '#base/ids.ts'
import type { Run, RunContext } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import { selectExportRun } from '#metadata/exports.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { auditKeptRun } from './audit-kept.ts'
import { nextClose, pausedUntil, type WindowClose } from './enforce-windows.ts'
import { type ExportPlan, pinOwner } from '../export-plan.ts'
import { locationOf } from '../destinations/target.ts'

/** How long a run that nobody works on keeps its snapshot from expiry; every attempt renews it. */
const pinMs = 7 * 86_400_000

interface CloseOptions {
  readonly access: Pick<Access, 'audit'>
  readonly metadata: Metadata
  readonly lake: Lake
  readonly clock: Clock
}

/** Keeps what a run reads until some days after a moment. */
export async function pinPlanned(
  { lake }: Pick<CloseOptions, 'lake'>,
  tx: Transaction,
  { run, plan, from }: { readonly run: Pick<Run, 'id'>; readonly plan: ExportPlan; readonly from: Date },
): Promise<void> {
  if (plan.snapshotId === undefined) return
  await lake.pin(tx, {
    tableId: plan.tableId as TableId,
    snapshotId: plan.snapshotId as SnapshotId,
    owner: pinOwner(run.id),
    until: new Date(from.getTime() + pinMs),
  })
}

/** When the attempt must stop; undefined: never, as what is sealed is published whatever closes. */
export async function closeOf(
  options: CloseOptions,
  run: Run,
  plan: ExportPlan,
): Promise<WindowClose | undefined> {
  if (run.payload['overridesWindows'] === true || (await isSealed(options, run))) return undefined
  return await nextClose(options, deliveredBy(run, plan))
}

/** Aborted at the close. Dispose when the delivery is sealed. */
export function untilClose(
  clock: Clock,
  close: WindowClose | undefined,
): Disposable & { readonly signal: AbortSignal } {
  const closed = new AbortController()
  const over = new AbortController()
  if (close) {
    void clock.sleep(close.at.getTime() - clock.now().getTime(), over.signal).then(
      () => closed.abort(failedAt(close)),
      () => {}, // Over before.
    )
  }
  return { signal: closed.signal, [Symbol.dispose]: () => over.abort() }
}

/**
 * Lays the run aside until it may go on, or fails it. The run's own attempt, which has sealed nothing.
 * @throws AppError 'export.closed'
 */
export async function stopAtClose(
  options: CloseOptions,
  { run, lease }: RunContext,
  { plan, close }: { readonly plan: ExportPlan; readonly close: WindowClose },
): Promise<void> {
  if (close.onClose === 'fail') throw failedAt(close)
  const opensAt = await pausedUntil(options, deliveredBy(run, plan))
  const reason = `The window ${JSON.stringify(close.name)} closed: the delivery is made when it opens again.`
  await options.metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    await pinPlanned(options, tx, { run, plan, from: opensAt })
    const detail = { reason, until: opensAt.toISOString() }
    await auditKeptRun(options, tx, { run, action: 'pause run', detail })
  })
  await lease.postpone(reason, opensAt, { hasBegun: true })
}

/** Whether the close has ended an attempt. What fails at the same moment by itself is told as what it is. */
export function isOfClose(error: unknown, closing: AbortSignal): boolean {
  if (!closing.aborted) return false
  if (error === closing.reason) return true
  const isCancelled = error instanceof AppError && error.code === 'query.cancelled'
  return isCancelled || (error instanceof Error && error.name === 'AbortError')
}

export async function isSealed({ metadata }: Pick<CloseOptions, 'metadata'>, run: Pick<Run, 'id'>) {
  const manifest = (await selectExportRun(metadata.db, run.id))?.manifest
  return manifest !== undefined && manifest !== null
}

function failedAt({ name }: WindowClose): AppError {
  return new AppError(
    'export.closed',
    `The window ${JSON.stringify(name)} closed before the delivery was sealed: nothing of it is delivered.`,
    {
      hint: 'What it would have held comes with the next run. Widen the window, or let it finish (onClose).',
    },
  )
}

function deliveredBy(run: Run, { datasetId, target }: ExportPlan) {
  return { sandboxId: run.sandboxId, datasetId, location: locationOf(target) }
}
