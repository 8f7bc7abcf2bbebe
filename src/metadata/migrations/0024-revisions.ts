import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

/** What the decision function reads. */
const rights = [
  'organizations',
  'principals',
  'sandboxes',
  'roles',
  'role_permissions',
  'role_sandboxes',
  'role_members',
  'role_groups',
  'group_members',
]
/** What a look-up in the schema registry reads. */
const registry = ['schemas', 'descriptors']

const statements = [
  // Another one with every change of what a scope covers, and never one that was before, not even where a database went
  // back to an earlier state: who has an answer of the same revision has the same answer.
  'create table revisions (scope text primary key, revision uuid not null)',
  // At the commit, when all other locks are held: two changes wait for one another and never for ever. Once in a
  // transaction: a local setting remembers it.
  `create function renew_revision(renewed text, setting text) returns void language plpgsql as $$ begin
    if current_setting(setting, true) is not distinct from renewed then return; end if;
    insert into revisions values (renewed, gen_random_uuid())
      on conflict (scope) do update set revision = excluded.revision;
    perform set_config(setting, renewed, true);
  end $$`,
  `create function renew_rights_revision() returns trigger language plpgsql as $$ begin
    perform renew_revision('rights', 'sluice.rights_renewed');
    return null;
  end $$`,
  `create function renew_registry_revision() returns trigger language plpgsql as $$ begin
    perform renew_revision(
      'registry ' || case tg_op when 'DELETE' then old.sandbox_id else new.sandbox_id end, 'sluice.registry_renewed');
    return null;
  end $$`,
  ...rights.map((table) => renewing(table, 'renew_rights_revision')),
  ...registry.map((table) => renewing(table, 'renew_registry_revision')),
]

function renewing(table: string, by: string): string {
  return `create constraint trigger ${by} after insert or update or delete on ${table}
    deferrable initially deferred for each row execute function ${by}()`
}
