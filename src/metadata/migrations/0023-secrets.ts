import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table secrets (
    id uuid primary key,
    organization_id text not null references organizations,
    sandbox_id uuid,
    purpose text not null,
    sealed text not null,
    key_id text not null,
    created_at timestamptz not null
  )`.execute(db)
  await sql`create index secrets_by_key on secrets (key_id)`.execute(db)
}
