import { minuteMs } from '../calendar.ts'
import type { Course } from './course.ts'
import type { ExportJob, Fact } from './facts.ts'

/** Counts what each run of the newsletter exported, for the states of its job, which come when all lives are told. */
export function createJobBook({ runs }: Course) {
  const counts = new Map(runs.map(({ jobId }) => [jobId, { realized: 0, failed: 0 }]))
  const jobOf = new Map(runs.map(({ batchInstanceId, jobId }) => [batchInstanceId, jobId]))
  return {
    see(fact: Fact): void {
      if (fact.kind === 'step' && fact.isEntrance && fact.batchInstanceId !== undefined) {
        const count = counts.get(jobOf.get(fact.batchInstanceId) ?? '')
        if (count) count.realized += 1
      } else if (fact.kind === 'export-job') {
        const count = counts.get(fact.jobId)
        if (count) count.failed += 1
      }
    },
    *jobs(): Generator<ExportJob> {
      for (const { index, jobId, at } of runs) {
        const { realized, failed } = counts.get(jobId) ?? { realized: 0, failed: 0 }
        const job = { kind: 'export-job', jobId } as const
        yield { ...job, id: `${jobId}-queued`, at: at - 20 * minuteMs, status: 'queued' }
        yield { ...job, id: `${jobId}-started`, at: at - 10 * minuteMs, status: 'started' }
        yield {
          ...job,
          id: `${jobId}-finished`,
          at: at - (5 - (index % 3)) * minuteMs,
          status: 'finished',
          code: 'INFO_EXPORTJOB_SUCCEEDED',
          counts: { total: realized + failed, realized, failed },
        }
      }
      const [first] = runs
      if (!first) return
      // Its first try ended badly a day before.
      const failed = { kind: 'export-job', jobId: 'export-job-0' } as const
      const at = first.at - 1_440 * minuteMs
      yield { ...failed, id: 'export-job-0-queued', at, status: 'queued' }
      yield { ...failed, id: 'export-job-0-started', at: at + minuteMs, status: 'started' }
      yield {
        ...failed,
        id: 'export-job-0-finished',
        at: at + 7 * minuteMs,
        status: 'finished',
        code: 'ERROR_EXPORTJOB_FAILED',
      }
    },
  }
}
