import { randomUUID } from 'node:crypto'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { type FlowId, isId, type RunId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Jobs } from '#jobs/jobs.ts'
import { lockEntity, selectEntity, selectExportRun, selectUnfinishedRuns } from '#metadata/exports.ts'
import { hasEnded, type RunRow, selectRun } from '#metadata/jobs.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { auditKept } from '../rules/audit-kept.ts'
import { type FlowDocument, readDocument } from '../documents/entity-schemas.ts'
import type { Exports, RunAction } from '../exports.ts'
import { type PlanOptions, requireExport, requireOpen } from '../plan/plan.ts'
import { requireVersion } from '../documents/entity-etag.ts'
import { laneOf } from '../documents/run-order.ts'
import { type AdHocWindow, adHocWindow, pinWindow } from './ad-hoc-window.ts'
import { datasetIdOf, flowIdOf, isScheduled, sharesOf } from '../run-subject.ts'
import { checkAdHocAge } from '../run/strict-guardrails.ts'
import { unknownResource } from '../unknown-resource.ts'
import { isOpenAgain, refuseOverlaps, windowKey, windowOf, windowRunsIn } from './window-runs.ts'

export interface RunControlOptions extends PlanOptions {
  readonly jobs: Jobs
}

export type RunControl = Pick<Exports, 'runNow' | 'runDatasets' | 'controlRun'> & {
  /** Those that the flow exports. */
  datasetIds(caller: Caller, flowId: FlowId): Promise<readonly string[]>
  /** For whoever has asked whether the caller may: runs of a flow's datasets, in the transaction. Ring after it. */
  enqueueIn(tx: Transaction, caller: Caller, flowId: FlowId, wanted: WantedRuns): Promise<readonly MadeRun[]>
  ring(): void
}

export interface WantedRuns {
  /** Absent: all of the flow. */
  readonly datasetIds?: readonly string[]
  readonly tick: string
  readonly payload?: Readonly<Record<string, unknown>>
  /** Refuse a dataset that has a run under way. */
  readonly isAlone?: boolean
  /** In the audit log. */
  readonly action?: string
}

interface MadeRun {
  readonly datasetId: string
  readonly runId: RunId
}

