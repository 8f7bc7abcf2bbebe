import { dirname } from 'node:path'
import type { Access } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import { must } from '#base/assert.ts'
import type { Clock } from '#base/clock.ts'
import { AppError, type ErrorCode } from '#base/errors.ts'
import { type FlowId, isId, parseId, type RunId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import type { Caller, Datasets } from '#datasets/datasets.ts'
import type { Engine } from '#engine/engine.ts'
import type { Jobs, Retry, Run } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import {
  entitiesMax,
  selectEntities,
  selectExportJobRuns,
  selectExportRun,
  selectExportRuns,
  selectExportSettings,
  selectChains,
  selectUnfinishedRuns,
  upsertExportSettings,
} from '#metadata/exports.ts'
import { type RunRow, selectRun } from '#metadata/jobs.ts'
import type { ScheduledWriters } from '#query/scheduled-writers.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Lineage } from '#notify/lineage.ts'
import type { Notify } from '#notify/notify.ts'
import { adoptChain } from './control/adopt.ts'
import { auditRefusedRun } from './rules/audit-kept.ts'
import { createEntities } from './entities/entities.ts'
import { readDocument } from './documents/entity-schemas.ts'
import { equalTo, pageOf } from './entity-query.ts'
import type { Adopted, Exports } from './exports.ts'
import type { LandingPlace } from './destinations/landing-place.ts'
import { openDestination } from './destinations/open-destination.ts'
import { checkHeads } from './verify/known-heads.ts'
import { planAhead, readFlow, requireView } from './plan/plan.ts'
import { runDocument } from './control/run-document.ts'
import { dryRun, type DryRun } from './plan/dry-run.ts'
import { createRedeliver } from './control/redeliver.ts'
import { createRuleAdmin } from './rules/rule-admin.ts'
import { createRunControl } from './control/run-control.ts'
import { runExport } from './run/run-export.ts'
import { allSpecs, strictSpecs } from './spec-documents.ts'
import { sweepAbandoned } from './run/sweep.ts'
import { tellFailed } from './tell/tell-export.ts'
import { tellLineage } from './tell/tell-lineage.ts'
import { locationOf } from './destinations/target.ts'
import { targetStore } from './destinations/target-store.ts'
import { testConnection } from './destinations/test-connection.ts'
import { flowIdOf, isScheduled } from './run-subject.ts'
import { unknownResource } from './unknown-resource.ts'
import { verifyLocation } from './verify/verify.ts'

/** Deliveries one node makes at once, and of them to one account: others have a place while it is silent. */
const [parallelRunsMax, laneRunsMax] = [3, 2]

/** For a destination that is away: with waits of up to five minutes it has about half a day to come back. */
const patience: Retry = { failureCountMax: 200, backoff: { firstMs: 1_000, maxMs: 300_000, jitter: 0.5 } }

export interface ExportsOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly secrets: SecretStore
  /** Whether connections may act as this server does. */
  readonly allowsServerIdentity: boolean
  readonly engine: Engine
  readonly lake: Lake
  readonly datasets: Datasets
  /** Who writes what is exported. */
  readonly writers: ScheduledWriters
  readonly jobs: Jobs
  readonly notify: Pick<Notify, 'send'>
  readonly lineage: Lineage
  /** Below our home, as is `keysFolder`: nothing is ever delivered into their parent. */
  readonly spoolFolder: string
  readonly keysFolder: string
  readonly landing: LandingPlace
  readonly clock: Clock
  readonly logger: Logger
  /** Files from this size on are staged while the engine writes them; a test's are small. */
  readonly aheadBytesMin?: number | undefined
}

/**
 * What a schedule began would else wait for its next tick. Who started a run by hand waits for it and is told soon, also
 * where it is behind one of the schedule's.
 */
async function patienceWith({ db }: Metadata, run: Run, code: ErrorCode): Promise<Retry | undefined> {
  const isAway = code === 'store.unreachable' || code === 'store.full'
  if (!isAway || !isScheduled(run.tick)) return undefined
  const { subjectId } = run
  const unfinished = await selectUnfinishedRuns(db, { flowId: flowIdOf(subjectId), subjectId })
  return unfinished.every(({ tick }) => isScheduled(tick)) ? patience : undefined
}

