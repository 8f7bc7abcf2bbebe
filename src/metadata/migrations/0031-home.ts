import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // Whose data these are, through all restores, and how often they were restored: who knows an older epoch works no more.
  await sql`create table home_state (
    is_only boolean primary key default true check (is_only),
    home_id uuid not null default gen_random_uuid(),
    epoch integer not null default 1,
    restored_from text,
    restored_at timestamptz
  )`.execute(db)
  await sql`insert into home_state default values`.execute(db)
}
