import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table sql_databases (
    id uuid primary key,
    sandbox_id uuid not null,
    name text not null,
    kind text not null,
    created_at timestamptz not null,
    created_by uuid not null
  )`.execute(db)
  await sql`create unique index sql_databases_name on sql_databases (sandbox_id, lower(name))`.execute(db)
  await sql`create table sql_schemas (
    id uuid primary key,
    sandbox_id uuid not null,
    database_id uuid not null references sql_databases on delete cascade,
    name text not null,
    created_at timestamptz not null,
    created_by uuid not null
  )`.execute(db)
  await sql`create unique index sql_schemas_name on sql_schemas (database_id, lower(name))`.execute(db)
  await sql`create table sql_schema_members (
    schema_id uuid not null references sql_schemas on delete cascade,
    sandbox_id uuid not null,
    name text not null,
    dataset_id text,
    view_id uuid references views on delete cascade,
    is_home boolean not null,
    created_at timestamptz not null,
    check ((dataset_id is null) <> (view_id is null))
  )`.execute(db)
  await sql`create unique index sql_schema_members_name on sql_schema_members (schema_id, lower(name))`.execute(
    db,
  )
  await sql`create index sql_schema_members_dataset on sql_schema_members (dataset_id)`.execute(db)
  await sql`create index sql_schema_members_view on sql_schema_members (view_id)`.execute(db)
}
