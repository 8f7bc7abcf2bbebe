import type { Access } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import { isWhole } from '#access/decide.ts'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { type DatasetId, type FlowId, parseId } from '#base/ids.ts'
import type { Caller, Dataset, Datasets } from '#datasets/datasets.ts'
import type { Run, RunContext } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import { selectOrganizationName } from '#metadata/access.ts'
import {
  type ChainRow,
  type ExportRunRow,
  insertExportRun,
  lockChain,
  selectEntity,
  selectExportRun,
  selectExportsUnderWay,
} from '#metadata/exports.ts'
import { lockExported } from '#metadata/export-rules.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import type { ScheduledWriters } from '#query/scheduled-writers.ts'
import type { Clock } from '#base/clock.ts'
import { type DestinationKind, destinationKindOf } from '../destination-specs.ts'
import { checkDestination, checkQuotas, rulesOf } from '../rules/enforce-rules.ts'
import { closedUntil, type Delivered, fullWindow } from '../rules/enforce-windows.ts'
import { encryptionOf } from '../destinations/encryption.ts'
import { type FlowDocument, readDocument, type TargetParams } from '../documents/entity-schemas.ts'
import { type ExportPlan, readPlan } from '../export-plan.ts'
import { expandFolderTemplate } from '../documents/folder-template.ts'
import type { LandingPlace } from '../destinations/landing-place.ts'
import { contentOf } from './plan-content.ts'
import { overlapWarnings } from '../documents/overlap.ts'
import { requireEntitled } from '../rules/require-entitled.ts'
import { datasetIdOf, flowIdOf, isScheduled } from '../run-subject.ts'
import { startSequenceOf } from '../documents/start-sequences.ts'
import { pinPlanned } from '../rules/stop-at-close.ts'
import { targetStore } from '../destinations/target-store.ts'
import { locationOf } from '../destinations/target.ts'

/** A run that finds a window full looks again after so long, or twice that. */
const fullMs = 10_000

export interface PlanOptions {
  readonly metadata: Metadata
  readonly secrets: SecretStore
  readonly access: Access
  readonly datasets: Datasets
  readonly lake: Lake
  readonly clock: Clock
  readonly writers: ScheduledWriters
  readonly home: string
  readonly landing: LandingPlace
}

/**
 * The run's plan, with its snapshot pinned: made and stored in one transaction, or read back. Whoever owns the export
 * must still be allowed to see its data.
 * @throws AppError 'access.denied', 'flow.unknown', 'flow.invalid', 'source.removed', 'dataset.unknown'
 */
export async function pinAndPlan(options: PlanOptions, context: RunContext): Promise<ExportPlan | Closed> {
  const { metadata, clock } = options
  const { run, lease } = context
  const flowId = parseId('flow', flowIdOf(run.subjectId))
  const planned = await selectExportRun(metadata.db, run.id)
  // What is sealed is published, whoever may still do what.
  const caller = planned?.manifest ? undefined : await options.access.actAs(run.principalId, run.sandboxId)
  if (caller) await requireExport(options, caller)
  const request =
    planned || !caller
      ? undefined
      : await readFlow(options, { caller, flowId, datasetId: datasetIdOf(run.payload) })
  let warnings: readonly string[] = []
  if (request && caller) {
    const closed = await closedWindow(options, { caller, request, run })
    if (closed) return closed
    if (isLive(run)) {
      const { document, dataset } = request
      const flow = { params: document.scheduleParams, datasetIds: [dataset.id], isRun: true }
      warnings = await overlapWarnings(options, caller, flow)
    }
  }
  const plan = await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    const stored = await selectExportRun(tx, run.id)
    const full = await fullWindowOf(options, tx, { run, caller, stored, request })
    if (full) return full
    const plan =
      stored || !request || !caller
        ? readPlan(must(stored, `run ${run.id} was planned a moment ago`).plan)
        : await newPlan(options, {
            run,
            caller,
            request,
            chain: await lockChain(tx, flowId, request.dataset.id),
            warnings,
          })
    await pinPlanned(options, tx, { run, plan, from: clock.now() })
    if (!stored) {
      await insertExportRun(tx, {
        run_id: run.id,
        flow_id: flowId,
        dataset_id: plan.datasetId as DatasetId,
        plan: JSON.stringify(plan),
        created_at: clock.now(),
      })
    }
    return plan
  })
  if (isClosed(plan)) return plan
  if (caller) {
    await requireView(options, caller, plan.datasetId as DatasetId)
    // Rules may have changed since it was planned.
    if (planned) await checkDestination(options, caller, plan)
  }
  await faultPoint('export.pin.after')
  return plan
}

