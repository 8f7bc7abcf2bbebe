import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // `json`, not `jsonb`: the author's order of keys is the order of columns.
  await sql`create table schemas (
    id text not null,
    sandbox_id uuid not null,
    alt_id text not null,
    title text not null,
    version text not null,
    document json not null,
    columns json not null,
    is_ad_hoc boolean not null,
    created_at timestamptz not null,
    created_by uuid not null,
    primary key (sandbox_id, id),
    unique (sandbox_id, alt_id)
  )`.execute(db)
  await sql`create unique index schemas_title on schemas (sandbox_id, lower(title)) where not is_ad_hoc`.execute(
    db,
  )
  await sql`create table datasets (
    id text primary key,
    sandbox_id uuid not null,
    name text not null,
    description text not null,
    table_name text not null,
    table_id uuid not null unique,
    schema_id text not null,
    columns json not null,
    required_fields json not null,
    behavior text not null check (behavior in ('time-series', 'record', 'adhoc')),
    tags json not null,
    version integer not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    created_by uuid not null,
    deleted_at timestamptz,
    foreign key (sandbox_id, schema_id) references schemas (sandbox_id, id)
  )`.execute(db)
  await sql`create unique index datasets_table_name on datasets (sandbox_id, table_name) where deleted_at is null`.execute(
    db,
  )
  await sql`create index datasets_name on datasets (sandbox_id, name) where deleted_at is null`.execute(db)
  await sql`create table batches (
    id text primary key,
    dataset_id text not null references datasets (id),
    sandbox_id uuid not null,
    state text not null check (state in ('loading', 'queued', 'processing', 'success', 'failed', 'aborted')),
    format text not null check (format in ('parquet', 'json', 'csv', 'sql')),
    partial_ingestion_percentage double precision not null default 0,
    files_begun integer not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    completed_at timestamptz,
    record_count bigint not null default 0,
    failed_record_count bigint not null default 0,
    bytes bigint not null default 0,
    errors json not null default '[]',
    tags json not null default '{}',
    created_by uuid
  )`.execute(db)
  await sql`create index batches_dataset on batches (dataset_id, created_at)`.execute(db)
  await sql`create index batches_sandbox on batches (sandbox_id, created_at)`.execute(db)
  // `number` names the stored file; the declared name is only text.
  await sql`create table batch_files (
    batch_id text not null references batches (id),
    number integer not null,
    file_name text not null,
    bytes bigint not null,
    sha256 text not null,
    primary key (batch_id, number),
    unique (batch_id, file_name)
  )`.execute(db)
}
