import { must, unreachable } from '#base/assert.ts'
import { type ErrorCode, meanings } from '#base/errors.ts'
import type { RunRow } from '#metadata/jobs.ts'
import type { Run } from './jobs.ts'

export function runOfRow(row: RunRow): Run {
  const base = {
    id: row.id,
    kind: row.kind,
    subjectId: row.subject_id,
    tick: row.tick,
    principalId: row.principal_id,
    sandboxId: row.sandbox_id,
    payload: row.payload,
    progress: row.progress,
    attempt: row.fence,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    startedAt: row.started_at ?? undefined,
  }
  const finishedAt = () => must(row.finished_at, `run ${row.id} is over and has no time of its end`)
  switch (row.state) {
    case 'queued':
      return { ...base, state: row.state, dueAt: row.due_at }
    case 'running':
    case 'sealed':
      return {
        ...base,
        state: row.state,
        leasedUntil: must(row.leased_until, `run ${row.id} is worked on without a lease`),
      }
    case 'waiting':
      return { ...base, state: row.state, retryAt: row.due_at, ...failureOf(row) }
    case 'succeeded':
      return { ...base, state: row.state, finishedAt: finishedAt(), result: row.result ?? {} }
    case 'failed':
      return { ...base, state: row.state, finishedAt: finishedAt(), ...failureOf(row) }
    case 'cancelled':
      return {
        ...base,
        state: row.state,
        finishedAt: finishedAt(),
        by: must(row.cancel_requested_by, `nobody cancelled run ${row.id}`),
      }
    default:
      return unreachable(row.state)
  }
}

function failureOf(row: RunRow): { code: ErrorCode; message: string } {
  const code = row.code !== null && row.code in meanings ? (row.code as ErrorCode) : 'internal'
  return { code, message: row.message ?? '' }
}
