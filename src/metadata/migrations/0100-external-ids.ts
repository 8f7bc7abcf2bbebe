import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // A client's own name for a batch: of one dataset a single batch has it that is not over without rows.
  await sql`alter table batches add column external_id text`.execute(db)
  await sql`
    create unique index batches_external_id on batches (dataset_id, external_id)
    where external_id is not null and state not in ('failed', 'aborted', 'inactive')`.execute(db)
}
