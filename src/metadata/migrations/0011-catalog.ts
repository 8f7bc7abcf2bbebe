import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // What the Catalog keeps of a dataset for its clients and does not act on.
  await sql`alter table datasets
    add column properties json not null default '{}',
    add column labels json not null default '{"labels":[],"optionalLabels":[]}',
    add column labels_version integer not null default 0,
    add column updated_by uuid`.execute(db)
  // A schema may go when the last dataset of it is gone: a deleted one keeps the id only. Those that live are asked for.
  await sql`alter table datasets drop constraint datasets_sandbox_id_schema_id_fkey`.execute(db)
  await sql`create index datasets_schema on datasets (sandbox_id, schema_id) where deleted_at is null`.execute(
    db,
  )
}
