import type { Clock } from '#base/clock.ts'
import { AppError, toAppError } from '#base/errors.ts'
import {
  type DatasetId,
  parseId,
  type PrincipalId,
  type RunId,
  type SandboxId,
  type TableId,
} from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import type { Jobs, Retry, Run, RunContext } from '#jobs/jobs.ts'
import { serverOwner } from '#jobs/server-owner.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import { selectUpkeepTotals, type UpkeepTotals } from '#metadata/overview.ts'
import type { CompactResult, DeleteResult, Lake, RowCondition } from './lake.ts'

/**
 * The upkeep of tables as runs that are kept, leased and shown like all others: scheduled for all tables, or asked for
 * one. Everything in it may be done twice or be broken off.
 */
export interface Maintenance {
  /** Puts the schedules of all tasks; again with the same rules it changes nothing. */
  schedule(): Promise<void>
  /** Runs a task soon, for one table or all. */
  request(request: UpkeepRequest): Promise<RunId>
  /** Each task with its newest runs, newest first. */
  status(): Promise<readonly TaskStatus[]>
  /** Undefined when no run of upkeep has the id. */
  run(runId: RunId): Promise<UpkeepRun | undefined>
}

/** `compact`: small files and manifests become few; `expire`: old snapshots go; `sweep`: files that nobody knows go,
 * and those of datasets that were deleted as long ago; `retain`: rows go that are older than their dataset keeps them. */
export const upkeepTasks = ['compact', 'expire', 'sweep', 'retain'] as const
export type UpkeepTask = (typeof upkeepTasks)[number]

export interface UpkeepRequest {
  readonly task: UpkeepTask
  /** Absent: all tables. */
  readonly table?: { readonly id: TableId; readonly datasetId: DatasetId }
  /** Who asks; absent: the server itself. */
  readonly by?: { readonly principalId: PrincipalId; readonly sandboxId: SandboxId }
}

export interface TaskStatus {
  readonly task: UpkeepTask
  /** Over all runs there ever were. */
  readonly totals: UpkeepTotals
  readonly runs: readonly UpkeepRun[]
}

export interface UpkeepRun {
  readonly id: RunId
  readonly task: UpkeepTask
  readonly state: Run['state']
  /** Absent, as the dataset is then: all tables. */
  readonly tableId: TableId | undefined
  readonly datasetId: DatasetId | undefined
  /** Of who asked. */
  readonly sandboxId: SandboxId
  readonly createdAt: Date
  readonly startedAt: Date | undefined
  readonly finishedAt: Date | undefined
  readonly progress: UpkeepProgress
  readonly message: string | undefined
}

/** Counts over the tables done so far. */
export interface UpkeepProgress {
  readonly tables: number
  readonly tablesDone: number
  /** Of them those that could not be kept up; the log says why. */
  readonly tablesFailed: number
  readonly filesRewritten: number
  readonly filesRemoved: number
  readonly snapshotsRemoved: number
  readonly rowsRewritten: number
  readonly bytesRewritten: number
  readonly rowsRemoved: number
}

export interface MaintenanceOptions {
  readonly lake: Lake
  readonly jobs: Jobs
  readonly metadata: Metadata
  readonly clock: Clock
  readonly logger: Logger
  readonly everyMs?: Partial<Readonly<Record<UpkeepTask, number>>>
  /** Snapshots stay for so long, and longer while pinned. */
  readonly retentionMs?: number
  /** Size of the files that compaction makes. */
  readonly targetFileBytes?: number
  /** Rows of a table that are to go; absent: every table keeps its rows. */
  readonly rowsPast?: (tableId: TableId) => Promise<PastRows | undefined>
}

export interface PastRows {
  readonly condition: RowCondition
  /** Puts it on record in the transaction that removes them. */
  readonly recorded: (tx: Transaction, result: DeleteResult) => Promise<void>
  /** After some have gone. */
  readonly gone: (options: { readonly signal: AbortSignal }) => Promise<void>
}

const everyMsDefault = {
  compact: 600_000,
  expire: 3_600_000,
  sweep: 6 * 3_600_000,
  retain: 24 * 3_600_000,
} as const
export const retentionMsDefault = 7 * 86_400_000
const runsShownMax = 10
const triedOnce: Retry = { failureCountMax: 1, backoff: { firstMs: 0, maxMs: 0, jitter: 0 } }
const allTables = 'all'

const nothingYet: UpkeepProgress = {
  tables: 0,
  tablesDone: 0,
  tablesFailed: 0,
  filesRewritten: 0,
  filesRemoved: 0,
  snapshotsRemoved: 0,
  rowsRewritten: 0,
  bytesRewritten: 0,
  rowsRemoved: 0,
}