interface FlowRequest {
  readonly flowId: FlowId
  /** After which commit an export of only what is new begins. */
  readonly startSequence: number
  readonly document: FlowDocument
  readonly dataset: Dataset
  readonly target: TargetParams
  readonly kind: DestinationKind
  readonly connectionId: string
}

/** Of neither rows of some times nor what was delivered before. */
function isLive({ payload }: Pick<Run, 'payload'>): boolean {
  return payload['window'] === undefined && payload['repeats'] === undefined
}

/** As a run of the dataset with this payload that begins now would be planned; nothing is pinned. */
export async function planAhead(
  options: PlanOptions,
  caller: Caller,
  {
    flowId,
    datasetId,
    payload = {},
  }: {
    readonly flowId: FlowId
    readonly datasetId: DatasetId
    readonly payload?: Readonly<Record<string, unknown>>
  },
): Promise<ExportPlan> {
  await requireExport(options, caller)
  const request = await readFlow(options, { caller, flowId, datasetId })
  const chain = await options.metadata.transaction((tx) => lockChain(tx, flowId, datasetId))
  const run = { tick: '', payload, createdAt: options.clock.now() }
  return await newPlan(options, { run, caller, request, chain })
}

/** Exporting takes more than one permission; that its dataset may be seen is asked where that is known. */
export async function requireExport(
  { access }: Pick<PlanOptions, 'access'>,
  { principal, sandbox }: Caller,
): Promise<void> {
  for (const permission of ['manage-dataset-destinations', 'view-destinations'] as const)
    await access.require({ principal, permission, sandboxId: sandbox.id })
}

/** The flow's document with the dataset named, or else its first, which the caller may see. */
export async function readFlow(
  options: PlanOptions,
  {
    caller,
    flowId,
    datasetId: asked,
  }: { readonly caller: Caller; readonly flowId: FlowId; readonly datasetId: string | undefined },
): Promise<FlowRequest> {
  const { metadata, datasets } = options
  const { document, stored } = await storedDocument(metadata, caller, 'flows', flowId)
  const { document: source } = await storedDocument(
    metadata,
    caller,
    'sourceConnections',
    document.sourceConnectionIds[0] ?? '',
  )
  const { document: target } = await storedDocument(
    metadata,
    caller,
    'targetConnections',
    document.targetConnectionIds[0] ?? '',
  )
  const named = source.params.datasets.find(({ dataSetId }) => asked === undefined || dataSetId === asked)
  if (!named) throw new AppError('flow.unknown', `The dataset ${asked} was removed from the export.`)
  const datasetId = parseId('dataset', named.dataSetId)
  await requireView(options, caller, datasetId)
  const dataset = await datasets.get(caller, datasetId)
  await requireEntitled(metadata, caller, dataset)
  return {
    flowId,
    document,
    dataset,
    startSequence: startSequenceOf(stored, datasetId),
    target: target.params,
    kind: must(destinationKindOf(target.connectionSpec.id), 'a target was checked when it was made'),
    connectionId: target.baseConnectionId,
  }
}

async function storedDocument<K extends 'flows' | 'sourceConnections' | 'targetConnections'>(
  { db }: Metadata,
  caller: Caller,
  kind: K,
  id: string,
) {
  const row = await selectEntity(db, caller.sandbox.id, kind, id)
  if (!row) throw new AppError('flow.unknown', `The export's ${kind} ${id} was deleted.`)
  const { state: _state, ...document } = row.document
  return { document: readDocument(kind, document), stored: row.document }
}

