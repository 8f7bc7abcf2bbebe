import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table clients
    add column name text not null default '',
    add column revoked_at timestamptz`,
  // Several at a time: while a new secret is brought out, the old one still works.
  `create table client_secrets (
    id uuid primary key,
    client_id text not null references clients on delete cascade,
    secret_hash bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz
  )`,
  'create index on client_secrets (client_id)',
  `insert into client_secrets (id, client_id, secret_hash, created_at)
    select gen_random_uuid(), client_id, secret_hash, created_at from clients`,
  'alter table clients drop column secret_hash',
  // Public keys whose private halves sign assertions.
  `create table client_keys (
    id uuid primary key,
    client_id text not null references clients on delete cascade,
    public_key text not null,
    created_at timestamptz not null,
    expires_at timestamptz
  )`,
  'create index on client_keys (client_id)',
  // Assertions are good for one token; kept until they would have expired.
  `create table used_assertions (
    assertion_hash bytea primary key,
    expires_at timestamptz not null
  )`,
  'create index on used_assertions (expires_at)',
  // Tokens of before name no client; they are few and short-lived.
  'delete from tokens',
  `alter table tokens
    add column client_id text not null references clients on delete cascade,
    add column issued_at timestamptz not null`,
  'create index on tokens (client_id)',
  // SCRAM tells salt and iterations before the proof comes: an earlier password that still works shares both.
  `alter table sql_logins
    add column expires_at timestamptz,
    add column previous_stored_key bytea,
    add column previous_server_key bytea,
    add column previous_until timestamptz`,
  'create index on sql_logins (principal_id)',
]
