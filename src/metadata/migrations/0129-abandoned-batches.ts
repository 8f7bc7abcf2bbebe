import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table batches drop constraint batches_state_check`.execute(db)
  await sql`alter table batches add constraint batches_state_check check
    (state in ('loading', 'queued', 'processing', 'success', 'failed', 'aborted', 'abandoned', 'inactive'))`.execute(
    db,
  )
  await sql`drop index batches_external_id`.execute(db)
  await sql`
    create unique index batches_external_id on batches (dataset_id, external_id)
    where external_id is not null and state not in ('failed', 'aborted', 'abandoned', 'inactive')`.execute(db)
  // Until now nobody noted when something came for them: the time they may wait begins here.
  await sql`update batches set updated_at = now() where state = 'loading'`.execute(db)
}