/** What people do with runs. Whoever starts one, it delivers what its dataset's chain has not. */
export function createRunControl(options: RunControlOptions): RunControl {
  const { metadata, access, jobs, clock } = options

  async function audit(tx: Transaction, caller: Caller, action: string, flowId: string, detail = {}) {
    const flow = await selectEntity(tx, caller.sandbox.id, 'flows', flowId)
    await access.audit(
      {
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action,
        assetType: 'Destination',
        assetId: flowId,
        status: 'Allow',
        detail: { ...(flow ? { assetName: String(flow.document['name']) } : {}), ...detail },
      },
      tx,
    )
  }

  async function enqueueIn(
    tx: Transaction,
    caller: Caller,
    flowId: FlowId,
    wanted: WantedRuns,
  ): Promise<MadeRun[]> {
    const { flow, datasetIds, firstDatasetId } = await readFlow(tx, caller, flowId)
    const unknown = wanted.datasetIds?.find((id) => !datasetIds.includes(id))
    if (unknown !== undefined)
      throw new AppError('flow.invalid', `The flow ${flowId} does not export the dataset ${unknown}.`)
    await audit(tx, caller, wanted.action ?? 'export', flowId, wanted.payload ?? {})
    const lane = await laneOf(tx, caller.sandbox.id, flow)
    const runs: MadeRun[] = []
    for (const { subjectId, payload } of sharesOf(flowId, wanted.datasetIds ?? datasetIds, firstDatasetId)) {
      if (wanted.isAlone === true) await requireIdle(tx, flowId, subjectId)
      // One that has failed is before it in the chain.
      await jobs.retryNow(tx, 'export', subjectId)
      const runId = await jobs.enqueue(tx, {
        kind: 'export',
        subjectId,
        tick: wanted.tick,
        dueAt: clock.now(),
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        payload: { ...payload, ...wanted.payload },
        priority: flow.scheduleParams.priority ?? 0,
        ...lane,
      })
      runs.push({ datasetId: String(payload['datasetId']), runId })
    }
    return runs
  }

  async function refuseClosed(
    caller: Caller,
    flowId: FlowId,
    /** Absent: all of the flow. */
    datasetIds: readonly string[] | undefined,
  ): Promise<void> {
    const all = datasetIds ?? (await metadata.transaction((tx) => readFlow(tx, caller, flowId))).datasetIds
    try {
      await requireOpen(options, caller, { flowId, datasetIds: all })
    } catch (error) {
      if (error instanceof AppError && error.code === 'export.closed') {
        const detail = { code: error.code, reason: error.message }
        const who = { principalId: caller.principal.id, sandboxId: caller.sandbox.id }
        await metadata.transaction((tx) =>
          auditKept({ access }, tx, { action: 'export', ...who, flowId, detail }),
        )
      }
      throw error
    }
  }

  async function requireStarter(caller: Caller): Promise<void> {
    await requireExport(options, caller)
    const { principal, sandbox } = caller
    await access.require({ principal, permission: 'view-datasets', sandboxId: sandbox.id })
  }

  /** Whether somebody may start a run by hand, and may now. */
  async function requireRun(
    caller: Caller,
    flowId: FlowId,
    { datasetIds, payload }: Pick<WantedRuns, 'datasetIds' | 'payload'>,
  ): Promise<void> {
    await requireStarter(caller)
    if (payload?.['overridesWindows'] !== true) await refuseClosed(caller, flowId, datasetIds)
  }

  async function enqueue(caller: Caller, flowId: FlowId, wanted: WantedRuns): Promise<MadeRun[]> {
    await requireRun(caller, flowId, wanted)
    const made = await metadata.transaction((tx) => enqueueIn(tx, caller, flowId, wanted))
    jobs.ring()
    return made
  }

  async function controlRun(caller: Caller, runId: RunId, action: RunAction, etag?: string) {
    await requireExport(options, caller)
    const row = await selectRun(metadata.db, runId)
    if (row?.kind !== 'export' || row.sandbox_id !== caller.sandbox.id) throw unknownResource('runs', runId)
    if (etag !== undefined) requireVersion(etag, etagOfRun(row))
    const isOver = hasEnded(row)
    if (action === 'retry' && isOver) return await again(caller, row)
    if (isOver) {
      throw new AppError('flow.invalid', `The run ${runId} is over: it is ${row.state}.`, {
        hint: 'RE_TRIGGER makes a new run of it.',
        detail: { flowCode: 'FLOW-1416-400' },
      })
    }
    if (row.is_sealed && action !== 'retry') {
      throw new AppError('flow.invalid', `The run ${runId} is sealed: it goes on until it is published.`, {
        detail: { flowCode: 'FLOW-1417-400' },
      })
    }
    await metadata.transaction((tx) =>
      audit(tx, caller, `${action} run`, flowIdOf(row.subject_id), { runId }),
    )
    if (action === 'cancel') await jobs.cancel(runId, caller.principal.id)
    else if (action === 'pause') await jobs.pause(runId, caller.principal.id)
    else await jobs.resume(runId)
    const changed = await selectRun(metadata.db, runId)
    return { id: runId, etag: etagOfRun(changed ?? row) }
  }

  /** From the last good state: a new run, which delivers what has not been, in the folder of the first one's tick. */
  async function again(caller: Caller, row: RunRow) {
    await requireStarter(caller)
    const exported = await selectExportRun(metadata.db, row.id)
    const datasetId = exported?.dataset_id ?? datasetIdOf(row.payload)
    const flowId = flowIdOf(row.subject_id)
    const isLive = row.payload['repeats'] === undefined && row.payload['window'] === undefined
    if (isLive) await refuseClosed(caller, flowId, datasetId === undefined ? undefined : [datasetId])
    // What it was asked to deliver beside the live runs stays so; whom it was allowed to pass over does not.
    const { repeats, window, isAdHoc } = row.payload
    const [run] = await metadata.transaction(async (tx) => {
      if (!(await lockEntity(tx, caller.sandbox.id, 'flows', flowId))) throw unknownResource('flows', flowId)
      if (window !== undefined && isAdHoc !== true) await requireWindowOpen(tx, flowId, row)
      return await enqueueIn(tx, caller, flowId, {
        ...(datasetId === undefined ? {} : { datasetIds: [datasetId] }),
        tick: `again ${randomUUID()}`,
        payload: {
          ...(repeats === undefined ? {} : { repeats }),
          ...(window === undefined ? {} : { window }),
          ...(isAdHoc === true ? { isAdHoc } : {}),
          retryOf: row.id,
          scheduledAt: scheduledAtOf(row),
        },
      })
    })
    jobs.ring()
    if (!run) throw new AppError('flow.invalid', `The flow of run ${row.id} exports nothing any more.`)
    const made = await selectRun(metadata.db, run.runId)
    return { id: run.runId as string, etag: etagOfRun(must(made, `run ${run.runId} was made a moment ago`)) }
  }

  async function readFlow(tx: Transaction, caller: Caller, flowId: FlowId) {
    const missing = unknownResource('flows', flowId)
    const row = isId('flow', flowId) ? await selectEntity(tx, caller.sandbox.id, 'flows', flowId) : undefined
    if (!row) throw missing
    const flow: FlowDocument = readDocument('flows', row.document)
    const sourceId = flow.sourceConnectionIds[0] ?? ''
    const source = await selectEntity(tx, caller.sandbox.id, 'sourceConnections', sourceId)
    if (!source) throw missing
    const { datasets } = readDocument('sourceConnections', source.document).params
    const datasetIds = datasets.map(({ dataSetId }) => dataSetId)
    const first = row.document['firstDatasetId']
    return { flow, datasetIds, firstDatasetId: typeof first === 'string' ? first : datasetIds[0] }
  }

  return {
    enqueueIn,
    ring: () => jobs.ring(),
    runNow: async (caller, flowId, { overridesWindows = false } = {}) => {
      if (overridesWindows) {
        const { principal, sandbox } = caller
        await access.require({ principal, permission: 'manage-data-usage-policies', sandboxId: sandbox.id })
      }
      const [first] = await enqueue(caller, flowId, {
        tick: `by hand ${randomUUID()}`,
        ...(overridesWindows ? { payload: { overridesWindows } } : {}),
      })
      if (!first) throw new AppError('flow.invalid', `The flow ${flowId} exports no dataset.`)
      return first.runId
    },
    runDatasets: async (caller, wanted) => {
      const windows = new Map<string, AdHocWindow>()
      for (const { flowId, datasetIds, backfills = new Map() } of wanted) {
        await checkAdHocAge(options, caller, flowId)
        await requireRun(caller, flowId, { datasetIds })
        for (const [datasetId, backfill] of backfills)
          windows.set(
            `${flowId} ${datasetId}`,
            await adHocWindow(options, caller, { flowId, datasetId, backfill }),
          )
      }
      const tick = `ad hoc ${randomUUID()}`
      const made = await metadata.transaction(async (tx) => {
        const runs: MadeRun[] = []
        for (const { flowId, datasetIds } of wanted) {
          // Of two who ask in the same moment the second finds the run of the first.
          await lockEntity(tx, caller.sandbox.id, 'flows', flowId)
          for (const datasetId of datasetIds) {
            const window = windows.get(`${flowId} ${datasetId}`)
            const made = await enqueueIn(tx, caller, flowId, {
              datasetIds: [datasetId],
              tick,
              isAlone: true,
              ...(window ? { action: 'backfill', payload: window.payload } : {}),
            })
            for (const { runId } of window ? made : []) await pinWindow(options, tx, window!, runId)
            runs.push(...made)
          }
        }
        return runs
      })
      jobs.ring()
      return made
    },
    controlRun,
    datasetIds: async (caller, flowId) => {
      await requireExport(options, caller)
      return (await metadata.transaction((tx) => readFlow(tx, caller, flowId))).datasetIds
    },
  }
}

