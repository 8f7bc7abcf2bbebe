import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import type { Access } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import { must } from '#base/assert.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { type FlowId, isId, type RunId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import type { Caller, Datasets } from '#datasets/datasets.ts'
import type { Engine } from '#engine/engine.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import {
  entitiesMax,
  selectEntity,
  selectExportJobRuns,
  selectExportRun,
  selectExportRuns,
} from '#metadata/exports.ts'
import { type RunRow, selectRun } from '#metadata/jobs.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { createEntities } from './entities.ts'
import { equalTo, pageOf } from './entity-query.ts'
import type { Exports } from './exports.ts'
import { runDocument } from './run-document.ts'
import { runExport } from './run-export.ts'

/** Deliveries one node makes at once. */
const parallelRunsMax = 2

export interface ExportsOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly secrets: SecretStore
  readonly engine: Engine
  readonly lake: Lake
  readonly datasets: Datasets
  readonly jobs: Jobs
  /** Below our home, as is `keysFolder`: nothing is ever delivered into their parent. */
  readonly spoolFolder: string
  readonly keysFolder: string
  readonly clock: Clock
  readonly logger: Logger
}

/** Registers the job kind `export`: a run's subject is the flow. */
export function createExports(options: ExportsOptions): Exports {
  const { metadata, access, jobs, clock } = options
  const home = dirname(options.keysFolder)
  jobs.register({
    kind: 'export',
    parallelRunsMax,
    run: (context) => runExport({ ...options, home }, context),
  })

  async function runNow(caller: Caller, flowId: FlowId): Promise<RunId> {
    const question = { principal: caller.principal, sandboxId: caller.sandbox.id }
    await access.require({ ...question, permission: 'manage-dataset-destinations' })
    const runId = await metadata.transaction(async (tx) => {
      if (!(await selectEntity(tx, caller.sandbox.id, 'flows', flowId)))
        throw new AppError('flow.unknown', `The requested flows resource ${flowId} is not found.`)
      await access.audit(
        {
          principalId: caller.principal.id,
          sandboxId: caller.sandbox.id,
          action: 'export',
          assetType: 'Destination',
          assetId: flowId,
          status: 'Allow',
        },
        tx,
      )
      return await jobs.enqueue(tx, {
        kind: 'export',
        subjectId: flowId,
        tick: `by hand ${randomUUID()}`,
        dueAt: clock.now(),
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        payload: {},
      })
    })
    jobs.ring()
    return runId
  }

  async function rowOf(caller: Caller, runId: RunId): Promise<RunRow> {
    await access.require({
      principal: caller.principal,
      permission: 'view-destinations',
      sandboxId: caller.sandbox.id,
    })
    const row = await selectRun(metadata.db, runId)
    if (row?.kind !== 'export' || row.sandbox_id !== caller.sandbox.id)
      throw new AppError('flow.unknown', `The requested runs resource ${runId} is not found.`, {
        detail: { id: runId, type: 'runs' },
      })
    return row
  }

  return {
    ...createEntities({ ...options, home }),
    runNow,
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
