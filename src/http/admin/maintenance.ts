import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { parseId, type SandboxId } from '#base/ids.ts'
import { type UpkeepRun, type UpkeepTask, upkeepTasks } from '#lake/maintenance.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Sluice']
/** What is kept up are datasets. */
const view = guarded('sluice', 'view-monitoring-dashboard', 'view-datasets')
const moment = z.iso.datetime().nullable()
const figures = z.record(z.string(), z.number())

const runDocument = z.object({
  id: z.string(),
  task: z.enum(upkeepTasks),
  state: z.string(),
  /** Null: all tables of the lake. */
  dataSetId: z.string().nullable(),
  createdAt: z.iso.datetime(),
  startedAt: moment,
  finishedAt: moment,
  progress: figures,
  message: z.string().nullable(),
})

/** The upkeep of tables: what runs, what it did, and a run soon. */
export function addMaintenance(app: App, dependencies: HttpDependencies): void {
  const { maintenance } = dependencies
  addRequest(app, dependencies)
  app.get(
    '/maintenance',
    {
      config: view,
      schema: {
        tags,
        summary: 'The upkeep of tables: states, progress and figures',
        response: {
          200: z.object({
            tasks: z.array(
              z.object({
                task: z.enum(upkeepTasks),
                totals: figures,
                lastSuccessAt: moment,
                runs: z.array(runDocument),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { sandbox } = callerOf(request)
      return {
        tasks: (await maintenance.status()).map(({ task, totals: { lastSuccessAt, ...totals }, runs }) => ({
          task,
          totals,
          lastSuccessAt: lastSuccessAt?.toISOString() ?? null,
          runs: runs.filter((run) => isSeenFrom(run, sandbox.id)).map(documentOf),
        })),
      }
    },
  )
  app.get(
    '/maintenance/runs/:id',
    {
      config: view,
      schema: {
        tags,
        summary: 'One run of upkeep',
        params: z.object({ id: z.string() }),
        response: { 200: runDocument },
      },
    },
    async (request) => {
      const run = await maintenance.run(parseId('run', request.params.id))
      if (!run || !isSeenFrom(run, callerOf(request).sandbox.id)) {
        throw new AppError('query.unknown', `There is no run of upkeep ${request.params.id}.`)
      }
      return documentOf(run)
    },
  )
}

function addRequest(app: App, { maintenance, datasets, access, administration }: HttpDependencies): void {
  app.post(
    '/maintenance',
    {
      config: guarded('sluice', 'manage-datasets'),
      schema: {
        tags,
        summary: 'Compact, expire or sweep soon',
        description:
          'Without `dataSetId` all tables of the lake, which is for administrators of the first organisation.',
        body: z.strictObject({
          tasks: z.array(z.enum(upkeepTasks)).min(1).max(upkeepTasks.length),
          dataSetId: z.string().optional(),
        }),
        response: {
          202: z.object({ runs: z.array(z.object({ task: z.enum(upkeepTasks), id: z.string() })) }),
        },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { tasks, dataSetId } = request.body
      const by = { principalId: caller.principal.id, sandboxId: caller.sandbox.id }
      const dataset =
        dataSetId === undefined ? undefined : await datasets.get(caller, parseId('dataset', dataSetId))
      if (!dataset) {
        await access.require({
          principal: caller.principal,
          sandboxId: caller.sandbox.id,
          permission: 'administer-organization',
        })
        await administration.requireFirstOrganization(caller)
      }
      const runs: { task: UpkeepTask; id: string }[] = []
      for (const task of new Set(tasks)) {
        const table = dataset && { id: dataset.tableId, datasetId: dataset.id }
        runs.push({ task, id: await maintenance.request({ task, by, ...(table ? { table } : {}) }) })
      }
      await access.audit({
        ...by,
        action: 'maintain',
        assetType: 'Dataset',
        assetId: dataset?.id ?? 'all',
        status: 'Allow',
        detail: { tasks },
      })
      return await reply.code(202).send({ runs })
    },
  )
}

/** Runs for all tables are everybody's; those for one are its sandbox's. */
function isSeenFrom(run: UpkeepRun, sandboxId: SandboxId): boolean {
  return run.datasetId === undefined || run.sandboxId === sandboxId
}

function documentOf(run: UpkeepRun) {
  return {
    id: run.id,
    task: run.task,
    state: run.state,
    dataSetId: run.datasetId ?? null,
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    finishedAt: run.finishedAt?.toISOString() ?? null,
    progress: { ...run.progress },
    message: run.message ?? null,
  }
}