/** Registers the job kind `export`: a run's subject is the flow. */
export function createExports(options: ExportsOptions): Exports {
  const { metadata, access, jobs } = options
  const home = dirname(options.keysFolder)
  jobs.register({
    kind: 'export',
    parallelRunsMax,
    laneRunsMax,
    retryOf: (run, { code }) => patienceWith(metadata, run, code),
    run: (context) => runExport({ ...options, home }, context),
    ended: async (tx, run) => {
      if (run.state === 'failed') {
        await tellFailed(options, tx, run, run)
        await auditRefusedRun(options, tx, run)
      }
      if (run.state === 'cancelled') await tellLineage(options, tx, { run, type: 'ABORT' })
    },
  })

  const control = createRunControl({ ...options, home })

  async function rowOf(caller: Caller, runId: RunId): Promise<RunRow> {
    await access.require({
      principal: caller.principal,
      permission: 'view-destinations',
      sandboxId: caller.sandbox.id,
    })
    const row = await selectRun(metadata.db, runId)
    if (row?.kind !== 'export' || row.sandbox_id !== caller.sandbox.id) throw unknownResource('runs', runId)
    return row
  }

  /** Each reads all that was delivered: one at a time of an export. */
  const verifying = new Set<FlowId>()
  return {
    ...createEntities({ ...options, home }),
    ...control,
    ...createRedeliver({ ...options, home, control }),
    ...createRuleAdmin(options),
    dryRun: async (caller, flowId, { signal }) => {
      const datasetIds = await control.datasetIds(caller, flowId)
      const answers: DryRun[] = []
      for (const datasetId of datasetIds)
        answers.push(
          await dryRun({ ...options, home }, caller, {
            flowId,
            datasetId: parseId('dataset', datasetId),
            signal,
          }),
        )
      return answers
    },
    adopt: async (caller, flowId) => {
      const adopted: Adopted[] = []
      for (const id of await control.datasetIds(caller, flowId)) {
        const plan = await planAhead({ ...options, home }, caller, {
          flowId,
          datasetId: parseId('dataset', id),
        })
        adopted.push(await adoptChain(options, caller, { flowId, plan }))
      }
      return adopted
    },
    flowCount: async ({ sandbox }, datasetId) => {
      const sources = await selectEntities(metadata.db, sandbox.id, 'sourceConnections')
      const ofDataset = sources.flatMap(({ id, document }) => {
        const { datasets } = readDocument('sourceConnections', document).params
        return datasets.some(({ dataSetId }) => dataSetId === datasetId) ? [id] : []
      })
      const flows = await selectEntities(metadata.db, sandbox.id, 'flows')
      return flows.filter(({ document }) =>
        readDocument('flows', document).sourceConnectionIds.some((id) => ofDataset.includes(id)),
      ).length
    },
    verify: async (caller, flowId, { signal }) => {
      const [first, ...others] = await control.datasetIds(caller, flowId)
      for (const datasetId of others) await requireView(options, caller, parseId('dataset', datasetId))
      if (verifying.has(flowId)) {
        throw new AppError('limit.exceeded', 'What this export delivered is being verified already.', {
          hint: 'Ask again when that is done.',
        })
      }
      verifying.add(flowId)
      using ended = new DisposableStack()
      ended.defer(() => verifying.delete(flowId))
      const request = await readFlow({ ...options, home }, { caller, flowId, datasetId: first })
      const target = await targetStore({ ...options, home }, caller.sandbox.id, request)
      await using store = await openDestination(options, { ...request, target }, { signal })
      const location = locationOf(target)
      // What has lain in a landing zone for days is gone from there.
      const known = options.landing.isZone(target) ? [] : await selectChains(metadata.db, flowId)
      const report = await verifyLocation({ store, signal, exportId: flowId })
      const heads = checkHeads(report, known, location)
      const isRight = report.isRight && heads.length === 0
      return { ...report, location, isRight, findings: [...report.findings, ...heads] }
    },
    sweep: (stop) => sweepAbandoned({ ...options, ...stop }),
    testConnection: (caller, id) => testConnection(options, caller, id),
    specs: async ({ principal }) =>
      (await selectExportSettings(metadata.db, principal.organizationId)).isStrict ? strictSpecs : allSpecs,
    settings: async ({ principal, sandbox }) => {
      await access.require({ principal, permission: 'view-destinations', sandboxId: sandbox.id })
      return await selectExportSettings(metadata.db, principal.organizationId)
    },
    putSettings: async ({ principal, sandbox }, change) => {
      await access.require({ principal, permission: 'administer-organization', sandboxId: sandbox.id })
      return await metadata.transaction(async (tx) => {
        const settings = { ...(await selectExportSettings(tx, principal.organizationId)), ...change }
        await upsertExportSettings(tx, principal.organizationId, settings)
        await access.audit(
          {
            principalId: principal.id,
            sandboxId: sandbox.id,
            action: 'update',
            assetType: 'Export settings',
            assetId: principal.organizationId,
            status: 'Allow',
            detail: { ...settings },
          },
          tx,
        )
        return settings
      })
    },
    runDocument: async (caller, runId) => {
      const row = await rowOf(caller, runId)
      return runDocument(row, await selectExportRun(metadata.db, runId), caller)
    },
    runDocuments: async (caller, query) => {
      await access.require({
        principal: caller.principal,
        permission: 'view-destinations',
        sandboxId: caller.sandbox.id,
      })
      const flowId = equalTo(query, 'flowId')
      if (flowId !== undefined && !isId('flow', flowId)) return pageOf([], query)
      const rows = await selectExportJobRuns(metadata.db, {
        sandboxId: caller.sandbox.id,
        flowId,
        limit: entitiesMax,
      })
      const exported = new Map(
        (
          await selectExportRuns(
            metadata.db,
            rows.map((row) => row.id),
          )
        ).map((row) => [row.run_id, row]),
      )
      return pageOf(
        rows.map((row) => runDocument(row, exported.get(row.id), caller)),
        query,
      )
    },
    run: async (caller, runId) => {
      const row = await rowOf(caller, runId)
      return must(await jobs.run(row.id), `run ${runId} was there a moment ago`)
    },
  }
}
