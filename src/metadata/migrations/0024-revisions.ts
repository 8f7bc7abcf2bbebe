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
  // Raised with every change of what a scope covers: who has an answer of the same revision has the same answer.
  'create table revisions (scope text primary key, number bigint not null)',
  // At the commit, when all other locks are held: two changes wait for one another and never for ever. Once in a
  // transaction: a local setting remembers it.
  `create function raise_revision(raised text, setting text) returns void language plpgsql as $$ begin
    if current_setting(setting, true) is not distinct from raised then return; end if;
    insert into revisions values (raised, 1) on conflict (scope) do update set number = revisions.number + 1;
    perform set_config(setting, raised, true);
  end $$`,
  `create function raise_rights_revision() returns trigger language plpgsql as $$ begin
    perform raise_revision('rights', 'sluice.rights_raised');
    return null;
  end $$`,
  `create function raise_registry_revision() returns trigger language plpgsql as $$ begin
    perform raise_revision(
      'registry ' || case tg_op when 'DELETE' then old.sandbox_id else new.sandbox_id end, 'sluice.registry_raised');
    return null;
  end $$`,
  ...rights.map((table) => raising(table, 'raise_rights_revision')),
  ...registry.map((table) => raising(table, 'raise_registry_revision')),
]

function raising(table: string, by: string): string {
  return `create constraint trigger ${by} after insert or update or delete on ${table}
    deferrable initially deferred for each row execute function ${by}()`
}
