import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table dataset_expirations (
    id text primary key,
    sandbox_id uuid not null references sandboxes (id),
    dataset_id text not null references datasets (id),
    dataset_name text not null,
    display_name text not null,
    description text not null,
    status text not null check (status in ('pending', 'executing', 'cancelled', 'completed')),
    expiry timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    updated_by uuid not null
  )`.execute(db)
  // A dataset has one end at a time.
  await sql`create unique index dataset_expirations_open on dataset_expirations (dataset_id)
    where status in ('pending', 'executing')`.execute(db)
}