/** Registers the handlers of the tasks: to be called before the jobs start. */
export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { jobs, metadata, clock } = options
  for (const task of upkeepTasks) {
    jobs.register({
      kind: kindOf(task),
      parallelRunsMax: 1,
      // Whoever asked for one table hears at once what keeps it from its upkeep, unless that may pass.
      retryOf: ({ subjectId }, { meaning }) =>
        subjectId === allTables || meaning.retry ? undefined : triedOnce,
      run: async (context) => {
        const progress = await runTask(options, task, context)
        await metadata.transaction(async (tx) => await context.lease.finish(tx, { ...progress }))
        return 'finished'
      },
    })
  }
  return {
    schedule: async () => {
      await metadata.transaction(async (tx) => {
        for (const task of upkeepTasks) {
          const everyMs = options.everyMs?.[task] ?? everyMsDefault[task]
          await jobs.putSchedule(tx, {
            kind: kindOf(task),
            subjectId: allTables,
            rule: { kind: 'every', startAt: new Date(0), everyMs },
            ...serverOwner,
            isEnabled: true,
          })
        }
      })
    },
    request: async ({ task, table, by }) => {
      const now = clock.now()
      const runId = await metadata.transaction(
        async (tx) =>
          await jobs.enqueue(tx, {
            kind: kindOf(task),
            subjectId: table?.id ?? allTables,
            tick: `asked ${now.toISOString()}`,
            dueAt: now,
            ...(by ?? serverOwner),
            payload: table ? { datasetId: table.datasetId } : {},
          }),
      )
      jobs.ring()
      return runId
    },
    status: async () =>
      await Promise.all(
        upkeepTasks.map(async (task) => ({
          task,
          totals: await selectUpkeepTotals(metadata.db, kindOf(task)),
          runs: (await jobs.runs({ kind: kindOf(task), limit: runsShownMax })).map((run) =>
            upkeepRun(task, run),
          ),
        })),
      ),
    run: async (runId) => {
      const run = await jobs.run(runId)
      const task = upkeepTasks.find((candidate) => kindOf(candidate) === run?.kind)
      return run && task && upkeepRun(task, run)
    },
  }
}

function kindOf(task: UpkeepTask): string {
  return `lake.${task}`
}

/** Of all tables one that fails keeps no other from its upkeep. @throws what failed of the one that was asked for */
async function runTask(
  options: MaintenanceOptions,
  task: UpkeepTask,
  { run, lease, signal }: RunContext,
): Promise<UpkeepProgress> {
  const { lake, logger, clock, retentionMs = retentionMsDefault } = options
  const isOfAll = run.subjectId === allTables
  const tableIds = isOfAll ? await lake.tableIds() : [parseId('table', run.subjectId)]
  let progress: UpkeepProgress = { ...nothingYet, tables: tableIds.length }
  if (task === 'sweep') progress = plus(progress, await lake.sweep({ signal }))
  if (task === 'sweep' && isOfAll) {
    const before = new Date(clock.now().getTime() - retentionMs)
    progress = plus(progress, await lake.removeDropped({ before, signal }))
  }
  for (const tableId of tableIds) {
    signal.throwIfAborted()
    const before = progress
    const onProgress = async (soFar: Partial<UpkeepProgress>) =>
      await lease.saveProgress({ ...plus(before, soFar) })
    try {
      progress = plus(progress, await keepUp(options, task, { tableId, signal, onProgress }))
    } catch (error) {
      signal.throwIfAborted()
      const isGone = error instanceof AppError && error.code === 'dataset.unknown'
      if (!isGone) {
        progress = plus(progress, { tablesFailed: 1 })
        if (!isOfAll) {
          await lease.saveProgress({ ...progress })
          throw error
        }
        logger.log('error', 'lake.upkeep.failed', { task, tableId, code: toAppError(error).code, error })
      }
    }
    progress = plus(progress, { tablesDone: 1 })
    await lease.saveProgress({ ...progress })
  }
  return progress
}

async function keepUp(
  options: MaintenanceOptions,
  task: UpkeepTask,
  {
    onProgress,
    ...table
  }: {
    readonly tableId: TableId
    readonly signal: AbortSignal
    readonly onProgress: (soFar: Partial<UpkeepProgress>) => Promise<void>
  },
): Promise<Partial<UpkeepProgress>> {
  const { lake, retentionMs = retentionMsDefault, targetFileBytes } = options
  switch (task) {
    case 'compact': {
      const result = await lake.compact({
        ...table,
        ...(targetFileBytes === undefined ? {} : { rule: { targetBytes: targetFileBytes } }),
        onProgress: async (soFar) => await onProgress(rewritten(soFar)),
      })
      await lake.mergeManifests(table)
      return rewritten(result)
    }
    case 'expire':
      return await lake.expire({ ...table, retentionMs })
    case 'sweep':
      return await lake.removeOrphans(table)
    case 'retain': {
      const past = await options.rowsPast?.(table.tableId)
      if (!past) return {}
      const { condition, recorded, gone } = past
      const removed = await lake.deleteRows({ ...table, condition, within: recorded })
      if (removed.rowsRemoved > 0) await gone(table)
      const { rowsRemoved, rowsKept, filesRewritten, filesRemoved, snapshotsRemoved } = removed
      return {
        rowsRemoved,
        rowsRewritten: rowsKept,
        filesRewritten,
        filesRemoved,
        snapshotsRemoved: snapshotsRemoved.length,
      }
    }
  }
}

function rewritten({ filesBefore, rowCount, bytesRewritten }: CompactResult): Partial<UpkeepProgress> {
  return { filesRewritten: filesBefore, rowsRewritten: rowCount, bytesRewritten }
}

function plus(progress: UpkeepProgress, more: Partial<UpkeepProgress>): UpkeepProgress {
  const keys = Object.keys(nothingYet) as (keyof UpkeepProgress)[]
  const sums = keys.map((key) => [key, progress[key] + (more[key] ?? 0)] as const)
  return Object.fromEntries(sums) as unknown as UpkeepProgress
}

function upkeepRun(task: UpkeepTask, run: Run): UpkeepRun {
  const { datasetId } = run.payload
  return {
    id: run.id,
    task,
    state: run.state,
    tableId: run.subjectId === allTables ? undefined : parseId('table', run.subjectId),
    datasetId: typeof datasetId === 'string' ? parseId('dataset', datasetId) : undefined,
    sandboxId: run.sandboxId,
    createdAt: run.createdAt,
    startedAt: run.startedAt,
    finishedAt: 'finishedAt' in run ? run.finishedAt : undefined,
    progress: { ...nothingYet, ...(run.state === 'succeeded' ? run.result : run.progress) },
    message: 'message' in run ? run.message : undefined,
  }
}
