import type { AppError } from '#base/errors.ts'
import type { Clock } from '#base/clock.ts'
import type { Logger } from '#base/log.ts'
import type { Run } from '#jobs/jobs.ts'
import {
  type DelayedRun,
  selectDelayedRuns,
  selectLastFull,
  selectRetriedRuns,
} from '#metadata/export-alerts.ts'
import { selectEntity } from '#metadata/exports.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import type { PageStart } from '#metadata/page.ts'
import type { Lineage } from '#notify/lineage.ts'
import type { Notify } from '#notify/notify.ts'
import { skippedShareOf, tellSubscribers } from '#notify/tell-subscribers.ts'
import type { ExportPlan } from '../export-plan.ts'
import type { Manifest } from '../manifests/manifest.ts'
import { flowIdOf } from '../run-subject.ts'
import { tellEach } from './tell-each.ts'
import { tellLineage } from './tell-lineage.ts'

/** As the reference platform does where nobody says otherwise. */
const delayMinutesDefault = 150
/** Of the rows that were read, likewise. */
const skippedPercentDefault = 1
/** Of the rows of the full delivery before. */
const shrunkenShare = 0.5
/** In a row, of one run. */
const failureCountMin = 3

const happened = {
  start: 'has started',
  success: 'has succeeded',
  failure: 'has failed',
  delay: 'takes longer than expected',
  skipped: 'left out more rows than expected',
  empty: 'had nothing to deliver',
  shrunken: 'delivered much less than before',
  late: 'was not delivered in time',
  retrying: 'has failed several times and is tried again',
  quota: 'has come near what a quota allows',
} as const

type ToldRun = Pick<Run, 'id' | 'subjectId' | 'sandboxId' | 'principalId'>

interface Teller {
  readonly notify: Pick<Notify, 'send'>
}

interface WholeTeller extends Teller {
  readonly lineage: Lineage
}

/** Tells whoever subscribed to the flow, and webhooks, once for each run. */
export async function tellExport(
  teller: Teller,
  tx: Transaction,
  told: {
    readonly run: ToldRun
    readonly type: keyof typeof happened
    readonly text?: string
    readonly detail?: Readonly<Record<string, unknown>>
  },
): Promise<void> {
  const { run, type, text, detail } = told
  const flowId = flowIdOf(run.subjectId)
  const flow = await selectEntity(tx, run.sandboxId, 'flows', flowId)
  if (!flow) return // Deleted: nobody waits for it.
  const name = String(flow.document['name'])
  await tellSubscribers(teller, tx, {
    sandboxId: run.sandboxId,
    principalId: run.principalId,
    assetId: flowId,
    assetName: name,
    alertType: type,
    key: `export run ${run.id} ${type}`,
    topic: `export.${type}`,
    title: `The export ${JSON.stringify(name)} ${happened[type]}`,
    text,
    detail: { runId: run.id, ...detail },
  })
}

/** What follows from a delivery, in the transaction that records it. */
export async function tellPublished(
  teller: WholeTeller,
  tx: Transaction,
  { run, plan, manifest }: { readonly run: Run; readonly plan: ExportPlan; readonly manifest: Manifest },
): Promise<void> {
  const { rowCount, source } = manifest
  const { skippedRowCount = 0 } = source
  const detail = { datasetId: plan.datasetId, rowCount, skippedRowCount, bytes: manifest.bytes }
  const text = `${rowCount} rows of ${JSON.stringify(plan.datasetName)} were delivered.`
  await tellExport(teller, tx, { run, type: 'success', text, detail })
  const statistics = { rowCount, size: manifest.bytes, fileCount: manifest.files.length }
  await tellLineage(teller, tx, { run, type: 'COMPLETE', statistics })
  if (rowCount === 0) await tellExport(teller, tx, { run, type: 'empty', detail })
  const asset = { sandboxId: run.sandboxId, assetId: flowIdOf(run.subjectId) }
  const skippedShareMax = await skippedShareOf(tx, asset, skippedPercentDefault)
  if (skippedRowCount > skippedShareMax * (rowCount + skippedRowCount)) {
    const skipped = `${skippedRowCount} of ${rowCount + skippedRowCount} rows were left out.`
    await tellExport(teller, tx, { run, type: 'skipped', text: skipped, detail })
  }
  if (plan.content !== 'full' || plan.repeats !== undefined) return
  const before = await selectLastFull(tx, {
    runId: run.id,
    flowId: manifest.exportId,
    datasetId: plan.datasetId,
  })
  if (before === undefined || rowCount >= shrunkenShare * before) return
  const shrunken = `${rowCount} rows were delivered; there were ${before} the time before.`
  await tellExport(teller, tx, {
    run,
    type: 'shrunken',
    text: shrunken,
    detail: { ...detail, rowCountBefore: before },
  })
}

/** In the transaction that ends a run as failed for good. */
export async function tellFailed(
  teller: WholeTeller,
  tx: Transaction,
  run: Run,
  { code, message }: Pick<AppError, 'code' | 'message'>,
): Promise<void> {
  await tellExport(teller, tx, { run, type: 'failure', text: message, detail: { error: { code, message } } })
  await tellLineage(teller, tx, { run, type: 'FAIL', message })
}

export function toldRunOf(row: DelayedRun): ToldRun {
  return {
    id: row.id,
    subjectId: row.subject_id,
    sandboxId: row.sandbox_id,
    principalId: row.principal_id,
  }
}

/** Undefined: it does not, or nobody knows why. */
export function whyItWaits({ state, message }: DelayedRun): string | undefined {
  return state === 'waiting' && message !== null ? `It waits: ${message}` : undefined
}

interface LookOptions {
  readonly notify: Pick<Notify, 'send' | 'isMailing'>
  readonly metadata: Metadata
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Tells of runs that are not over so long after they were made, whether or not anybody works on them: once each. See
 * `tellEach`.
 */
export async function tellDelays(options: LookOptions, start?: PageStart): Promise<PageStart | undefined> {
  const { metadata, clock, notify } = options
  const late = { now: clock.now(), delayMinutesDefault, isMailing: notify.isMailing }
  return await tellEach(options, {
    alertType: 'delay',
    start,
    select: (page) => selectDelayedRuns(metadata.db, late, page),
    timeOf: (row) => row.created_at,
    tell: async (row) => {
      const text = whyItWaits(row)
      const told = { run: toldRunOf(row), type: 'delay', ...(text === undefined ? {} : { text }) } as const
      await metadata.transaction((tx) => tellExport(options, tx, told))
    },
  })
}

/** Tells of runs that have failed again and again and are tried once more: once each. See `tellEach`. */
export async function tellRetries(options: LookOptions, start?: PageStart): Promise<PageStart | undefined> {
  const { metadata, notify } = options
  const retried = { failureCountMin, isMailing: notify.isMailing }
  return await tellEach(options, {
    alertType: 'retrying',
    start,
    select: (page) => selectRetriedRuns(metadata.db, retried, page),
    timeOf: (row) => row.created_at,
    tell: async (row) => {
      const told = { run: toldRunOf(row), type: 'retrying', text: row.message ?? '' } as const
      await metadata.transaction((tx) => tellExport(options, tx, told))
    },
  })
}