/** Delivered files carry no policy: who may see only a part of the rows or columns delivers nothing. */
export async function requireView(
  { access }: Pick<PlanOptions, 'access'>,
  caller: Caller,
  datasetId: DatasetId,
): Promise<void> {
  const decision = await access.require({
    principal: caller.principal,
    permission: 'view-datasets',
    sandboxId: caller.sandbox.id,
    datasetId,
  })
  if (!isWhole(decision))
    throw new AppError('access.denied', 'The dataset may only be seen in part, so it is not exported.')
}

/** The destination takes no deliveries now. */
export interface Closed {
  readonly reason: string
  readonly opensAt: Date
  /** Absent where a window is not open, as such a run has not begun. */
  readonly hasBegun?: boolean
}

export function isClosed(plan: ExportPlan | Closed): plan is Closed {
  return 'opensAt' in plan
}

/** The delivery window that keeps the run waiting. */
async function closedWindow(
  options: PlanOptions,
  { caller, request, run }: { readonly caller: Caller; readonly request: FlowRequest; readonly run: Run },
): Promise<Closed | undefined> {
  if (run.payload['overridesWindows'] === true) return undefined
  const location = locationOf(await targetStore(options, caller.sandbox.id, request))
  const delivered = { sandboxId: caller.sandbox.id, datasetId: request.dataset.id, location }
  const closed = await closedUntil(options, delivered)
  return closed && { reason: `The window ${JSON.stringify(closed.name)} is closed.`, opensAt: closed.until }
}

/** The delivery window that takes no more at a time. Whoever else asks waits for the end of the transaction. */
async function fullWindowOf(
  options: PlanOptions,
  tx: Transaction,
  {
    run,
    caller,
    stored,
    request,
  }: {
    readonly run: Run
    readonly caller: Caller | undefined
    readonly stored: ExportRunRow | undefined
    readonly request: FlowRequest | undefined
  },
): Promise<Closed | undefined> {
  if (!caller || run.payload['overridesWindows'] === true) return undefined
  const sandboxId = caller.sandbox.id
  const limited = (await rulesOf(options, sandboxId)).some(
    ({ rule }) => rule.kind === 'window' && rule.window.parallelRunsMax !== undefined,
  )
  if (!limited) return undefined
  await lockExported(tx, sandboxId)
  const deliveredBy = (row: ExportRunRow): Delivered => {
    const { datasetId, target } = readPlan(row.plan)
    return { sandboxId, datasetId, location: locationOf(target) }
  }
  const target = request && (await targetStore(options, sandboxId, request))
  const delivered: Delivered =
    stored || !request || !target
      ? deliveredBy(must(stored, `run ${run.id} was planned a moment ago`))
      : { sandboxId, datasetId: request.dataset.id, location: locationOf(target) }
  const others = (await selectExportsUnderWay(tx, sandboxId)).filter((row) => row.run_id !== run.id)
  const full = await fullWindow(options, delivered, others.map(deliveredBy))
  if (!full) return undefined
  return {
    reason: `The window ${JSON.stringify(full.name)} takes ${full.window.parallelRunsMax} deliveries at a time.`,
    // Two that look at the same moment look again at different ones.
    opensAt: new Date(options.clock.now().getTime() + fullMs * (1 + Math.random())),
    hasBegun: stored !== undefined,
  }
}

/**
 * What a person starts does not wait for a window: it is refused while one is closed.
 * @throws AppError 'export.closed'
 */
