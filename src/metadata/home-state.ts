import { type Generated, type Selectable, sql } from 'kysely'
import type { BatchId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface HomeTables {
  home_state: {
    is_only: Generated<boolean>
    /** The same through all restores. */
    home_id: Generated<string>
    /** Raised by every restore. */
    epoch: Generated<number>
    restored_from: string | null
    restored_at: Date | null
  }
}

export type HomeStateRow = Selectable<HomeTables['home_state']>

export async function selectHomeState(db: Db): Promise<HomeStateRow> {
  return await db.selectFrom('home_state').selectAll().executeTakeFirstOrThrow()
}

export interface NewEpoch {
  readonly backupId: string
  readonly at: Date
  /** Of the home that was restored. */
  readonly nodeId: string
  /** Batches whose files are in it. */
  readonly staged: readonly BatchId[]
}

/** No attempt made after the backup has so high a fence. */
const fenceStep = 1_000_000

/**
 * Makes restored rows those of a new epoch. Attempts of the old one hold nothing any more; what they had staged at
 * destinations and not sealed may have been delivered since, so it is never touched again. Of batches that wait for their
 * load, those whose files came with the backup are the new home's, and those that had none yet are nobody's.
 */
export async function beginEpoch(
  tx: Transaction,
  { backupId, at, nodeId, staged }: NewEpoch,
): Promise<number> {
  await sql`update job_runs set
      fence = fence + ${fenceStep}, lease_node = null, lease_incarnation = null,
      leased_until = case when state in ('running', 'sealed') then ${at}::timestamptz end, updated_at = ${at}
    where state in ('queued', 'running', 'sealed', 'waiting')`.execute(tx)
  // The backup that is restored was under way in itself.
  await sql`update job_runs set
      state = 'cancelled', cancel_requested_by = principal_id, leased_until = null, finished_at = ${at}
    where kind = 'backup' and state in ('queued', 'running', 'sealed', 'waiting')`.execute(tx)
  await sql`update batches set
      node_id = case when id = any(${staged}) then ${nodeId}::text
        when exists (select from batch_files file where file.batch_id = batches.id)
          or exists (select from batch_parts part where part.batch_id = batches.id) then node_id end
    where state in ('loading', 'queued', 'processing')`.execute(tx)
  await sql`update job_runs set node_id = batches.node_id from batches
    where kind = 'load' and batches.id = subject_id and job_runs.state not in ('succeeded', 'failed', 'cancelled')`.execute(
    tx,
  )
  await sql`update export_parts set state = 'gone' where state in ('intended', 'staged')`.execute(tx)
  await sql`delete from lake_pins where owner like 'backup %'`.execute(tx)
  const state = await tx
    .updateTable('home_state')
    .set({ epoch: sql`epoch + 1`, restored_from: backupId, restored_at: at })
    .returning('epoch')
    .executeTakeFirstOrThrow()
  return state.epoch
}
