import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table export_rules (
    id uuid primary key,
    sandbox_id uuid not null,
    name text not null,
    document jsonb not null,
    created_at timestamptz not null,
    created_by uuid not null,
    unique (sandbox_id, name)
  )`.execute(db)
  await sql`create index export_runs_by_dataset on export_runs (dataset_id, published_at)`.execute(db)
}
