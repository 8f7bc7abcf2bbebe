import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // A copy is there when its row is: files without one are what somebody left who died.
  `create table scratch_copies (
    id text primary key,
    sandbox_id uuid not null,
    principal_id uuid not null,
    node_id text not null,
    folder text not null,
    format text not null,
    row_count bigint not null,
    files json not null,
    created_at timestamptz not null
  )`,
  'create index on scratch_copies (sandbox_id, principal_id, created_at)',
]
