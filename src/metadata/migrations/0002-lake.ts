import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // The pointer of each table: `metadata_file` is below the table's folder, so that a home can be moved.
  `create table lake_tables (
    id uuid primary key,
    dataset_id text not null,
    sandbox_id uuid not null,
    columns json not null,
    day_column text,
    cluster_by json not null,
    metadata_file text not null,
    last_sequence integer not null default 0,
    last_ingest_time bigint not null default 0,
    snapshot_id text,
    created_at timestamptz not null
  )`,
  // Kept for ever: a batch committed once is never committed again. A batch without rows made no snapshot.
  `create table lake_commits (
    table_id uuid not null references lake_tables on delete cascade,
    sequence integer not null,
    batch_id text,
    operation text not null check (operation in ('append', 'replace', 'overwrite', 'delete')),
    snapshot_id text,
    current_snapshot_id text,
    added_rows bigint not null,
    added_files integer not null,
    added_bytes bigint not null,
    total_rows bigint not null,
    ingest_time bigint not null,
    committed_at timestamptz not null,
    primary key (table_id, sequence),
    unique (table_id, batch_id),
    unique (table_id, snapshot_id)
  )`,
  `create table lake_pins (
    owner text not null,
    table_id uuid not null references lake_tables on delete cascade,
    snapshot_id text not null,
    until timestamptz not null,
    primary key (owner, table_id)
  )`,
  'create index on lake_pins (table_id)',
  // Files that are being written: recorded before the first byte, gone in the transaction that commits them. Without
  // a reference, because a table's first metadata is written before its row.
  `create table lake_writes (
    id uuid primary key,
    table_id uuid not null,
    dataset_id text not null,
    incarnation text not null,
    state text not null check (state in ('open', 'sweeping')),
    touched_at timestamptz not null
  )`,
  'create index on lake_writes (touched_at)',
]
