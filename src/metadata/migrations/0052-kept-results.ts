import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table kept_results (
    id uuid primary key,
    sandbox_id uuid not null,
    principal_id uuid not null,
    run_id uuid not null,
    node_id text,
    folder text,
    columns json,
    parts json not null default '[]',
    row_count bigint not null default 0,
    part_bytes bigint not null,
    link_key text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
  )`.execute(db)
  await sql`create index kept_results_expiry on kept_results (expires_at)`.execute(db)
}
