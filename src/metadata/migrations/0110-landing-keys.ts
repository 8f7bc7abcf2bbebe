import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table landing_keys (
    access_key_id text primary key,
    organization_id text not null,
    sandbox_id uuid not null,
    principal_id uuid not null,
    secret_id uuid not null,
    issued_at timestamptz not null,
    expires_at timestamptz not null
  )`,
  'create index on landing_keys (sandbox_id, principal_id, expires_at)',
]
