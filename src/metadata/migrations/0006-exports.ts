import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table flow_entities (
    id uuid primary key,
    sandbox_id uuid not null,
    kind text not null check (kind in ('connections', 'sourceConnections', 'targetConnections', 'flows')),
    document jsonb not null,
    etag text not null,
    created_at timestamptz not null,
    created_by uuid not null,
    updated_at timestamptz not null,
    updated_by uuid not null,
    deleted_at timestamptz
  )`,
  `create index flow_entities_alive on flow_entities (sandbox_id, kind, updated_at) where deleted_at is null`,
  // One a flow and dataset: what has been delivered so far.
  `create table export_chains (
    flow_id uuid not null,
    dataset_id text not null,
    number integer not null,
    manifest_sha256 text not null,
    manifest_name text not null,
    location text not null,
    watermark_sequence bigint not null,
    published_at timestamptz not null,
    primary key (flow_id, dataset_id)
  )`,
  `create table export_runs (
    run_id uuid primary key,
    flow_id uuid not null,
    dataset_id text not null,
    plan jsonb not null,
    manifest text,
    published_at timestamptz,
    is_pinned boolean not null,
    created_at timestamptz not null
  )`,
  `create index export_runs_pinned on export_runs (run_id) where is_pinned`,
  // An intent is written before the first byte of what it names; nothing else is ever swept.
  `create table export_parts (
    id uuid primary key,
    run_id uuid not null references export_runs,
    fence integer not null,
    number integer not null,
    store jsonb not null,
    token jsonb not null,
    state text not null check (state in ('intended', 'staged', 'sealed', 'gone')),
    spool_path text not null,
    bytes bigint,
    sha256 text,
    row_count bigint,
    statistics jsonb,
    created_at timestamptz not null
  )`,
  `create index export_parts_unfinished on export_parts (run_id) where state <> 'gone'`,
]
