import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import {
  type DatasetId,
  type FlowId,
  isId,
  parseId,
  type RunId,
  type SnapshotId,
  type TableId,
} from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Engine } from '#engine/engine.ts'
import type { Commit } from '#lake/lake.ts'
import {
  lockChain,
  lockEntity,
  selectEntity,
  selectExportRun,
  selectUnfinishedRuns,
} from '#metadata/exports.ts'
import { selectWindowRuns } from '#metadata/export-windows.ts'
import { selectRun } from '#metadata/jobs.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { pinMs } from './ad-hoc-window.ts'
import { dryRunOf } from '../plan/dry-run.ts'
import type { Backfill, Exports } from '../exports.ts'
import { manifestName } from '../manifests/names.ts'
import { windowColumn } from '../plan/plan-content.ts'
import { pinOwner, readPlan } from '../export-plan.ts'
import { planAhead, type PlanOptions, readFlow, requireExport, requireView } from '../plan/plan.ts'
import { cutWindows, type RecordWindow } from '../record-windows.ts'
import type { RunControl } from './run-control.ts'
import { flowIdOf } from '../run-subject.ts'
import { isOnlyNew } from '../documents/start-sequences.ts'
import { unknownResource } from '../unknown-resource.ts'
import { isOpenAgain, refuseOverlaps, windowKey, windowRun, windowRunsIn } from './window-runs.ts'

interface RedeliverOptions extends PlanOptions {
  readonly engine: Engine
  readonly spoolFolder: string
  readonly control: Pick<RunControl, 'enqueueIn' | 'ring'>
}

/** Each is counted and read from while who asked waits. */
const dryRunWindowsMax = 50

