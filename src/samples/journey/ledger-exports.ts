import { createTally } from '../tally.ts'
import type { ExportJob } from './facts.ts'
import { answer, type Book } from './book.ts'

interface Job {
  queuedAt?: number
  finished?: ExportJob
}

/** Exports of audiences: Q25. */
export function createExportLedger(): Book {
  const jobs = new Map<string, Job>()
  const failures = createTally()
  return {
    take(fact) {
      if (fact.kind !== 'export-job') return
      if (fact.person) {
        failures.add([fact.code ?? ''])
        return
      }
      const job = jobs.get(fact.jobId) ?? {}
      jobs.set(fact.jobId, job)
      if (fact.status === 'queued') job.queuedAt = fact.at
      if (fact.status === 'finished') job.finished = fact
    },
    answers: () => ({
      ajo_q25a_audience_exports: answer(
        [...jobs.entries()]
          .toSorted(([one], [other]) => (one < other ? -1 : 1))
          .map(([id, { queuedAt, finished }]) => [
            id,
            finished?.code,
            finished?.counts?.total ?? null,
            finished?.counts?.realized ?? null,
            finished?.counts?.failed ?? null,
            ((finished?.at ?? 0) - (queuedAt ?? 0)) / 60_000,
          ]),
      ),
      ajo_q25b_export_discards: answer(failures.rows()),
    }),
  }
}
