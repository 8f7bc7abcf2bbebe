import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

// The record stays append-only, but for what is older than the moment that a transaction says, and says so.
const statements = [
  'drop trigger audit_is_append_only on audit',
  'drop trigger audit_chain_is_append_only on audit_chain',
  `create trigger audit_is_append_only before update or truncate on audit
    for each statement execute function audit_is_append_only()`,
  `create trigger audit_chain_is_append_only before update or truncate on audit_chain
    for each statement execute function audit_is_append_only()`,
  `create function audit_expires() returns trigger language plpgsql as $$ begin
    if old.at < nullif(current_setting('sluice.audit_expires_before', true), '')::timestamptz then return old; end if;
    raise exception 'The audit is append-only.';
  end $$`,
  'create trigger audit_expires before delete on audit for each row execute function audit_expires()',
  `create function audit_link_expires() returns trigger language plpgsql as $$ begin
    if nullif(current_setting('sluice.audit_expires_before', true), '') is not null
      and not exists (select 1 from audit where id = old.audit_id) then return old; end if;
    raise exception 'The audit is append-only.';
  end $$`,
  'create trigger audit_link_expires before delete on audit_chain for each row execute function audit_link_expires()',
]
