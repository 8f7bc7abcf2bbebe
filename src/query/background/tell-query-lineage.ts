import type { Run } from '#jobs/jobs.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { LineageFact } from '#notify/lineage-event.ts'
import type { RunTask } from './run-task.ts'
import { manualTickPrefix } from '#metadata/scheduled-queries.ts'
import type { QueryServiceOptions } from '../services.ts'

/** By table name. */
export interface TouchedTables {
  readonly read: readonly string[]
  readonly written: readonly string[]
}

/** Tells what a run of a scheduled query reads and writes; of others nothing. In the transaction that makes it true. */
export async function tellQueryLineage(
  { lineage }: Pick<QueryServiceOptions, 'lineage'>,
  tx: Transaction,
  told: {
    readonly run: Run
    readonly task: Pick<RunTask, 'name' | 'isScheduled'>
    readonly type: LineageFact['type']
    readonly touched?: TouchedTables | undefined
    readonly rowCount?: number
    readonly message?: string
  },
): Promise<void> {
  const { run, task, type, touched, rowCount, message } = told
  if (!task.isScheduled) return
  const { read = [], written = [] } = touched ?? {}
  // Rows of several tables are counted together.
  const statistics = rowCount === undefined || written.length !== 1 ? undefined : { rowCount }
  await lineage.tell(tx, run, {
    type,
    job: { name: `query.${run.subjectId}`, title: task.name },
    nominalAt: run.tick.startsWith(manualTickPrefix) ? undefined : new Date(run.tick),
    inputs: read.map((name) => ({ name })),
    outputs: written.map((name) => ({ name, statistics })),
    message,
  })
}