/** A window is delivered once: by the newest of its runs, and by no other that overlaps it. */
async function requireWindowOpen(tx: Transaction, flowId: FlowId, row: RunRow): Promise<void> {
  const { payload } = row
  const runs = await windowRunsIn(tx, flowId, {
    datasetIds: [String(payload['datasetId'])],
    ...windowOf(payload),
  })
  const newest = runs.get(windowKey(row)) ?? row
  if (newest.id !== row.id || !isOpenAgain(newest))
    throw new AppError(
      'flow.invalid',
      newest.id === row.id
        ? `The run ${row.id} has delivered its window of record time.`
        : `The window of run ${row.id} was asked for again: run ${newest.id} is ${newest.state}.`,
      {
        hint: isOpenAgain(newest)
          ? `Make run ${newest.id} again instead.`
          : `Once it has succeeded, POST exports/runs/${newest.id}/repeat delivers it again and says so.`,
      },
    )
  refuseOverlaps(runs.values(), [payload])
}

/** The words that clients of the ad hoc address look for. */
async function requireIdle(tx: Transaction, flowId: string, subjectId: string): Promise<void> {
  const [run] = await selectUnfinishedRuns(tx, { flowId, subjectId })
  if (!run) return
  throw new AppError('flow.invalid', `Run already going on for flow ${flowId}: ${run.id} is ${run.state}.`, {
    hint: 'Wait until it is over.',
  })
}

export function etagOfRun(run: Pick<RunRow, 'fence' | 'updated_at'>): string {
  return `"${run.fence}-${run.updated_at.getTime().toString(16)}"`
}

/** The tick that a run was made for, or when it was asked for. */
function scheduledAtOf({ tick, payload, created_at: createdAt }: RunRow): string {
  const earlier = payload['scheduledAt']
  if (typeof earlier === 'string') return earlier
  return isScheduled(tick) ? tick : createdAt.toISOString()
}
