import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // Tables that other engines fill before they exist: their folder is theirs until they commit, or too long.
  `create table lake_staged_tables (
    id uuid primary key,
    dataset_id text not null unique,
    sandbox_id uuid not null,
    principal_id uuid not null,
    name text not null,
    metadata json not null,
    created_at timestamptz not null
  )`,
  'create index on lake_staged_tables (created_at)',
]