export async function requireOpen(
  options: PlanOptions,
  caller: Caller,
  asked: { readonly flowId: FlowId; readonly datasetIds: readonly string[] },
): Promise<void> {
  const rules = await rulesOf(options, caller.sandbox.id)
  if (!rules.some(({ rule }) => rule.kind === 'window')) return
  for (const datasetId of asked.datasetIds) {
    const request = await readFlow(options, { caller, flowId: asked.flowId, datasetId })
    const location = locationOf(await targetStore(options, caller.sandbox.id, request))
    const closed = await closedUntil(options, { sandboxId: caller.sandbox.id, datasetId, location })
    if (!closed) continue
    throw new AppError(
      'export.closed',
      `The window ${JSON.stringify(closed.name)} is closed until ${closed.until.toISOString()}.`,
      { hint: 'Let the schedule deliver then; who may set rules may say overridesWindows.' },
    )
  }
}

async function encryptionFor({ metadata }: PlanOptions, caller: Caller, { connectionId }: FlowRequest) {
  const row = await selectEntity(metadata.db, caller.sandbox.id, 'connections', connectionId)
  const { auth: _auth, ...document } = row?.document ?? {}
  return row && (await encryptionOf(readDocument('connections', document).encryptionSpecs))
}

async function newPlan(
  options: PlanOptions,
  {
    run,
    caller,
    request,
    chain,
    warnings = [],
  }: {
    readonly run: Pick<Run, 'tick' | 'payload' | 'createdAt'>
    readonly caller: Caller
    readonly request: FlowRequest
    readonly chain: ChainRow | undefined
    readonly warnings?: readonly string[]
  },
): Promise<ExportPlan> {
  const { document, dataset, target, flowId } = request
  const { scheduleParams } = document
  const store = await targetStore(options, caller.sandbox.id, request)
  const place = { datasetId: dataset.id, location: locationOf(store) }
  await checkDestination(options, caller, { datasetId: dataset.id, target: store })
  await checkQuotas(options, { caller, ...place, rows: 0, bytes: 0 })
  const encryption = await encryptionFor(options, caller, request)
  const exportAt = scheduledTime(run.payload['scheduledAt'] ?? run.tick) ?? run.createdAt
  const content = await contentOf(options, {
    caller,
    dataset,
    flow: document,
    startSequence: request.startSequence,
    target,
    chain,
    payload: run.payload,
    exportAt,
  })
  return {
    exportName: document.name,
    flowSpecId: document.flowSpec.id,
    datasetId: dataset.id,
    datasetName: dataset.name,
    tableName: dataset.tableName,
    tableId: dataset.tableId,
    schemaId: dataset.schemaId,
    behavior: dataset.behavior,
    sourceConnectionId: document.sourceConnectionIds[0] ?? '',
    targetConnectionId: document.targetConnectionIds[0] ?? '',
    ...content,
    chain: {
      number: (chain?.number ?? 0) + 1,
      ...(chain
        ? { previous: { sha256: chain.manifest_sha256, isElsewhere: chain.location !== locationOf(store) } }
        : {}),
      ...(chain && chain.reset_to_sequence !== null ? { resetTo: Number(chain.reset_to_sequence) } : {}),
    },
    target: store,
    ...(store.kind === 'local' || store.kind === 'landing' ? {} : { connectionId: request.connectionId }),
    folder: expandFolderTemplate(scheduleParams.foldernameTemplate, {
      datasetId: dataset.id,
      datasetName: dataset.name,
      destination: request.kind,
      flowId,
      flowName: document.name,
      sandboxName: caller.sandbox.name,
      organizationName: must(
        await selectOrganizationName(options.metadata.db, caller.principal.organizationId),
        'who asks is of an organisation',
      ),
      exportAt,
    }),
    includeFileManifest: target.includeFileManifest,
    includeSignedManifest: target.includeSignedManifest,
    ...(target.completionMarker === undefined ? {} : { completionMarker: target.completionMarker }),
    ...(encryption ? { encryption } : {}),
    scheduledAt: exportAt.toISOString(),
    ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
  }
}

/** Undefined for runs by hand. */
function scheduledTime(tick: unknown): Date | undefined {
  return typeof tick === 'string' && isScheduled(tick) ? new Date(tick) : undefined
}
