import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table audit
    add column request_id text,
    add column client_id text,
    add column address text`,
  'create index on audit (organization_id, id)',
  // What waits for the sealer. An entry's number is given before its commit, so "after the last sealed one" would miss
  // entries of transactions that took longer.
  'create table audit_unsealed (audit_id bigint primary key)',
  'insert into audit_unsealed select id from audit',
  `create function audit_waits() returns trigger language plpgsql as
    $$ begin insert into audit_unsealed values (new.id); return null; end $$`,
  'create trigger audit_waits after insert on audit for each row execute function audit_waits()',
  // The hash of an entry covers the hash before it: none can be changed, taken out or moved without all after it.
  `create table audit_chain (
    sequence bigint primary key,
    audit_id bigint not null unique,
    hash bytea not null
  )`,
  `create trigger audit_chain_is_append_only before update or delete or truncate on audit_chain
    for each statement execute function audit_is_append_only()`,
]
