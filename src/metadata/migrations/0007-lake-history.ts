import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // Every commit is found again by the write that made it, whether it made a snapshot or not.
  `alter table lake_commits
    add column write_id uuid,
    add column is_expired boolean not null default false,
    drop constraint lake_commits_operation_check,
    add constraint lake_commits_operation_check
      check (operation in ('append', 'replace', 'overwrite', 'delete', 'alter', 'expire')),
    add unique (table_id, write_id)`,
  // Files that a commit took out of the table: recorded with it, forgotten once they are gone.
  `create table lake_removals (
    id uuid primary key,
    table_id uuid not null,
    dataset_id text not null,
    names json not null,
    created_at timestamptz not null
  )`,
  'create index on lake_removals (created_at)',
]
