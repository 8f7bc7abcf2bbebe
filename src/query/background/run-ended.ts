import type { Run } from '#jobs/jobs.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { selectScheduledQuery, updateScheduledQuery } from '#metadata/scheduled-queries.ts'
import { putQuerySchedule, timingOf } from './schedules.ts'
import type { QueryServiceOptions } from '../services.ts'
import { taskOf } from './run-task.ts'
import { tellQueryLineage } from './tell-query-lineage.ts'
import { tellAlert } from './tell-alert.ts'

/** What follows from a run that failed for good or was cancelled, in the transaction that says so. */
export async function runEnded(services: QueryServiceOptions, tx: Transaction, run: Run): Promise<void> {
  if (run.state !== 'failed' && run.state !== 'cancelled') return
  const task = await taskOf(tx, run).catch(() => undefined) // Gone: nobody can have subscribed to it.
  if (!task) return
  const isFailed = run.state === 'failed'
  await tellQueryLineage(services, tx, {
    run,
    task,
    type: isFailed ? 'FAIL' : 'ABORT',
    ...(isFailed ? { message: run.message } : {}),
  })
  if (!isFailed) return
  const { code, message } = run
  await tellAlert(services, tx, {
    run,
    event: { type: 'failure', ...task, text: message, detail: { error: { code, message } } },
  })
  if (task.isScheduled) await countFailure(services, tx, run)
}

async function countFailure(services: QueryServiceOptions, tx: Transaction, run: Run): Promise<void> {
  const { clock, jobs } = services
  const row = await selectScheduledQuery(tx, run.sandboxId, run.subjectId, { isLocked: true })
  if (!row) return
  const timing = timingOf(row)
  const failure_count = row.failure_count + 1
  const { quarantineAfter } = timing
  if (!row.is_enabled || quarantineAfter === undefined || failure_count < quarantineAfter) {
    return await updateScheduledQuery(tx, row.id, { failure_count })
  }
  await updateScheduledQuery(tx, row.id, {
    failure_count,
    is_enabled: false,
    is_quarantined: true,
    updated_at: clock.now(),
  })
  await putQuerySchedule(jobs, tx, row, { timing, isEnabled: false })
  const text = `It failed ${failure_count} times one after the other. Enable it again when the cause is mended.`
  const event = {
    type: 'quarantine',
    name: row.name,
    isScheduled: true,
    text,
    detail: { failureCount: failure_count },
  } as const
  await tellAlert(services, tx, { run, event })
}