/** Deliveries beside the live ones: they take their turn in the chain and leave its watermark where it is. */
export function createRedeliver(
  options: RedeliverOptions,
): Pick<Exports, 'repeatRun' | 'sealedManifest' | 'repeatAhead' | 'backfill' | 'backfillAhead' | 'windows'> {
  const { metadata, lake, clock, control } = options

  /** A run that was published. */
  async function published(caller: Caller, runId: RunId) {
    await requireExport(options, caller)
    const row = await selectRun(metadata.db, runId)
    const exported = await selectExportRun(metadata.db, runId)
    if (row?.kind !== 'export' || row.sandbox_id !== caller.sandbox.id) throw unknownResource('runs', runId)
    if (!exported?.published_at)
      throw new AppError('flow.invalid', `The run ${runId} has delivered nothing: it is ${row.state}.`, {
        hint: 'RE_TRIGGER makes a run that delivers what has not been.',
      })
    const text = must(exported.manifest, 'what was published was sealed')
    return { flowId: flowIdOf(row.subject_id), plan: readPlan(exported.plan), text }
  }

  /** One that can be made again. */
  async function past(caller: Caller, runId: RunId) {
    const { flowId, plan } = await published(caller, runId)
    if (plan.snapshotId !== undefined)
      await lake.snapshot(plan.tableId as TableId, plan.snapshotId as SnapshotId)
    const payload = {
      datasetId: plan.datasetId,
      repeats: plan.repeats ?? runId,
      scheduledAt: plan.scheduledAt,
    }
    return { flowId, plan, payload }
  }

  /** Up to which commit windows read, and its snapshot: what live runs deliver comes after it. */
  async function boundOf(tx: Transaction, caller: Caller, flowId: FlowId, datasetId: DatasetId) {
    const source = await readFlow(options, { caller, flowId, datasetId })
    const chain = await lockChain(tx, flowId, datasetId)
    const startsNew = isOnlyNew(source.document)
    if (!chain && !startsNew)
      throw new AppError(
        'flow.invalid',
        'The first delivery of the export, which holds everything, is still to come.',
        {
          hint: 'Let it come, or make an export that startsWith "new".',
        },
      )
    const { tableId } = source.dataset
    const throughSequence = startsNew
      ? source.startSequence
      : Number(must(chain, 'an export that has delivered has a chain').watermark_sequence)
    const snapshotId = snapshotOf(await lake.commits(tableId), throughSequence)
    if (snapshotId === undefined && throughSequence > 0)
      throw new AppError('source.removed', `The table's snapshot of commit ${throughSequence} has expired.`, {
        hint: startsNew
          ? 'Make another export that startsWith "new"; windows of it read the table as it is then.'
          : 'Run the export, and then ask again: windows read the table as it is at the last delivery.',
      })
    return { tableId, throughSequence, snapshotId }
  }

  async function payloads(
    tx: Transaction,
    caller: Caller,
    flowId: FlowId,
    datasetId: DatasetId,
    windows: readonly RecordWindow[],
  ) {
    const { tableId, throughSequence, snapshotId } = await boundOf(tx, caller, flowId, datasetId)
    windowColumn(await lake.table(tableId)) // Said now, not by each of the runs.
    const scheduledAt = clock.now().toISOString()
    return {
      tableId,
      snapshotId,
      payloads: windows.map(({ from, before }) => ({
        datasetId,
        scheduledAt,
        window: { from, before, throughSequence, ...(snapshotId === undefined ? {} : { snapshotId }) },
      })),
    }
  }

  /** Of what was asked for, the windows that were not delivered and that no run is about to. */
  async function toMake(
    tx: Transaction,
    caller: Caller,
    flowId: FlowId,
    { datasetIds, spans, reach }: AskedWindows,
  ) {
    const there = await windowRunsIn(tx, flowId, reach)
    const windows = []
    for (const datasetId of datasetIds) {
      const { payloads: all, ...table } = await payloads(tx, caller, flowId, datasetId, spans)
      refuseOverlaps(there.values(), all)
      for (const payload of all) {
        const before = there.get(windowKey({ payload }))
        if (!before || isOpenAgain(before)) windows.push({ payload, before, ...table })
      }
    }
    return windows
  }

  /** Until the end of the transaction nobody else decides what of the flow is delivered beside the live runs. */
  async function lockFlow(tx: Transaction, caller: Caller, flowId: FlowId): Promise<void> {
    if (!isId('flow', flowId) || !(await lockEntity(tx, caller.sandbox.id, 'flows', flowId)))
      throw unknownResource('flows', flowId)
  }

  return {
    windows: async (caller, flowId, page) => {
      await requireExport(options, caller)
      const isThere = isId('flow', flowId)
        ? await selectEntity(metadata.db, caller.sandbox.id, 'flows', flowId)
        : undefined
      if (!isThere) throw unknownResource('flows', flowId)
      return (await selectWindowRuns(metadata.db, flowId, page)).map(windowRun)
    },
    repeatRun: async (caller, runId) => {
      const { flowId, plan, payload } = await past(caller, runId)
      const found = await metadata.transaction(async (tx) => {
        // Two who ask in the same moment get one run.
        await lockFlow(tx, caller, flowId)
        const waiting = (await selectUnfinishedRuns(tx, { flowId })).find(
          (run) => run.payload['repeats'] === payload.repeats,
        )
        if (waiting) return { runId: waiting.id, isNew: false }
        const [run] = await control.enqueueIn(tx, caller, flowId, {
          action: 'repeat run',
          datasetIds: [plan.datasetId],
          tick: `repeat ${payload.repeats} ${clock.now().getTime()}`,
          payload,
        })
        return { runId: must(run, 'a dataset of a flow has a run').runId, isNew: true }
      })
      control.ring()
      return found
    },
    sealedManifest: async (caller, runId) => {
      const { flowId, plan, text } = await published(caller, runId)
      // It says least and greatest values.
      await requireView(options, caller, parseId('dataset', plan.datasetId))
      return {
        name: manifestName({ folder: plan.folder, chainNumber: plan.chain.number, flowId, runId }),
        text,
      }
    },
    repeatAhead: async (caller, runId, { signal }) => {
      const { flowId, plan, payload } = await past(caller, runId)
      const ahead = await planAhead(options, caller, {
        flowId,
        datasetId: parseId('dataset', plan.datasetId),
        payload,
      })
      return await dryRunOf({ ...options, plan: ahead }, signal)
    },
    backfill: async (caller, flowId, wanted) => {
      await requireExport(options, caller)
      const asked = askedWindows(wanted)
      await metadata.transaction(async (tx) => {
        await lockFlow(tx, caller, flowId)
        for (const { payload, before, tableId, snapshotId } of await toMake(tx, caller, flowId, asked)) {
          const { datasetId, window } = payload
          const [run] = await control.enqueueIn(tx, caller, flowId, {
            action: 'backfill',
            datasetIds: [datasetId],
            tick: `window ${window.from}/${window.before}${before ? ` after ${before.id}` : ''}`,
            payload,
          })
          if (snapshotId === undefined || !run) continue
          await lake.pin(tx, {
            tableId,
            snapshotId,
            owner: pinOwner(run.runId),
            until: new Date(clock.now().getTime() + pinMs),
          })
        }
      })
      control.ring()
      const runs = await metadata.transaction((tx) => windowRunsIn(tx, flowId, asked.reach))
      const keys = new Set(
        asked.datasetIds.flatMap((datasetId) =>
          asked.spans.map((window) => windowKey({ payload: { datasetId, window } })),
        ),
      )
      return [...runs].flatMap(([key, run]) => (keys.has(key) ? [windowRun(run)] : []))
    },
    backfillAhead: async (caller, flowId, wanted, { signal }) => {
      await requireExport(options, caller)
      const asked = askedWindows(wanted, { max: dryRunWindowsMax })
      const answers = []
      for (const { payload } of await metadata.transaction((tx) => toMake(tx, caller, flowId, asked))) {
        const { datasetId, window } = payload
        const plan = await planAhead(options, caller, { flowId, datasetId, payload })
        const { from, before } = window
        answers.push({ from, before, ...(await dryRunOf({ ...options, plan }, signal)) })
      }
      return answers
    },
  }
}

interface AskedWindows {
  readonly datasetIds: readonly DatasetId[]
  readonly spans: readonly RecordWindow[]
  readonly reach: RecordWindow & { readonly datasetIds: readonly string[] }
}

/** @throws AppError 'request.invalid' for too many, none, or what is no id */
function askedWindows(wanted: Backfill, limit: { readonly max?: number } = {}): AskedWindows {
  const datasetIds = [...new Set(wanted.datasetIds)].map((id) => parseId('dataset', id))
  const spans = cutWindows(wanted, { datasetCount: datasetIds.length, ...limit })
  const reach = { datasetIds, from: wanted.from.toISOString(), before: wanted.before.toISOString() }
  return { datasetIds, spans, reach }
}

/** The table as it was with a commit: its snapshot, or one of those after it that hold the same rows in other files. */
export function snapshotOf(commits: readonly Commit[], throughSequence: number): SnapshotId | undefined {
  const exact = commits.find(({ commitSequence }) => commitSequence === throughSequence)
  if (exact) return exact.snapshotId
  const next = commits.find(({ commitSequence }) => commitSequence === throughSequence + 1)
  return next?.operation === 'replace' ? next.snapshotId : undefined
}
