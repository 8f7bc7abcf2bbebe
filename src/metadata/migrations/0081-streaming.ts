import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table inlets (
    id uuid primary key,
    inlet_id text not null unique,
    sandbox_id uuid not null references sandboxes (id),
    name text not null,
    description text not null,
    source_id text not null,
    requires_authentication boolean not null,
    created_at timestamptz not null,
    created_by uuid not null,
    unique (sandbox_id, source_id)
  )`.execute(db)
  // Can be as long as messages of a window are many: no references that each of them would look up.
  await sql`create table stream_keys (
    dataset_id text not null,
    key uuid not null,
    batch_id text not null,
    seen_at timestamptz not null,
    primary key (dataset_id, key)
  )`.execute(db)
  await sql`create index stream_keys_seen_at on stream_keys using brin (seen_at)`.execute(db)
  await sql`create index batches_unfinished on batches (state) where state in ('queued', 'processing')`.execute(
    db,
  )
}
