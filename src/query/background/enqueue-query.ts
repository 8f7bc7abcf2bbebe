import { randomUUID } from 'node:crypto'
import type { RunId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { insertQueryLog } from '#metadata/query.ts'
import type { QueryRequest } from '../background.ts'
import type { ResolvedText } from './resolve-text.ts'
import type { QueryServiceOptions } from '../services.ts'

export interface NewQuery {
  /** The job that carries it out. */
  readonly kind: string
  readonly request: QueryRequest
  readonly resolved: ResolvedText
  /** What is really run, and what it makes of its rows. */
  readonly effective?: { readonly sql: string; readonly output: 'ctas' | 'insert' | undefined }
  /** What the audit says of it besides. */
  readonly detail?: Readonly<Record<string, string>>
  readonly within?: (
    tx: Transaction,
    query: { readonly id: string; readonly runId: RunId; readonly now: Date },
  ) => Promise<void>
}

/** Puts a query in line: its run, its entry in the log and the word of it in the audit, all or nothing. */
export async function enqueueQuery(
  { access, clock, jobs, metadata }: QueryServiceOptions,
  { principal, sandbox }: Caller,
  { kind, request, resolved, effective, detail = {}, within }: NewQuery,
): Promise<string> {
  const id = randomUUID()
  const now = clock.now()
  const who = { principalId: principal.id, sandboxId: sandbox.id }
  await metadata.transaction(async (tx) => {
    const run = { kind, subjectId: id, tick: 'submitted', dueAt: now, payload: {} }
    const runId = await jobs.enqueue(tx, { ...run, ...who })
    await insertQueryLog(tx, [
      {
        id,
        sandbox_id: sandbox.id,
        principal_id: principal.id,
        principal_name: principal.name,
        client: 'API',
        sql: resolved.text,
        state: 'SUBMITTED',
        created_at: now,
        updated_at: now,
        run_id: runId,
        template_id: resolved.template?.id ?? null,
        template_name: resolved.template?.name ?? null,
        request: JSON.stringify(request),
        effective_sql: effective?.sql ?? null,
        output: effective?.output ?? null,
      },
    ])
    await within?.(tx, { id, runId, now })
    const entry = { action: 'query', assetType: 'Query', assetId: id, status: 'Allow' } as const
    await access.audit({ ...who, ...entry, detail: { client: 'API', ...detail } }, tx)
  })
  jobs.ring()
  return id
}
