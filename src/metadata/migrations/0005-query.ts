import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table query_log (
    id uuid primary key,
    sandbox_id uuid not null,
    principal_id uuid not null,
    principal_name text not null,
    client text not null,
    sql text not null,
    state text not null check (state in ('SUBMITTED', 'IN_PROGRESS', 'SUCCESS', 'FAILED', 'KILLED')),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    row_count bigint not null default 0,
    code text,
    message text
  )`.execute(db)
  await sql`create index query_log_newest on query_log (sandbox_id, created_at desc)`.execute(db)
  await sql`create index query_log_oldest on query_log (created_at)`.execute(db)
  await sql`create table scheduled_queries (
    id uuid primary key,
    sandbox_id uuid not null,
    principal_id uuid not null,
    name text not null,
    sql text not null,
    parameters json not null,
    schedule json,
    is_enabled boolean not null,
    created_at timestamptz not null
  )`.execute(db)
  await sql`create index scheduled_queries_newest on scheduled_queries (sandbox_id, created_at desc)`.execute(
    db,
  )
}
