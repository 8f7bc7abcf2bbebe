import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table views (
    id uuid primary key,
    sandbox_id uuid not null,
    principal_id uuid not null,
    name text not null,
    sql text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
  )`.execute(db)
  await sql`create unique index views_name on views (sandbox_id, lower(name))`.execute(db)
}
